"""A plan of an instrument may open several runs, whose lines are in one journal: flows are of one of them."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from steering.core import registry
from steering.core.errors import SteeringError
from steering.core.workspace import Workspace
from steering.documents.open_runs import OpenRuns
from steering.flow_runner.orders import order
from steering.flow_runner.runner import run_flow
from steering.flow_runner.watcher import Watcher
from steering.flow_steps.flow_journal import journals
from steering.flow_steps.recorded_run import find_run, read_run, read_runs
from steering.flow_steps.warm import WarmFacilities
from steering.journal.journal import Entry, Journal
from steering.journal.journal_runs import by_run, uids_in
from tests.flow_runner.workspaces import RULING, Inline, asdict, flow, measured
from tests.flows.beamline import BEAMLINE

FIRST, SECOND, INNER = "aaaa0000-1", "bbbb0000-2", "cccc0000-3"
POINTS = {FIRST: 40, SECOND: 30, INNER: 20}


def ruling(name, applied_at=1.8e9):
    return Entry("ruling", "ruling", {**asdict(RULING), "id": name, "applied_at": applied_at})


def one_journal(workspace):
    """Have a plan measure a run, and then one with another inside it; return its journal."""
    parts = {}
    for number, (uid, points) in enumerate(POINTS.items()):
        measured(workspace, uid, points, began=1.7e9 + 1000 * number)
        (path,) = workspace.journal.glob("*.jsonl")
        parts[uid] = [line for line in path.read_text().splitlines() if json.loads(line)["kind"] == "document"]
        path.unlink()
    journal = Journal(workspace.journal, "own")
    for entry in (ruling("before the first"),):
        journal.write(entry)
    put = journal.path.open("a")
    outer = parts[SECOND]

    def add(*lines):
        put.write("".join(f"{line}\n" for line in lines))
        put.flush()

    add(*parts[FIRST][:5])
    journal.write(ruling("in the first", 0.0))
    add(*parts[FIRST][5:])
    journal.write(ruling("between"))
    add(*outer[:9])
    add(*parts[INNER][:-1])
    journal.write(ruling("in the inner"))
    add(parts[INNER][-1], *outer[9:])
    journal.write(ruling("after"))
    put.close()
    journal.close()
    return journal.path


def test_each_run_is_read_as_if_it_were_alone(workspace):
    path = one_journal(workspace)
    assert list(uids_in(path)) == list(POINTS)
    assert [one.uid for one in read_runs(path)] == list(POINTS)
    for uid, points in POINTS.items():
        for run in (read_run(path, uid), find_run(workspace, uid), find_run(workspace, uid[:6])):
            assert (run.uid, len(run.events), run.entry.points, run.stop["run_start"]) == (uid, points, points, uid)
            assert run.facts().features["duration"].value == 60.0
            assert [file.name for file in run.files()] == [f"{uid}.h5", "journal.jsonl"]
            assert run.scalars().sizes["event"] == points
    assert read_run(path).uid == FIRST
    decided = {one.uid: [ruling.id for ruling in one.decisions.rulings] for one in read_runs(path)}
    assert decided == {
        FIRST: ["before the first", "in the first"], SECOND: ["between"], INNER: ["in the inner", "after"],
    }  # fmt: skip
    # The newest is the one that began last.
    assert find_run(workspace).uid == INNER
    with pytest.raises(SteeringError, match=r"No run of the workspace .* begins with 'dddd'"):
        find_run(workspace, "dddd")
    with pytest.raises(SteeringError, match="holds no run dddd0000: it has no start document"):
        read_run(path, "dddd0000-4")


def test_a_beginning_that_several_runs_have_is_ambiguous_also_within_one_journal(workspace):
    path = one_journal(workspace)
    path.write_text(path.read_text().replace(INNER, "aaaa9999-3"))
    with pytest.raises(SteeringError, match="2 runs of the workspace"):
        find_run(workspace, "aaaa")
    assert find_run(workspace, "aaaa9").uid == "aaaa9999-3"
    assert find_run(workspace, "aaaa0000").uid == FIRST


@given(st.lists(st.sampled_from(["open", "event", "ruling", "close"]), max_size=30))
def test_no_line_is_of_two_runs_and_none_is_lost(turns):
    entries, opened, count = [], [], 0
    for number, turn in enumerate(turns):
        if turn == "open":
            count += 1
            opened.append(f"run-{count}")
            entries.append(Entry("document", "start", {"uid": opened[-1]}))
            entries.append(Entry("document", "descriptor", {"uid": f"{opened[-1]}-d", "run_start": opened[-1]}))
        elif turn == "ruling":
            entries.append(Entry("ruling", "", {"id": number}))
        elif opened:
            run = opened[number % len(opened)]
            wanted = {"event": {"descriptor": f"{run}-d"}, "close": {"run_start": run}}[turn]
            entries.append(Entry("document", "event" if turn == "event" else "stop", {**wanted, "number": number}))
            opened = [one for one in opened if turn == "event" or one != run]
    found = by_run(entries)
    assert list(found) == [f"run-{number}" for number in range(1, count + 1)]
    sorted_lines = [entry for lines in found.values() for entry in lines]
    assert len(sorted_lines) == (len(entries) if count else 0)
    for run, lines in found.items():
        for entry in lines:
            assert entry.kind == "ruling" or run in str(entry.content)


@given(st.sampled_from(["start", "stop", "event", "descriptor", "datum"]), st.sampled_from([None, 3, "text", [1], {}]))
def test_what_is_no_document_is_of_the_newest_run(name, content):
    runs = OpenRuns()
    assert runs.take(name, content) == ""
    runs.open.append("run")
    assert runs.take(name, content) == ("" if (name, content) == ("start", {}) else "run")


def done(workspace, monkeypatch, uid):
    load = registry.load
    monkeypatch.setattr(registry, "load", lambda door, name: Inline if name == "inline" else load(door, name))
    journal, _ = order(workspace, "keep", flow(distribute=None, catalogue=None), uid)
    with WarmFacilities(workspace) as facilities:
        return run_flow(workspace, journal, facilities)


@pytest.mark.parametrize("uid", list(POINTS))
def test_a_flow_is_done_with_the_run_that_it_is_ordered_for(workspace, monkeypatch, uid):
    one_journal(workspace)
    state = done(workspace, monkeypatch, uid)
    assert state.status == "succeeded", state.why
    stored = workspace.directory / "store" / uid
    assert {one.name for one in stored.iterdir() if one.suffix == ".h5"} == {f"{uid}.h5"}


def test_each_run_of_a_plan_that_ended_while_nobody_watched_starts_its_flow(tmp_path):
    workspace, path = Workspace(tmp_path / "work"), tmp_path / "beamline.yaml"
    made = {"trigger": "end", "steps": {"transfer": {"to": "store/{run.uid}"}}}
    path.write_text(BEAMLINE + yaml.safe_dump({"flows": {"each": made}}))
    for before in (True, False):
        if not before:
            one_journal(workspace)
        watcher = Watcher(workspace, path)
        watcher.run(())
        watcher.finish()
    assert {one.id: one.state.status for one in journals(workspace)} == {
        f"each-{uid[:8]}": "succeeded" for uid in POINTS
    }
