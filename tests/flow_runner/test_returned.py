"""What a flow has found comes back into a session, and an agent steers the next scan on it."""

import asyncio
import errno
import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial

import pytest
import xarray as xr

from steering.advice.runner import AgentRunner
from steering.core import registry
from steering.core.action import Pause, SetParameter
from steering.core.agent import Suggestion
from steering.core.board import Board
from steering.core.errors import SteeringError
from steering.core.parameter import Parameter
from steering.core.result import Feature, Outcome, Provenance, Result
from steering.core.status import BeamlineStatus
from steering.core.workspace import Workspace
from steering.description.description import read_description
from steering.flow_runner import returned
from steering.flow_runner.desk import Flows
from steering.flow_runner.feature_trigger import FeatureTrigger
from steering.flow_runner.orders import flows_of, order, stop_flows, triggers_of
from steering.flow_runner.returned import follow_flows, returned_by
from steering.flow_runner.runner import run_flow
from steering.flow_runner.watcher import BY_BYTES, BY_END, Watcher
from steering.flow_steps.bells import Bell
from steering.flow_steps.flow_journal import FlowJournal, flows_folder, journals
from steering.flow_steps.hold import VARIABLE
from steering.flow_steps.warm import WarmFacilities
from steering.flows.entries import FlowEntry
from steering.session.notices import Notices
from tests.flow_runner.workspaces import UID, Inline, flow, measured
from tests.flows.beamline import BEAMLINE

DEEP = {"facility": "inline", "analyses": [{"analysis": "rocking_curve", "label": "deep", "axes": ["th"]}]}


@pytest.fixture(autouse=True)
def inline(monkeypatch):
    load = registry.load
    monkeypatch.setattr(registry, "load", lambda door, name: Inline if name == "inline" else load(door, name))


def done(workspace, uid=UID):
    measured(workspace, uid)
    journal, _ = order(workspace, "keep", flow(transfer=None, compute=DEEP, distribute=None), uid)
    with WarmFacilities(workspace) as facilities:
        assert run_flow(workspace, journal, facilities).status == "succeeded"
    return journal


async def until(holds):
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  (of code that tells nobody)
            await asyncio.sleep(0.01)


async def test_a_session_is_told_of_what_was_done_before_and_of_what_is_done_then(workspace):
    await asyncio.to_thread(done, workspace)
    flows, brought = Flows(workspace, Board()), []
    following = asyncio.create_task(flows.follow(brought.append))
    await until(lambda: brought)
    await asyncio.to_thread(done, workspace, "ffff0000-1")
    await until(lambda: len(brought) == 2 and flows.states.value[0].status == "succeeded")
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert [one.provenance.run for one in brought] == [UID, "ffff0000-1"]
    assert brought[0].provenance.facility == f"inline, flow keep-{UID[:8]}"
    # Of the first a newer result of the same label has taken the place since: it has been brought all the same.
    flows.wait_brought(f"keep-{UID[:8]}", 0.0)
    with pytest.raises(TimeoutError):
        flows.wait_brought("keep-aaaa0000", 0.0)
    newest = flows.returned.value["deep"]
    assert newest.latency_class in ("live", "within a minute")
    assert "deep of run ffff0000 on inline, flow keep-ffff0000" in str(newest)
    # Where the clock was set back meanwhile, nobody knows.
    state = replace(flows.states.value[0], ordered=9e9)
    (odd,) = returned_by(state)
    assert odd.latency_class == "in a time that is not known"
    assert "nan" not in str(odd).partition(":")[0]
    assert [one.id for one in flows.states.value] == ["keep-ffff0000", f"keep-{UID[:8]}"]
    assert not list((flows_folder(workspace) / "bells").iterdir())


async def test_what_ends_late_is_brought_however_many_were_ordered_after_it(workspace, monkeypatch):
    monkeypatch.setattr(returned, "_read", lambda state: (state.id,))
    folder = flows_folder(workspace)

    def ordered(number):
        made = FlowJournal(folder / f"keep-{number:02}")
        made.order({"flow": "keep", "run": UID, "steps": ["compute"], "by": "ana", "time": float(number)})
        return made

    def computed(journal):
        with journal:
            journal.write("done", {"step": "compute", "outcome": {}})

    every = [ordered(number) for number in range(30)]
    computed(every[0])
    computed(every[29])
    brought, seen = [], []
    following = asyncio.create_task(follow_flows(folder, seen.append, brought.append))
    await until(lambda: brought)
    # When a session begins what is long ago is not brought, and what was ordered then and goes on is.
    await asyncio.to_thread(computed, every[1])
    await until(lambda: len(brought) == 2)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert brought == ["keep-29", "keep-01"]


class Fresh:
    """Suggests the exposure once for each result that it is given."""

    name, steers = "fresh", ("exposure",)

    def __init__(self):
        self.said = ()

    def ingest(self, result, parameters):
        self.said = (Suggestion(SetParameter("exposure", 0.5), "Its flow says so.", result.basis),)

    def suggest(self):
        said, self.said = self.said, ()
        return said


class Client:
    """Keeps what was proposed."""

    def __init__(self):
        self.proposed = []

    async def propose(self, action, **more):
        self.proposed.append((action, more["basis"]))


async def test_an_agent_steers_the_next_scan_on_it(workspace, monkeypatch):
    monkeypatch.setattr("steering.advice.runner.make_agent", lambda _binding: Fresh())
    from steering.core.binding import AgentBinding

    await asyncio.to_thread(done, workspace)
    board, client = Board(), Client()
    agents = AgentRunner(client, board, Notices(board.notice).say)
    working = asyncio.create_task(agents.run())
    following = asyncio.create_task(Flows(workspace, board).follow(agents.bring))
    exposure = Parameter("exposure", "s", 0.1, 0.01, 5.0, 2.0)
    agents.begin([AgentBinding("fresh", "fresh", "deep")])
    agents.set_mode("fresh", "automatic")
    board.status.set(BeamlineStatus("running", run="next-run", scan="rocking", parameters=(exposure,)))
    agents.look()
    await until(lambda: client.proposed)
    ((action, basis),) = client.proposed
    assert action == SetParameter("exposure", 0.5)
    assert basis.startswith("rocking_curve@")
    for task in (working, following):
        task.cancel()
    await asyncio.gather(working, following, return_exceptions=True)


FLOWS = """
flows:
  each: {trigger: end, steps: {compute: {facility: inline}, catalogue: {}}}
  maps: {trigger: {at: end, scans: [rocking]}, steps: {transfer: {to: "store/{run.uid}"}}}
  parts: {trigger: {at: frames, frames: 30}, steps: {compute: {facility: inline}}}
  heaps: {trigger: {at: bytes, bytes: 30 kB}, steps: {compute: {facility: inline}}}
  hand: {steps: {catalogue: {}}}
"""


def told(what, run=UID, **more):
    return json.dumps({"what": what, "run": run, "scan": "rocking", **more})


def watched(workspace, tmp_path, *lines):
    path = tmp_path / "beamline.yaml"
    path.write_text(BEAMLINE + FLOWS)
    watcher = Watcher(workspace, path)
    watcher.run(lines)
    watcher.finish()
    return {one.id: one.state.status for one in journals(workspace)}


def test_the_end_of_a_run_starts_the_flows_of_its_scan_once(workspace, tmp_path):
    assert watched(workspace, tmp_path) == {}
    measured(workspace)
    lines = [told("began"), "no json", "[]", told("ended"), told("ended"), told("ended", run="gone")]
    name = UID[:8]
    wanted = {f"each-{name}": "succeeded", f"maps-{name}": "succeeded"}
    found = watched(workspace, tmp_path, *lines)
    assert {key: one for key, one in found.items() if name in key} == wanted
    lines = [list(one.lines()) for one in journals(workspace)]
    assert {**watched(workspace, tmp_path, told("ended")), **found} == found
    assert [list(one.lines()) for one in journals(workspace)] == lines


@pytest.mark.parametrize("began", [9.8e9, 1.0e9])
def test_a_run_that_ended_while_nobody_watched_is_done_when_somebody_does_and_older_ones_are_not(
    workspace, tmp_path, began
):
    measured(workspace, "old00000-1")
    assert watched(workspace, tmp_path) == {}
    # Also where the clock was set back meanwhile.
    measured(workspace, "new00000-1", began=began)
    if began < 1.7e9:
        max(workspace.journal.iterdir()).rename(workspace.journal / "20010909T014640.0-rocking-0.jsonl")
    assert set(watched(workspace, tmp_path)) == {"each-new00000", "maps-new00000"}


def test_a_journal_that_cannot_be_read_keeps_no_flow_from_its_start(workspace, tmp_path):
    watched(workspace, tmp_path)
    spoilt = flows_folder(workspace) / "each-spoilt"
    spoilt.mkdir()
    (spoilt / "journal.jsonl").write_text('{"kind": "ordered", "time": 1}\n')
    measured(workspace)
    found = watched(workspace, tmp_path, told("ended"))
    assert found == {f"each-{UID[:8]}": "succeeded", f"maps-{UID[:8]}": "succeeded", "each-spoilt": "failed"}


def test_a_flow_that_was_cut_off_with_its_process_goes_on_with_the_next_one(workspace, tmp_path):
    watched(workspace, tmp_path)
    measured(workspace)
    entry = read_description(tmp_path / "beamline.yaml").flows["each"]
    journal, _ = order(workspace, "each", entry, UID, by=BY_END)
    with journal:
        journal.write("running")
    assert journal.state.status == "interrupted"
    # The other flow of the run was never ordered.
    assert watched(workspace, tmp_path) == {journal.id: "succeeded", f"maps-{UID[:8]}": "succeeded"}


async def test_a_session_whose_home_cannot_be_written_opens_without_flows(tmp_path):
    (tmp_path / "flows").write_text("no folder")
    flows = Flows(Workspace(tmp_path), Board())
    async with asyncio.timeout(20):
        await flows.follow(lambda _: None)
    assert flows.states.value == ()


def test_each_so_many_frames_start_a_flow_on_what_is_there(workspace, tmp_path):
    measured(workspace)
    found = watched(workspace, tmp_path, *(told("events", frames=n) for n in (10, 29, 31, 32, 59, 60, 61)))
    assert {key: one for key, one in found.items() if key.startswith("parts")} == {
        f"parts-{UID[:8]}-1": "succeeded",
        f"parts-{UID[:8]}-2": "succeeded",
    }


def test_each_so_many_bytes_start_a_flow_on_what_is_there_and_a_cut_off_one_goes_on(workspace, tmp_path):
    measured(workspace)
    sizes = (0, 29_000, 31_000, 45_000, 95_000)
    found = watched(workspace, tmp_path, *(told("events", frames=1, bytes=size) for size in sizes))
    # One that grew past two of them at once is looked at once, as it is then.
    assert found == {f"heaps-{UID[:8]}-1": "succeeded", f"heaps-{UID[:8]}-3": "succeeded"}
    assert {one.state.by for one in journals(workspace)} == {BY_BYTES}
    entry = read_description(tmp_path / "beamline.yaml").flows["heaps"]
    journal, _ = order(workspace, "heaps", entry, UID, by=BY_BYTES, number=4)
    with journal:
        journal.write("running")
    assert watched(workspace, tmp_path)[journal.id] == "succeeded"


@pytest.mark.system
def test_a_session_has_flows_done_by_a_process_of_its_own(workspace, monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(one for one in sys.path if one))
    measured(workspace)
    flows = Flows(workspace, Board())
    monkeypatch.setattr(Flows, "entries", {"keep": flow(compute=None)})
    assert "copy 2 files" in flows.explain("keep", UID)
    name = flows.run("keep")
    assert flows.wait(name, 60).status == "succeeded", flows.state(name).why
    assert flows.run("keep", UID) == name
    flows.cancel(name)
    assert flows.state(name).status == "succeeded"
    with pytest.raises(SteeringError, match=r"There is no flow 'x'\. There are: keep"):
        flows.run("x")
    with pytest.raises(SteeringError, match="0 flow runs are called 'x'"):
        flows.wait("x")
    done = subprocess.run(
        [sys.executable, "-m", "steering.cli", "flow", "status", "--json", "--workspace", str(workspace.directory)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert json.loads(done.stdout)["id"] == name
    assert done.returncode == 0


def test_the_built_in_beamline_has_a_flow(workspace):
    assert "keep" in flows_of(workspace)


def test_a_feature_of_the_running_scan_starts_a_flow_once_and_one_that_copies_at_its_end(workspace):
    measured(workspace)
    wide = {"at": "feature", "feature": "curve.fwhm > 1 mdeg and scan == rocking"}
    flows = {
        "look": FlowEntry.model_validate({"trigger": wide, "steps": {"catalogue": {}}}),
        "keep": FlowEntry.model_validate({"trigger": wide, "steps": {"transfer": {"to": "store"}}}),
        "never": FlowEntry.model_validate({"trigger": {**wide, "feature": "tau0 < 1 s"}, "steps": {"catalogue": {}}}),
        "odd": FlowEntry.model_validate({"trigger": {**wide, "feature": "fwhm < 1 s"}, "steps": {"catalogue": {}}}),
        "maps": FlowEntry.model_validate({"trigger": {**wide, "scans": ["map"]}, "steps": {"catalogue": {}}}),
    }
    board, ordered = Board(), []
    trigger = FeatureTrigger(board, flows, lambda name, run: ordered.append((name, run)))
    board.status.set(BeamlineStatus("running", run=UID, scan="rocking"))
    trigger.look()
    assert ordered == []
    outcome = Outcome({"fwhm": Feature(0.05, 0.01, "deg")}, xr.Dataset())
    source = Provenance(UID, "rocking_curve", {}, "0", "0.1", "local", 10, 9, label="curve")
    board.results.set({"curve": Result(1, outcome, source)})
    trigger.look()
    trigger.look()
    assert ordered == [("look", UID)]
    board.status.set(BeamlineStatus("idle", run=UID, scan="rocking"))
    trigger.look()
    trigger.look()
    assert ordered == [("look", UID), ("keep", UID)]


def test_an_alarm_starts_a_flow_once_a_run_and_one_of_another_run_or_agent_does_not():
    alarm = {"at": "alarm", "agent": "drift"}
    flows = {
        "look": FlowEntry.model_validate({"trigger": alarm, "steps": {"catalogue": {}}}),
        "keep": FlowEntry.model_validate({"trigger": alarm, "steps": {"transfer": {"to": "store"}}}),
        "other": FlowEntry.model_validate({"trigger": {**alarm, "agent": "recentre"}, "steps": {"catalogue": {}}}),
    }
    board, ordered = Board(), []
    trigger = FeatureTrigger(board, flows, lambda name, run: ordered.append((name, run)))
    board.status.set(BeamlineStatus("running", run=UID, scan="rocking"))
    # What was said in the run before may still stand on the board.
    old = Suggestion(Pause(), "It drifts.", agent="drift", run="before")
    board.advice.set((old,))
    trigger.look()
    assert ordered == []
    board.advice.set((old, replace(old, run=UID)))
    trigger.look()
    trigger.look()
    assert ordered == [("look", UID)]
    board.status.set(BeamlineStatus("idle", run=UID, scan="rocking"))
    trigger.look()
    assert ordered == [("look", UID), ("keep", UID)]


def test_a_flow_that_waits_for_the_end_of_its_run_does_not_wait_for_that_of_the_next():
    entry = {"trigger": {"at": "alarm", "agent": "drift"}, "steps": {"transfer": {"to": "store"}}}
    board, ordered = Board(), []
    flows = {"keep": FlowEntry.model_validate(entry)}
    trigger = FeatureTrigger(board, flows, lambda name, run: ordered.append((name, run)))
    board.status.set(BeamlineStatus("running", run=UID, scan="rocking"))
    board.advice.set((Suggestion(Pause(), "It drifts.", agent="drift", run=UID),))
    trigger.look()
    assert ordered == []
    # The next scan began before anybody had looked in between.
    board.status.set(BeamlineStatus("running", run="next", scan="rocking"))
    trigger.look()
    trigger.look()
    assert ordered == [("keep", UID)]


def test_a_service_that_is_not_heard_ends_no_run():
    entry = {"trigger": {"at": "alarm", "agent": "drift"}, "steps": {"transfer": {"to": "store"}}}
    board, ordered = Board(), []
    flows = {"keep": FlowEntry.model_validate(entry)}
    trigger = FeatureTrigger(board, flows, lambda name, run: ordered.append((name, run)))
    running = BeamlineStatus("running", run=UID, scan="rocking")
    # Said before the link was lost, and while it was.
    for said in ((), (Suggestion(Pause(), "It drifts.", agent="drift", run=UID),)):
        board.advice.set(said)
        for status in (running, replace(running, state="offline"), running):
            board.status.set(status)
            trigger.look()
    assert ordered == [], "its files still grow"
    board.status.set(replace(running, state="idle"))
    trigger.look()
    assert ordered == [("keep", UID)]


def test_what_cannot_be_ordered_is_said_and_tried_again(monkeypatch):
    entry = {"trigger": {"at": "feature", "feature": "fwhm > 0 deg"}, "steps": {"catalogue": {}}}
    board, said, ordered, full = Board(), [], [], [True]

    def give(name, run):
        if full[0]:
            raise SteeringError("The disk is full.")
        ordered.append((name, run))

    flows = {"keep": FlowEntry.model_validate(entry)}
    trigger = FeatureTrigger(board, flows, give, lambda *words: said.append(words))
    board.status.set(BeamlineStatus("running", run=UID, scan="rocking"))
    source = Provenance(UID, "rocking_curve", {}, "0", "0.1", "local", 10, 9, label="curve")
    board.results.set({"curve": Result(1, Outcome({"fwhm": Feature(0.05, 0.01, "deg")}, xr.Dataset()), source)})
    trigger.look()
    trigger.look()
    ((cause, sentence),) = said
    assert cause == "flow keep"
    assert sentence.endswith("The disk is full. It is tried again by itself.")
    full[0] = False
    monkeypatch.setattr("steering.flow_runner.feature_trigger.time.monotonic", lambda: math.inf)
    trigger.look()
    assert ordered == [("keep", UID)]
    assert said[1:] == [("flow keep", "")]


def test_a_flow_whose_process_cannot_be_started_is_begun_later_and_the_others_are_watched_for(workspace, monkeypatch):
    measured(workspace)
    entry = {"trigger": {"at": "feature", "feature": "fwhm > 0 deg"}, "steps": {"catalogue": {}}}
    flows = {"keep": FlowEntry.model_validate(entry)}
    board, said, begun, full = Board(), [], [], [True]

    def start(command, **_more):
        if full[0]:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        begun.append(command[-1])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr("steering.flow_runner.desk.subprocess.Popen", start)
    desk = Flows(workspace, board)
    trigger = FeatureTrigger(board, flows, partial(desk._on_feature, flows), lambda *words: said.append(words))
    board.status.set(BeamlineStatus("running", run=UID, scan="rocking"))
    source = Provenance(UID, "rocking_curve", {}, "0", "0.1", "local", 10, 9, label="curve")
    board.results.set({"curve": Result(1, Outcome({"fwhm": Feature(0.05, 0.01, "deg")}, xr.Dataset()), source)})
    trigger.look()
    assert said[0][1].endswith("Resource temporarily unavailable. It is tried again by itself.")
    full[0] = False
    monkeypatch.setattr("steering.flow_runner.feature_trigger.time.monotonic", lambda: math.inf)
    trigger.look()
    assert begun == [f"keep-{UID[:8]}"]


async def test_a_watch_for_features_that_ends_is_told_of_while_flows_are_followed(workspace, monkeypatch):
    async def ends(_self):
        message = "no room for a thread"
        raise OSError(message)

    entry = {"trigger": {"at": "feature", "feature": "fwhm > 0 deg"}, "steps": {"catalogue": {}}}
    monkeypatch.setattr(FeatureTrigger, "run", ends)
    monkeypatch.setattr(Flows, "entries", {"keep": FlowEntry.model_validate(entry)})
    monkeypatch.setattr("steering.flow_runner.desk.triggers_of", lambda _: {"keep": "feature"})
    said = []
    following = asyncio.create_task(Flows(workspace, Board()).follow(print, lambda *words: said.append(words)))
    await until(lambda: said)
    assert "no room for a thread" in said[0][1]
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


def test_on_a_full_disk_a_flow_is_not_ordered_and_that_is_said(workspace, monkeypatch):
    measured(workspace)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", full)
        with pytest.raises(SteeringError, match=r"cannot be written .*No space left.* It is not ordered: make room"):
            order(workspace, "keep", flow(), UID)
    assert not journals(workspace)
    _, new = order(workspace, "keep", flow(), UID)
    assert new


async def test_the_trigger_waits_for_the_board_and_ends_when_it_is_told_to():
    board, ordered = Board(), []
    entry = FlowEntry.model_validate(
        {"trigger": {"at": "feature", "feature": "fwhm > 0 deg"}, "steps": {"catalogue": {}}}
    )
    watching = asyncio.create_task(FeatureTrigger(board, {"x": entry}, lambda *one: ordered.append(one)).run())
    board.status.set(BeamlineStatus("running", run=UID, scan="rocking"))
    source = Provenance(UID, "rocking_curve", {}, "0", "0.1", "local", 10, 9, label="curve")
    board.results.set({"curve": Result(1, Outcome({"fwhm": Feature(0.05, 0.01, "deg")}, xr.Dataset()), source)})
    await until(lambda: ordered)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert ordered == [("x", UID)]


def test_what_starts_flows_is_known_without_what_loads_slowly(workspace, monkeypatch, tmp_path):
    assert triggers_of(workspace) == {"keep": "hand"}
    path = tmp_path / "beamline.yaml"
    monkeypatch.setattr("steering.flow_runner.orders.find_service", lambda _: {"file": str(path)})
    assert triggers_of(workspace) == {}
    path.write_text(BEAMLINE + FLOWS)
    assert triggers_of(workspace) == {
        "each": "end", "maps": "end", "parts": "frames", "heaps": "bytes", "hand": "hand",
    }  # fmt: skip
    for odd in ("[1]", "flows: 3", "flows: {a: 3}", "{", "flows: {a: {trigger: [1]}}"):
        path.write_text(odd)
        assert set(triggers_of(workspace)) <= {"a"}
    code = "import sys, steering.session.session\nprint({'bluesky', 'scanspec', 'h5py', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "set()\n"


@pytest.mark.system
def test_stop_ends_a_flow_that_runs_by_itself_and_it_can_be_resumed(workspace, monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(one for one in sys.path if one))
    monkeypatch.setattr(Flows, "entries", {"keep": flow(compute=None)})
    measured(workspace)
    held = tmp_path / "held"
    monkeypatch.setenv(VARIABLE, f"transfer.copied={held}")
    flows = Flows(workspace, Board())
    name = flows.run("keep")
    with Bell(flows_folder(workspace)) as bell:
        while not held.exists():
            bell.wait(0.1)
    assert stop_flows(workspace) == [name]
    assert flows.state(name).status == "interrupted"
    assert stop_flows(workspace) == []
    flows.resume(name)
    assert flows.wait(name, 60).status == "succeeded"
