"""A flow that was ordered, and whose kernel was killed before anybody began it, is begun, or is at least told of."""

import asyncio
import time
from dataclasses import replace

import pytest

from steering.core.board import Board
from steering.flow_runner import desk, returned, troubles
from steering.flow_runner.desk import Flows
from steering.flow_runner.orders import BY_END, order
from steering.flow_runner.troubles import Troubles, late_orders, seconds_until_late
from steering.flow_steps.flow_journal import FlowJournal
from steering.flow_steps.flow_state import FlowState
from tests.flow_runner.test_returned import until
from tests.flow_runner.workspaces import UID, flow, measured

KEEP = FlowState("keep-3f2a", "keep", "3f2a", "ordered", ordered=1000.0, wished=1000.0, by="ana")
LATE = (
    "The flow run keep-3f2a was ordered more than 60 s ago, and no process does it: whoever ordered it was ended "
    "first. Have it done: steering flow resume keep-3f2a."
)


class Process:
    """One that was started, and lives or has ended."""

    def __init__(self):
        self.code = None

    def poll(self):
        return self.code


@pytest.fixture
def flows(workspace, monkeypatch):
    """A session's flows, whose processes are only counted."""
    measured(workspace)
    monkeypatch.setattr(Flows, "entries", {"keep": flow(compute=None)})
    made = Flows(workspace, Board())
    made.begun = []
    monkeypatch.setattr(desk.subprocess, "Popen", lambda command, **_: made.begun.append(Process()) or made.begun[-1])
    return made


def ended(workspace, id_, status):
    with FlowJournal(workspace.directory / "flows" / id_) as journal:
        journal.write("ended", {"status": status, "why": ""})


def test_one_that_nobody_has_begun_is_begun_when_it_is_asked_for_again(workspace, flows):
    order(workspace, "keep", flow(compute=None), UID)
    assert flows.run("keep") == f"keep-{UID[:8]}"
    assert len(flows.begun) == 1
    # Its process is about to begin it.
    flows.run("keep")
    assert len(flows.begun) == 1
    flows.begun[0].code = -9
    flows.run("keep")
    assert len(flows.begun) == 2


def test_so_is_an_analysis(workspace, flows):
    flows.analyse("rocking_curve")
    assert len(flows.begun) == 1
    flows.begun[0].code = -9
    flows.analyse("rocking_curve")
    assert len(flows.begun) == 2


@pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled"])
def test_one_that_was_begun_once_is_not_begun_again_by_itself(workspace, flows, status):
    order(workspace, "keep", flow(compute=None), UID)
    ended(workspace, f"keep-{UID[:8]}", status)
    flows.run("keep")
    assert flows.begun == []


def test_one_that_runs_or_is_to_be_cancelled_is_left_alone(workspace, flows):
    journal, _ = order(workspace, "keep", flow(compute=None), UID)
    with journal:
        flows.run("keep")
    journal.wish_cancelled()
    flows.run("keep")
    assert flows.begun == []


def test_one_of_the_service_waits_for_its_turn_and_not_for_ever(workspace, flows, monkeypatch):
    order(workspace, "keep", flow(compute=None), UID, by=BY_END)
    flows.run("keep")
    assert flows.begun == []
    now = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: now)
    flows.run("keep")
    assert len(flows.begun) == 1


def test_an_order_is_late_after_a_minute_unless_another_flow_runs_here(monkeypatch):
    monkeypatch.setattr(troubles, "time", Clock(1059.0))
    assert late_orders([KEEP]) == frozenset()
    assert seconds_until_late([KEEP]) == 1.0
    monkeypatch.setattr(troubles, "time", Clock(1061.0))
    assert late_orders([KEEP]) == {KEEP.id}
    assert seconds_until_late([KEEP]) is None
    assert late_orders([replace(KEEP, status="failed"), replace(KEEP, wished=1055.0)]) == frozenset()
    runs = replace(KEEP, id="other", status="running")
    assert late_orders([KEEP, runs]) == frozenset()
    for far in ({"runs_on": "globus"}, {"globus": {"flow": "x"}}):
        assert late_orders([KEEP, replace(runs, order={"entry": far})]) == {KEEP.id}


def test_what_is_late_is_told_once_and_taken_back_when_somebody_begins_it(monkeypatch):
    told = []
    one = Troubles(lambda *said: told.append(said))
    for now, state in ((1000.0, KEEP), (1061.0, KEEP), (1100.0, KEEP), (1101.0, replace(KEEP, status="running"))):
        monkeypatch.setattr(troubles, "time", Clock(now))
        one.look((state,))
    assert told == [("flow keep-3f2a", LATE), ("flow keep-3f2a", "")]


class Clock:
    """The module time at a moment."""

    def __init__(self, now):
        self._now = now

    def time(self):
        return self._now


async def test_a_session_hears_of_it_though_nothing_happens(workspace, monkeypatch):
    monkeypatch.setattr(troubles, "LATE_SECONDS", 2.0)
    monkeypatch.setattr(returned, "_PAUSE_SECONDS", 0.01)
    told = []
    following = asyncio.create_task(Flows(workspace, Board()).follow(lambda _: None, lambda *one: told.append(one)))
    journal, _ = order(workspace, "keep", flow(), UID)
    await until(lambda: told)
    assert told[0][0] == f"flow {journal.id}"
    assert "no process does it" in told[0][1]
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def test_a_session_sees_that_whoever_ran_a_flow_was_killed_though_he_rings_no_bell(workspace, monkeypatch):
    monkeypatch.setattr(returned, "_KILLED_SECONDS", 0.1)
    monkeypatch.setattr(returned, "_PAUSE_SECONDS", 0.01)
    flows = Flows(workspace, Board())
    following = asyncio.create_task(flows.follow(lambda _: None))
    journal, _ = order(workspace, "keep", flow(), UID)
    journal.__enter__()
    journal.write("running")
    await until(lambda: flows.states.value and flows.states.value[0].status == "running")
    monkeypatch.setattr("steering.flow_steps.flow_journal.ring_all", lambda _folder: None)
    journal.__exit__()
    await until(lambda: flows.states.value[0].status == "interrupted")
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
