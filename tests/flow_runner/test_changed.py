"""A session says that a flow is another one than when it was ordered: what is other, and what to do."""

import warnings

import pytest

from steering.core.board import Board
from steering.core.errors import SteeringError
from steering.flow_runner.changed import FlowChangedWarning, changed_since
from steering.flow_runner.desk import Flows
from steering.flow_runner.orders import order
from steering.flow_steps.flow_journal import FlowJournal
from tests.flow_runner.workspaces import UID, flow, measured


@pytest.fixture
def flows(workspace, monkeypatch):
    """A session's flows, of a file that can be changed, and which start no process."""
    measured(workspace)
    made = Flows(workspace, Board())
    written = {"keep": flow()}
    monkeypatch.setattr(Flows, "entries", property(lambda _: written))
    monkeypatch.setattr(made, "_start", lambda journal: None)
    made.written = written
    return made


def test_run_and_resume_say_what_is_other_and_what_to_do(flows):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ordered = flows.run("keep")
        assert flows.run("keep") == ordered
    flows.written["keep"] = flow(compute={"facility": "polaris", "wait_seconds": 60}, distribute=None)
    for ask in (lambda: flows.run("keep"), lambda: flows.resume(ordered)):
        with pytest.warns(FlowChangedWarning) as warned:
            ask()
        said = str(warned[0].message)
        assert warned[0].filename == __file__
        assert flows.changed.value == said
        assert 'steps.compute.facility was "inline" and is "polaris"' in said
        assert "steps.compute.wait_seconds was 604800.0 and is 60.0" in said
        assert "steps.distribute was {" in said
        assert "and is left out)" in said
        assert f"give the flow another name, or remove {flows._workspace.directory}/flows/{ordered}" in said
    # Once it is as it was, nothing is said any more.
    flows.written["keep"] = flow()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        flows.resume(ordered)
    assert flows.changed.value == ""


def test_a_flow_that_stands_nowhere_any_more_or_in_a_wrong_file_is_resumed(flows, monkeypatch):
    ordered = flows.run("keep")

    def wrong(_):
        raise SteeringError("The file is wrong.")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        flows.written.clear()
        flows.resume(ordered)
        monkeypatch.setattr(Flows, "entries", property(wrong))
        flows.resume(ordered)


def test_what_a_later_version_takes_for_granted_is_no_change(workspace):
    measured(workspace)
    made = flow()
    journal, _ = order(workspace, "keep", made, UID)
    path = journal.folder / "journal.jsonl"
    path.write_text(
        path.read_text().replace('"wait_seconds": 604800.0, ', "").replace(', "wait_seconds": 604800.0', "")
    )
    assert "wait_seconds" not in path.read_text()
    assert changed_since(FlowJournal(journal.folder), made) == ""


def test_many_changes_are_counted(workspace):
    measured(workspace)
    journal, _ = order(workspace, "keep", flow(), UID)
    other = flow(catalogue={"title": "x" * 200, "creators": ["Bo"], "publisher": "p", "subjects": ["s"]}, transfer=None,
                 compute=None, distribute=None)  # fmt: skip
    said = changed_since(journal, other)
    assert "; and 3 more)" in said, said
    assert "x" * 40 not in said
