"""A run of which nothing can be heard for a moment is not begun a second time."""

from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from steering.facilities import globus_calls
from steering.facilities.globus_calls import Calls
from steering.globus.compute import PreemptedError, QueueRefusedError, RunFailedError
from steering.globus.errors import GlobusError, LoginError, unexpected
from steering.globus.patience import Patience


@pytest.fixture
def failing(workspace, monkeypatch):
    """Return calls whose runs are written down, and then fail as they are told."""

    def made(error):
        class Executor:
            def __init__(self, *_, written, **__):
                self.written = written

            def find(self, group, *_):
                self.written(group, "task")
                found = Future()
                found.set_exception(error)
                return found

            def shutdown(self, **_):
                pass

        login = SimpleNamespace(patience=Patience(), account=SimpleNamespace(client="c"))
        monkeypatch.setattr(globus_calls, "Login", lambda *_: login)
        monkeypatch.setattr(globus_calls, "ComputeExecutor", Executor)
        return Calls(workspace, workspace.directory / "notes", "E", print)

    return made


@pytest.mark.parametrize(
    ("error", "begun"),
    [
        (unexpected(ValueError("a login page"), "look at 1 runs"), True),
        (GlobusError("Globus could not look at 1 runs: no such route (400)."), True),
        (LoginError("Log in again."), True),
        (RunFailedError("The function failed."), False),
        (PreemptedError("The node went away."), False),
        (QueueRefusedError("No such queue."), False),
    ],
)
async def test_only_a_run_that_has_ended_is_forgotten(failing, error, begun):
    calls = failing(error)
    with pytest.raises(type(error)):
        await calls.run("sum", {}, [])
    assert calls.begun("sum") is begun
