"""The process of flows hears all that it is told, and goes on whatever cannot be written."""

import errno
import json
import queue
import threading

import pytest
import yaml

from steering.core.errors import SteeringError
from steering.flow_runner import watcher as watching
from steering.flow_runner.watcher import Watcher
from steering.flow_steps.flow_journal import FlowJournal, journals
from tests.flow_runner.workspaces import UID, measured
from tests.flows.beamline import BEAMLINE

NOBODY = 20.0
FLOWS = {
    "each": {"trigger": "end", "steps": {"transfer": {"to": "store/{run.uid}"}}},
    "parts": {"trigger": {"at": "frames", "frames": 10}, "steps": {"catalogue": {}}},
}


@pytest.fixture
def beamline(tmp_path):
    path = tmp_path / "beamline.yaml"
    path.write_text(BEAMLINE + yaml.safe_dump({"flows": FLOWS}))
    return path


def told(what, run=UID, **more):
    return json.dumps({"what": what, "run": run, "scan": "rocking", **more})


def failing(monkeypatch, error, flow="each"):
    """Have a flow not be written down, as often as it is ordered."""
    order = watching.order

    def ordered(workspace, name, *rest, **more):
        if name == flow:
            raise error
        return order(workspace, name, *rest, **more)

    monkeypatch.setattr(watching, "order", ordered)


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), SteeringError("No space left on device. Make room.")]
)
def test_a_flow_that_cannot_be_written_down_is_said_and_the_others_are_done(workspace, beamline, monkeypatch, error):
    measured(workspace)
    said = []
    failing(monkeypatch, error)
    watcher = Watcher(workspace, beamline, said.append)
    watcher.run([told("ended"), told("events", frames=12)])
    watcher.finish()
    assert {one.id: one.state.status for one in journals(workspace)} == {f"parts-{UID[:8]}-1": "succeeded"}
    (sentence,) = said
    assert sentence == (
        f"The flow each was not ordered for the run {UID[:8]}: {str(error.args[-1]).rstrip('.')}. Mend that, then: "
        f"steering flow run each --run {UID[:8]}."
    )


def test_what_was_missed_and_cannot_be_written_down_ends_nothing(workspace, beamline, monkeypatch):
    Watcher(workspace, beamline, print).run([])
    measured(workspace)
    said = []

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(watching, "write_secret", full)
    failing(monkeypatch, OSError(errno.ENOSPC, "No space left on device"))
    watcher = Watcher(workspace, beamline, said.append)
    watcher.run([told("events", frames=12)])
    watcher.finish()
    assert [one.id for one in journals(workspace)] == [f"parts-{UID[:8]}-1"]
    assert "before.json cannot be written: No space left on device. Mend that" in said[0]
    assert "The flow each was not ordered for the run" in said[1]


def test_a_flow_whose_journal_cannot_be_written_is_said_and_the_next_one_is_done(workspace, beamline, monkeypatch):
    measured(workspace)
    write = FlowJournal.write

    def full(self, kind, *rest, **more):
        if self.id.startswith("each"):
            raise SteeringError(f"The journal of the flow {self.id} cannot be written: no room. Free space and resume.")
        return write(self, kind, *rest, **more)

    monkeypatch.setattr(FlowJournal, "write", full)
    said = []
    watcher = Watcher(workspace, beamline, said.append)
    watcher.run([told("ended"), told("events", frames=12)])
    watcher.finish()
    assert {one.id: one.state.status for one in journals(workspace)} == {
        f"each-{UID[:8]}": "ordered",
        f"parts-{UID[:8]}-1": "succeeded",
    }
    (sentence,) = said
    assert sentence == (
        f"The flow run each-{UID[:8]} was stopped: The journal of the flow each-{UID[:8]} cannot be written: no room. "
        "Free space and resume."
    )


def test_it_hears_while_it_still_looks_for_what_was_missed(workspace, beamline, monkeypatch):
    measured(workspace)
    heard, lines = threading.Event(), queue.Queue()

    def service():
        yield told("ended")
        yield from ("no json", "[1]", '{"what": "ended", "run": []}', told("events", run=[1], frames="x"))
        heard.set()
        yield from iter(lines.get, None)

    def looked(_self):
        # The pipe is read to its end while this lasts.
        assert heard.wait(NOBODY)
        lines.put(None)
        return []

    monkeypatch.setattr(Watcher, "_ended", looked)
    watcher = Watcher(workspace, beamline, print)
    watcher.run(service())
    watcher.finish()
    assert FlowJournal(workspace.directory / "flows" / f"each-{UID[:8]}").state.status == "succeeded"
