"""What a compute function returns may be anything: what was not asked for is not kept, and forges no line."""

import copy
import json

import pytest

from steering.core import registry
from steering.core.errors import SteeringError
from steering.flow_globus import on_endpoint
from steering.flow_globus.answer import read_answer
from steering.flow_steps.flow_journal import FlowJournal
from steering.flow_steps.recorded_run import find_run
from tests.flow_globus.places import STEPS
from tests.flow_runner.workspaces import UID, Inline, measured

ID = f"keep-{UID[:8]}"
OTHER = "other"


@pytest.fixture
def answer(workspace, tmp_path, monkeypatch):
    """What our own function returns."""
    load = registry.load
    monkeypatch.setattr(registry, "load", lambda door, name: Inline if name == "inline" else load(door, name))
    monkeypatch.setattr(on_endpoint, "default_workspace", lambda: workspace)
    measured(workspace)
    run, folder = find_run(workspace, UID), tmp_path / "there"
    folder.mkdir()
    return on_endpoint.compute_there(
        {
            "flow": ID, "name": "keep", "run": UID, "folder": str(folder), "address": "globus://eagle/there",
            "was": str(workspace.frames), "files": [], "files_in": str(workspace.frames),
            "journal_in": str(run.journal), "journal": str(run.journal), "compute": STEPS["compute"],
            "catalogue": STEPS["catalogue"], "features": {}, "when": {}, "transfer": None,
        }
    )  # fmt: skip


def read(given, *, catalogued=True):
    return read_answer(given, UID, ID, ("curve",), catalogued=catalogued)


def test_what_ours_returns_is_kept_as_it_is(answer):
    before = copy.deepcopy(answer)
    kept = read(answer)
    assert kept.results == before["results"]
    assert kept.entries == before["entries"]
    assert {name: before["outcome"][name] for name in kept.outcome} == kept.outcome
    assert set(kept.outcome) == {"facility", "features", "files"}
    with pytest.raises(SteeringError, match=r"the entries result:.*, which were not asked for"):
        read(answer, catalogued=False)


def renamed(mapping):
    mapping[OTHER] = mapping.pop("curve")


CHANGES = {
    "a file elsewhere": lambda one, _: one["outcome"]["files"][0].update(name="../../x.nxs"),
    "a size that is none": lambda one, _: one["outcome"]["files"][0].update(size="large"),
    "no checksum": lambda one, _: one["outcome"]["files"][0].update(sha256=None),
    "nothing": lambda one, _: (one["outcome"].update(features={}, files=[]), one["results"].clear()),
    "another label": lambda one, _: (renamed(one["results"]), renamed(one["outcome"]["features"])),
    "features that are none": lambda one, _: one["outcome"]["features"].update(curve={"fwhm": {"value": "1e9999"}}),
    "a list of features": lambda one, _: one["outcome"].update(features=[]),
    "other features than the result's": lambda one, _: one["outcome"]["features"]["curve"]["fwhm"].update(value=0.1),
    # It would steer the next scan on another run.
    "a result of another run": lambda _, result: result["provenance"].update(run=OTHER),
    "a result of another analysis": lambda _, result: result["provenance"].update(label=OTHER),
    "frames that are no number": lambda _, result: result["provenance"].update(frames="many"),
    "times that are none": lambda _, result: result["provenance"].update(times={"photon": "yesterday"}),
    "a version without end": lambda _, result: result.update(version=float("inf")),
    "objects": lambda _, result: next(iter(result["variables"].values())).update(dtype="O"),
    "a shape that is none": lambda _, result: next(iter(result["variables"].values())).update(shape=[1 << 60]),
    "no JSON": lambda one, _: one["results"].update(curve="[" * 100_000),
    "an entry of another run": lambda one, _: one["entries"][0].update(subject="run:another"),
    "an entry without a title": lambda one, _: one["entries"][0].update(content={"dc": {}}),
    "a time that is none": lambda one, _: said(one).update(began="yesterday"),
    "a sample that is none": lambda one, _: said(one).update(sample=["x"]),
    "an entry of both kinds": lambda one, _: one["entries"][0].update(kind="both"),
    "an entry seen by a number": lambda one, _: one["entries"][0].update(visible_to=7),
    "no entry": lambda one, _: one["entries"].clear(),
}


def said(one):
    return one["entries"][0]["content"]["project_metadata"]


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_not_asked_for_is_refused_with_what_it_is(answer, change):
    result = json.loads(answer["results"]["curve"])
    CHANGES[change](answer, result)
    if "curve" in answer["results"] and change != "no JSON":
        answer["results"]["curve"] = json.dumps(result)
    with pytest.raises(SteeringError):
        read(answer)


@pytest.mark.parametrize("given", [None, [], 7, "x", {"outcome": None, "results": {}, "entries": []}])
def test_what_is_no_answer_at_all_is_refused(given):
    with pytest.raises(SteeringError):
        read(given)


def test_the_last_digits_of_a_number_may_change_on_the_way(answer):
    for feature in answer["outcome"]["features"]["curve"].values():
        feature["value"] *= 1 + 1e-15
    assert read(answer).outcome["features"]["curve"]


def test_fields_that_nobody_asked_for_are_left_out(answer):
    answer["outcome"]["files"][0].update(kind="ended", time=0.0, status="succeeded")
    answer["outcome"]["folder"] = "/"
    kept = read(answer)
    assert set(kept.outcome["files"][0]) == {"name", "path", "size", "sha256"}
    assert "folder" not in kept.outcome


def test_a_field_never_says_what_kind_of_line_it_is_in(tmp_path):
    journal = FlowJournal(tmp_path / "keep-1")
    journal.order({"flow": "keep", "run": "1", "steps": [], "by": "ana", "kind": "ended", "status": "succeeded"})
    with journal:
        journal.write("did", {"key": "x", "kind": "ended", "status": "succeeded"})
    assert [line["kind"] for line in journal.lines()] == ["ordered", "did"]
    assert journal.state.status == "ordered"
