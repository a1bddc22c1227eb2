"""A scan along any scanspec, whose numbers are parameters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scanspec.specs import Spec

from steering.core.action import SetParameter
from steering.core.errors import SteeringError
from steering.core.parameter import Parameter
from steering.core.status import Axis
from steering.paths.path import Path
from steering.paths.scan import points_of_any
from steering.scans.spec_scan import SpecScan, axes_in, named_in
from tests.plans.running import Run

GRID = {
    "type": "Product",
    "outer": {"type": "Linspace", "axis": "sy", "start": -1.0, "stop": 1.0, "num": "$rows"},
    "inner": {
        "type": "Snake",
        "spec": {"type": "Linspace", "axis": "sx", "start": "$left", "stop": "$right", "num": 4},
    },
}
LINES = {
    "type": "Concat",
    "left": {"type": "Linspace", "axis": "th", "start": 0.0, "stop": "$first", "num": 3},
    "right": {"type": "Static", "axis": "th", "value": "$last", "num": 1},
}


def grid(template=GRID, allowed=1000, **values):
    parameters = (
        Parameter("rows", "1", 3, 1, 9, decimals=0),
        Parameter("left", "um", -2.0, -4.0, 0.0),
        Parameter("right", "um", 2.0, 0.5, 4.0),
        Parameter("exposure", "s", 0.1, 0.01, 5.0),
    )
    return SpecScan(
        name="mesh",
        title="Mesh",
        axes=tuple(axes_in(template)),
        template=template,
        parameters=parameters,
        allowed=allowed,
        **values,
    )


def values(scan, **changed):
    return {item.name: item.value for item in scan.parameters} | changed


def places(scan, **changed):
    return [tuple(point.positions[axis] for axis in scan.axes) for point in scan.points(values(scan, **changed))]


def test_its_axes_and_parameters_are_those_that_are_named():
    assert axes_in(GRID) == ["sy", "sx"]
    assert sorted(named_in(GRID)) == ["left", "right", "rows"]
    scan = grid()
    assert (scan.axes, scan.shaping, scan.region) == (("sy", "sx"), {"rows", "left", "right"}, False)
    assert axes_in(LINES) == ["th"]


def test_the_path_is_the_specs_with_the_numbers_put_in():
    scan = grid()
    assert scan.count(values(scan)) == 12
    expected = [(-1.0, -2.0), (-1.0, -2 / 3), (-1.0, 2 / 3), (-1.0, 2.0), (0.0, 2.0), (0.0, 2 / 3)]
    for found, wanted in zip(places(scan), expected, strict=False):
        assert found == pytest.approx(wanted)
    first = scan.points(values(scan))[0]
    assert first.steps == {"sy": pytest.approx(1.0), "sx": pytest.approx(4 / 3)}
    assert Spec.deserialize(scan.spec(values(scan)).serialize()) == scan.spec(values(scan))
    # A parameter without decimals is a whole number.
    assert scan.count(values(scan, rows=5.0)) == 20
    assert len(places(scan, rows=5.0)) == 20


MESH = grid()


@given(rows=st.integers(1, 9), left=st.floats(-4, 0), right=st.floats(0.5, 4.0))
def test_count_and_points_agree_and_stay_within_the_extent(rows, left, right):
    chosen = values(MESH, rows=float(rows), left=left, right=right)
    points = MESH.points(chosen)
    assert MESH.count(chosen) == len(points) == 4 * rows
    for axis, (low, high) in MESH.extent.items():
        assert all(low - 1e-9 <= point.positions[axis] <= high + 1e-9 for point in points)
    assert MESH.extent == {"sy": (-1.0, 1.0), "sx": (-4.0, 4.0)}


def test_what_is_too_large_is_refused_before_it_is_made():
    scan = grid(allowed=20)
    assert scan.count(values(scan, rows=5.0)) == 20
    with pytest.raises(SteeringError, match=r"The path would have 24 points\. Allowed: at most 20"):
        scan.count(values(scan, rows=6.0))
    assert scan.extent["sx"] == (-4.0, 4.0)


def test_a_name_that_the_scan_does_not_have_is_said():
    odd = {"type": "Linspace", "axis": "th", "start": 0, "stop": "$nowhere", "num": 2}
    with pytest.raises(SteeringError, match="names a parameter 'nowhere' that the scan does not have"):
        grid(odd).count({"exposure": 0.1})


def test_it_is_steered_while_it_runs(engine, motors):
    scan = grid()
    run = Run(engine, motors, scan, {5: [SetParameter("right", 1.0)], 8: [SetParameter("rows", 50)]}).finish()
    assert run.stop["exit_status"] == "success"
    accepted, refused = run.events("steering")
    assert (accepted["subject"], accepted["verdict"]) == ("right", "accepted")
    assert (refused["verdict"], "Allowed: 1 to 9" in refused["reason"]) == ("refused", True)
    visited = [(event["sy"], event["sx"]) for event in run.events("primary")]
    # The rest is that of the new path; what both have is not measured twice.
    assert max(x for _, x in visited[5:]) == pytest.approx(1.0)
    assert run.documents[0][1]["scan_spec"]["type"] == "Product"
    assert run.documents[0][1]["axes"] == ["sy", "sx"]


THERE_AND_BACK = {
    "type": "Concat",
    "left": {"type": "Linspace", "axis": "x", "start": 0.0, "stop": 1.0, "num": 11},
    "right": {"type": "Linspace", "axis": "x", "start": 1.0, "stop": "$stop", "num": 11},
}
AT_ONE_PLACE = {
    "type": "Product",
    "outer": {"type": "Static", "axis": "y", "value": 1.0, "num": 1},
    "inner": {"type": "Linspace", "axis": "x", "start": 0.0, "stop": "$stop", "num": 5},
}


def spec_scan(template, *axes):
    stop = Parameter("stop", "mm", 1.0, -5.0, 5.0)
    return SpecScan(name="s", title="t", parameters=(stop,), axes=axes, template=template, allowed=1000)


def test_what_is_come_to_from_both_sides_is_one_place_and_rounding_no_step():
    points = spec_scan(THERE_AND_BACK, "x").points({"stop": 0.0})
    assert points[0].steps == {"x": pytest.approx(0.1)}
    spec = spec_scan(THERE_AND_BACK, "x").spec({"stop": 0.0})
    assert points_of_any(spec, {"x": Axis("x", "mm", -5.0, 5.0)})[0].steps == {"x": pytest.approx(0.1)}


def test_a_path_is_laid_anew_also_where_an_axis_stands():
    scan = spec_scan(AT_ONE_PLACE, "y", "x")
    path = Path(scan.points({"stop": 1.0}))
    first = path.next()
    path.rebuild(scan.points({"stop": 2.0}))
    assert first.positions == {"y": 1.0, "x": 0.0}
    assert [point.positions["x"] for point in path.rest] == [0.5, 1.0, 1.5, 2.0]
