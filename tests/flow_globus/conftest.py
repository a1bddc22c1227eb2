"""The double, to which the environment leads, and a flow that is run in this process."""

from contextlib import contextmanager

import pytest

from steering.core import registry
from steering.flow_globus import connection
from steering.flow_runner.orders import order
from steering.flow_runner.runner import run_flow
from steering.flow_steps.warm import WarmFacilities
from steering.globus.patience import Pace
from tests.flow_globus.places import There
from tests.flow_runner.workspaces import UID, Inline, measured

QUICK = Pace(first=0.01, growth=1.5, longest=0.1, settle=0.2)


@contextmanager
def opened(workspace, folder, patch, forks):
    """Open the double with its places and warm nodes, and a run that was measured."""
    measured(workspace)
    made = There(folder, workspace)
    with made.double:
        for name, value in made.environment().items():
            patch.setenv(name, value)
        made.warm(forks, patch)
        yield made


def runner(workspace, patch):
    """Return what does a flow with the run, in this process, and says how it stands."""
    load, begin = registry.load, connection.FlowPatience.__init__
    patch.setattr(registry, "load", lambda door, name: Inline if name == "inline" else load(door, name))

    def quick(self, work):
        begin(self, work)
        self.pace = QUICK

    patch.setattr(connection.FlowPatience, "__init__", quick)

    def do(entry, name="keep", **more):
        journal, _ = order(workspace, name, entry, UID, **more)
        journal.forget_wish()
        with WarmFacilities(workspace) as facilities:
            return run_flow(workspace, journal, facilities)

    return do


@pytest.fixture
def there(workspace, tmp_path, monkeypatch, forks):
    """The double with its places and warm nodes, and a run that was measured."""
    with opened(workspace, tmp_path / "there", monkeypatch, forks) as made:
        yield made


@pytest.fixture
def run(workspace, monkeypatch, there):
    """Do a flow with the run; return how it stands."""
    return runner(workspace, monkeypatch)
