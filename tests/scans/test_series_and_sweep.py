"""Series and sweeps as values: where their points lie, and what a beamline's file must say of them."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scanspec.specs import Spec

from steering.core.parameter import Parameter
from steering.paths.path import Path, Point
from steering.paths.scan import reach_of
from steering.scans.entry import ScanEntry
from steering.scans.kinds import scan_kinds
from steering.scans.series import SeriesScan
from steering.scans.sweep import SweepScan

EXPOSURE = Parameter("exposure", "s", 0.1, 0.001, 5.0)
ENDS = (Parameter("start", "deg", 0.0, -5.0, 5.0), Parameter("stop", "deg", 1.0, -5.0, 5.0))


def taken(path):
    points = []
    while (point := path.next()) is not None:
        points.append(point)
    return points


def sweep(frames=5, **across):
    step = (Parameter("step", "um", 0.5, 0.1, 1.0),) if across else ()
    return SweepScan(name="s", title="t", axis="th", across=across, frames=frames, parameters=(*ENDS, EXPOSURE, *step))


def test_a_sweep_goes_there_and_back_and_each_way_is_one_point():
    points = sweep().points({"start": 0.0, "stop": 1.0, "count": 3.0})
    assert [(point.positions, point.to) for point in points] == [
        ({"th": 0.0}, {"th": 1.0}),
        ({"th": 1.0}, {"th": 0.0}),
        ({"th": 0.0}, {"th": 1.0}),
    ]
    assert points[0].steps == {"th": 0.25}


def test_a_map_on_the_fly_is_one_line_for_each_position_across():
    scan = sweep(sy=(-1.0, 1.0))
    values = {"start": 0.0, "stop": 1.0, "step": 0.5}
    points = scan.points(values)
    assert [point.positions["sy"] for point in points] == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert scan.axes == ("sy", "th")
    assert scan.extent == {"sy": (-1.0, 1.0), "th": (-5.0, 5.0)}
    laid = Spec.deserialize(scan.spec(values).serialize())
    assert laid.shape() == (5, 5)
    assert laid.axes() == ["sy", "th"]


def test_the_guard_sees_where_a_sweep_ends():
    assert reach_of(sweep().points({"start": 0.0, "stop": 4.0})).extent == {"th": (0.0, 4.0)}


@given(st.integers(1, 40), st.integers(0, 40), st.integers(1, 40))
def test_more_sweeps_or_frames_are_asked_for_and_those_that_are_done_stay_done(first, done, then):
    for scan in (sweep(), SeriesScan(name="s", title="t", parameters=())):
        path = Path(scan.points({"start": 0.0, "stop": 1.0, "count": float(first)}))
        measured = len([path.next() for _ in range(min(done, first))])
        path.rebuild(scan.points({"start": 0.0, "stop": 1.0, "count": float(then)}))
        assert path.left == max(then - measured, 0)


def test_lines_that_are_measured_are_not_swept_again_when_the_sweep_is_changed():
    scan = sweep(sy=(0.0, 2.0))
    path = Path(scan.points({"start": 0.0, "stop": 1.0, "step": 1.0}))
    path.next()
    path.rebuild(scan.points({"start": 0.0, "stop": 2.0, "step": 0.5}))
    assert [point.positions["sy"] for point in taken(path)] == [0.5, 1.0, 1.5, 2.0]


def test_a_series_without_end_ends_when_it_is_told_to():
    scan = SeriesScan(name="s", title="t", parameters=(), unending=True)
    path = Path(scan.points({}), more=lambda: scan.points({}))
    assert len(list(islice(iter(path.next, None), 5000))) == 5000
    path.finish()
    assert path.next() is None
    assert scan.points({})[0] == Point({}, {})


def entry(plan, **content):
    exposure = {"units": "s", "value": 0.1, "low": 0.01, "high": 1.0}
    parameters = {"exposure": exposure} | content.pop("parameters", {})
    return scan_kinds()[plan].model_validate(
        {"plan": plan, "name": "n", "title": "t", "parameters": parameters, **content}
    )


def number(low, value=None, units="deg"):
    return {"units": units, "low": low, "value": low if value is None else value, "high": 5.0}


def test_every_kind_of_ours_is_behind_the_door():
    assert {"map", "rocking", "series", "spec", "sweep"} <= set(scan_kinds())
    assert all(issubclass(kind, ScanEntry) for kind in scan_kinds().values())


@pytest.mark.parametrize(
    ("plan", "content", "sentence"),
    [
        ("sweep", {"axis": "th"}, "A sweep of 1 frame is none. Give frames: 2 or more."),
        ("sweep", {"axis": "th", "frames": 3, "parts": 2}, "A sweep is taken in one part, not in 2. Take 'parts' out."),
        (
            "sweep",
            {"axis": "th", "frames": 3, "across": {"th": (0, 1)}},
            "th is swept, so it cannot be the other axis as well.",
        ),
        (
            "sweep",
            {"axis": "th", "frames": 3, "across": {"a": (0, 1), "b": (0, 1)}},
            "A sweep goes across one other axis. These are 2.",
        ),
        (
            "sweep",
            {"axis": "th", "frames": 3, "across": {"a": (1, 0)}},
            "The range across, a from 1 to 0, is not in order.",
        ),
        (
            "sweep",
            {"axis": "th", "frames": 3, "parameters": {"start": number(1.0), "stop": number(1.0)}},
            "start and stop are the same: nothing would move.",
        ),
        ("series", {"parameters": {"every": number(1.0)}}, "every is in s, not in 'deg'."),
        ("series", {"parameters": {"every": number(-1.0, units="s")}}, "must be 0 s or more"),
        ("series", {"parameters": {"count": number(0.0)}}, "count: the lowest value, 0, must be 1 or more."),
    ],
)
def test_what_a_file_may_not_say_of_them(plan, content, sentence):
    (said,) = [text for _, text in entry(plan, **content).mistakes()]
    assert sentence in said
