from hypothesis import given
from hypothesis import strategies as st

from steering.core.parameter import Parameter
from steering.paths.path import Path, Point
from steering.scans.grid_map import GridMap
from steering.scans.rocking import RockingScan, coarse_to_fine

STEPS = {"x": 1.0}


def line(*positions):
    return [Point({"x": float(position)}, STEPS) for position in positions]


def taken(path):
    found = []
    while (point := path.next()) is not None:
        found.append(point.positions["x"])
    return found


def test_a_region_is_measured_first_and_the_rest_follows():
    path = Path(line(0, 1, 2, 3))
    path.next()
    path.insert(line(0.0, 0.5))
    points = list(iter(path.next, None))
    assert [point.positions["x"] for point in points] == [0.0, 0.5, 1, 2, 3]
    assert [point.grid for point in points] == [1, 1, 0, 0, 0]


def test_a_point_that_is_put_back_comes_again_and_is_not_taken_for_measured():
    path = Path(line(0, 1, 2))
    path.next()
    path.put_back()
    path.rebuild(line(0, 1, 2))
    assert taken(path) == [0, 1, 2]


def test_a_rebuilt_path_leaves_out_what_was_measured():
    path = Path(line(0, 4, 8))
    path.next()
    path.next()
    path.rebuild(line(0, 1, 2, 3, 4.2, 5))
    assert taken(path) == [1, 2, 3, 5]


def test_a_replaced_path_is_measured_as_asked():
    path = Path(line(0, 1, 2))
    path.next()
    path.replace(line(0, 0))
    assert taken(path) == [0, 0]


def test_skip_and_finish():
    path = Path(line(*range(10)))
    path.skip(3)
    assert path.next().positions["x"] == 3
    path.skip(99)
    assert path.left == 0
    path.replace(line(1, 2))
    path.finish()
    assert path.next() is None


@given(st.lists(st.integers(0, 60), max_size=30), st.lists(st.integers(0, 240), unique=True, max_size=60))
def test_a_rebuilt_path_holds_just_the_points_that_are_not_near_a_measured_one(measured, wanted):
    path = Path(line(*measured))
    while path.next() is not None:
        pass
    positions = [value / 4 for value in wanted]
    path.rebuild(line(*positions))
    expected = [value for value in positions if all(abs(value - other) > 0.25 for other in measured)]
    assert taken(path) == expected


@given(st.integers(1, 500), st.sampled_from([1, 2, 4, 8, 16]))
def test_coarse_to_fine_visits_each_point_once_and_every_strideth_first(count, stride):
    order = coarse_to_fine(count, stride)
    assert sorted(order) == list(range(count))
    first = range(0, count, stride)
    assert order[: len(first)] == list(first)


def rocking():
    names = {"centre": 0.220004, "range": 1.0, "step": 0.005}
    return RockingScan(
        name="rocking", title="t", axis="th", parameters=tuple(Parameter(n, "deg", v, -5, 5) for n, v in names.items())
    ), names


def test_the_rocking_scan_is_the_beamtimes_own_201_points():
    scan, values = rocking()
    points = scan.points(values)
    positions = sorted(point.positions["th"] for point in points)
    assert len(points) == scan.count(values) == 201
    assert abs(positions[0] - -0.279996) < 1e-9
    assert abs(positions[-1] - 0.720004) < 1e-9
    assert all(abs(point.steps["th"] - 0.005) < 1e-9 for point in points)


def test_a_map_is_snaked_and_counted_without_being_made():
    scan = GridMap(
        name="map", title="t", area={"sy": (0, 1), "sx": (0, 2)}, parameters=(Parameter("step", "um", 0.5, 0.1, 1),)
    )
    points = scan.points({"step": 0.5})
    assert len(points) == scan.count({"step": 0.5}) == 15
    assert [point.positions["sx"] for point in points[:10]] == [0, 0.5, 1, 1.5, 2, 2, 1.5, 1, 0.5, 0]
