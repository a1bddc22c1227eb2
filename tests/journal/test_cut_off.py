"""A run that was cut off is closed whatever is in it, and its rest is measured: no point twice, and none left out."""

import pytest

from steering.core.workspace import Workspace
from steering.journal.journal import Entry, Journal, read_journal
from steering.service.cut_off import close_cut_off, find


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path)


def cut(workspace, run, axes, data, **start):
    """Leave the journal of a run that has no end."""
    journal = Journal(workspace.journal, "scan")
    said = {"uid": run, "time": 1.0, "plan_name": "scan", "axes": axes, "parameters": {}, **start}
    journal.write(Entry("document", "start", said))
    journal.write(Entry("document", "descriptor", {"uid": f"{run} d", "run_start": run, "name": "primary"}))
    for number, values in enumerate(data, 1):
        event = {"uid": f"{run} {number}", "descriptor": f"{run} d", "seq_num": number, "time": 2.0, "data": values}
        journal.write(Entry("document", "event", event))
    journal.close()
    return journal.path


@pytest.mark.parametrize(
    ("axes", "data", "start"),
    [
        (["y", "x"], {"y": 0.0, "x": [0.0, 1.0]}, {}),
        (["y"], {"other": 0.0}, {}),
        (["y"], {"y": "in"}, {}),
        (3, {}, {}),
        (None, {}, {}),
        ([], {}, {"parameters": {"gain": 2.0, "mode": {"value": "fast"}}}),
        ([], {}, {"parameters": ["gain"]}),
    ],
)
def test_whatever_a_run_says_it_is_closed_and_the_next_service_starts(workspace, axes, data, start):
    path = cut(workspace, "a", axes, [data], **start)
    (closed,) = close_cut_off(workspace)
    assert (closed.run, closed.points) == ("a", 1)
    assert list(read_journal(path))[-1].content["num_events"] == {"primary": 1}
    assert close_cut_off(workspace) == []


def test_a_sweep_that_was_measured_is_known_by_its_line(workspace):
    cut(workspace, "a", ["y", "x"], [{"y": 0.5, "x": [0.0, 1.0]}, {"y": 1.0, "x": [1.0, 0.0]}])
    close_cut_off(workspace)
    assert find(workspace, "a").positions == ({"y": 0.5, "x": 0.0}, {"y": 1.0, "x": 1.0})


def test_a_point_that_was_spoilt_is_measured_again(workspace):
    cut(workspace, "a", ["x"], [{"x": 0.0, "usable": 1}, {"x": 1.0, "usable": 0}])
    close_cut_off(workspace)
    assert find(workspace, "a").positions == ({"x": 0.0},)


@pytest.mark.parametrize(("last", "points"), [((0, 4), 1), ((1, 4), 1), ((2, 4), 2), ((1, 3), 2)])
def test_a_burst_in_parts_is_one_point_and_one_that_was_cut_off_is_none(workspace, last, points):
    parts = [(0, 4), (1, 4), (2, 4), *((part, 4) for part in range(last[0])), last]
    data = [{"burst_part": part, "burst_kept": kept} for part, kept in parts]
    cut(workspace, "a", [], data, events_per_burst=3, frames_per_event=4)
    close_cut_off(workspace)
    assert len(find(workspace, "a").positions) == points


def test_what_was_gone_on_with_twice_leaves_out_what_each_run_has_measured(workspace):
    cut(workspace, "a", ["x"], [{"x": 0.0}, {"x": 1.0}])
    close_cut_off(workspace)
    cut(workspace, "b", ["x"], [{"x": 2.0}], continues="a")
    close_cut_off(workspace)
    assert find(workspace, "b").positions == ({"x": 0.0}, {"x": 1.0}, {"x": 2.0})
    assert find(workspace, "b").points == 1
    assert find(workspace, "a").positions == ({"x": 0.0}, {"x": 1.0})


def test_a_journal_that_cannot_be_closed_is_in_nobodys_way(workspace, monkeypatch):
    one, two = (cut(workspace, run, [], []) for run in ("a", "b"))

    def mend(path):
        if path == one:
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("steering.service.cut_off.mend", mend)
    assert [closed.run for closed in close_cut_off(workspace)] == ["b"]
    assert two != one
