"""Power is lost while a line of a flow's journal is written, at each of its lines: the flow goes on where it was."""

import json
import shutil

import pytest

from steering.catalogue.catalogue import Catalogue
from steering.core import registry
from steering.flow_runner.orders import order
from steering.flow_runner.runner import run_flow
from steering.flow_steps import flow_journal
from steering.flow_steps.flow_journal import FlowJournal, flows_folder
from steering.flow_steps.warm import WarmFacilities
from tests.flow_runner.test_kills import ID, STEPS, left
from tests.flow_runner.workspaces import UID, Inline, flow, measured

# Of a line in the making the first half is there, or all but the end of the line.
TORN = {"half": lambda line: line[: len(line) // 2], "all but its end": lambda line: line[:-1]}


def run(workspace):
    """Do what is left of the flow; return how it stands."""
    with WarmFacilities(workspace) as facilities:
        return run_flow(workspace, FlowJournal(flows_folder(workspace) / ID), facilities)


def found(state):
    """Return what came of each step, but for when."""
    outcomes = {one.name: dict(one.outcome) for one in state.steps}
    for name in ("transfer", "distribute"):
        outcomes[name]["files"] = [{**one, "at": 0} for one in outcomes[name]["files"]]
    # The file says when it was made.
    files = outcomes["compute"]["files"]
    outcomes["compute"]["files"] = [{**one, "sha256": ""} for one in files]
    return state.status, outcomes


def whole(journal):
    """See that nothing is left of the line that was cut off."""
    for line in (journal.folder / "journal.jsonl").read_text().splitlines():
        assert json.loads(line)["kind"]


@pytest.fixture
def torn(workspace, tmp_path, monkeypatch):
    """Do a flow, keep the workspace as it is before each line, with that line; return how the flow and its disk are."""
    load, append = registry.load, flow_journal.append
    monkeypatch.setattr(registry, "load", lambda door, name: Inline if name == "inline" else load(door, name))
    measured(workspace)
    order(workspace, "keep", flow(), UID)
    lines, kept = [], tmp_path / "kept"

    def snapshot(file, line):
        # What rings bells is no file.
        shutil.copytree(workspace.directory, kept / str(len(lines)), ignore=shutil.ignore_patterns("bells"))
        lines.append(line)
        append(file, line)

    with monkeypatch.context() as patch:
        patch.setattr(flow_journal, "append", snapshot)
        state = run(workspace)
    assert state.status == "succeeded", state.why
    shutil.copytree(workspace.directory, kept / "end", ignore=shutil.ignore_patterns("bells"))
    return lines, kept, found(state), left(workspace)


def ended_alike(workspace, journal, wanted, there, where):
    """Go on with a flow, and see that it ends as one that nothing was done to; return what was done once."""
    state = run(workspace)
    whole(journal)
    assert found(state) == wanted, where
    assert left(workspace) == there, where
    did = [one["key"] for one in journal.lines() if one["kind"] == "did"]
    assert len(did) == len(set(did))
    return did


@pytest.mark.parametrize("way", TORN)
def test_cut_off_in_any_line_it_ends_the_same_and_nothing_is_done_twice(torn, workspace, way):
    lines, kept, wanted, there = torn
    assert len(lines) > 20
    for number, line in enumerate(lines):
        shutil.rmtree(workspace.directory)
        shutil.copytree(kept / str(number), workspace.directory)
        journal = FlowJournal(flows_folder(workspace) / ID)
        with (journal.folder / "journal.jsonl").open("ab") as file:
            file.write(TORN[way](line))
        before = [one["key"] for one in journal.lines() if one["kind"] == "did"]
        did = ended_alike(workspace, journal, wanted, there, (number, line))
        assert did[: len(before)] == before
        assert [one["step"] for one in journal.lines() if one["kind"] == "done"] == list(STEPS)
        # Only the step that wrote an entry and could not say so any more writes it once more: it replaces itself.
        assert set(Catalogue(workspace).writes().values()) == {2 if b'"done"' in line and b'"catalogue"' in line else 1}
        assert not list(workspace.directory.rglob("*.part"))


@pytest.mark.parametrize("way", TORN)
def test_cut_in_any_line_when_all_was_done_it_ends_the_same(torn, workspace, way):
    """A disk that loses the end of a journal, and nothing else: what was done is found there, and is not in the way."""
    lines, kept, wanted, there = torn
    for number, line in enumerate(lines):
        shutil.rmtree(workspace.directory)
        shutil.copytree(kept / "end", workspace.directory)
        journal = FlowJournal(flows_folder(workspace) / ID)
        path = journal.folder / "journal.jsonl"
        ordered = path.read_bytes().partition(b"\n")[0] + b"\n"
        path.write_bytes(ordered + b"".join(lines[:number]) + TORN[way](line))
        ended_alike(workspace, journal, wanted, there, (number, line))
