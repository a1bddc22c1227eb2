"""Region looks finer where spots belong to nobody, once a place, and counts as long as strain needs."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from steering.agents.region import Region
from steering.core.action import InsertRegion, SetParameter
from steering.core.parameter import Parameter
from steering.core.result import Outcome, Provenance, Result

STEP = 2.0
EXPOSURE = Parameter("exposure", "s", 0.5, 0.05, 5.0, largest_step=1.0, decimals=2)


def result(indexed, columns=5, run="a", spots=24.0, error=40.0, exposure=0.5):
    """Make a map that was measured row by row: its percents of indexed spots."""
    share = np.array(indexed, float)
    rows, places = np.divmod(np.arange(len(share)), columns)

    def along(values, units="um"):
        return "point", np.broadcast_to(np.asarray(values, float), len(share)).copy(), {"units": units}

    data = xr.Dataset(
        {
            "indexed": along(share, "%"), "spots": along(spots, "1"), "grid": along(0, "1"),
            "exposure": along(exposure, "s"), "sy_step": along(STEP), "sx_step": along(STEP),
            "strain_xx_error": along(error, "um/m"), "strain_yy_error": along(error, "um/m"),
        },
        {"sy": along(-4 + STEP * rows), "sx": along(-4 + STEP * places)},
    )  # fmt: skip
    source = Provenance(run, "laue", {}, "h", "v", "here", len(share), len(share) - 1)
    return Result(1, Outcome({}, data), source)


def asked(agent, *arguments, parameters=(), **options):
    agent.ingest(result(*arguments, **options), parameters)
    return [one.action for one in agent.suggest()]


WELL = [100.0] * 5
HOLE = [100.0, 100.0, 0.0, 100.0, 100.0]


def test_a_place_is_looked_at_once_the_row_above_is_over():
    agent = Region()
    assert asked(agent, WELL + HOLE) == []
    assert asked(agent, WELL + HOLE + WELL) == []
    expected = InsertRegion({"sy": (-4.0, 0.0), "sx": (-2.0, 2.0)}, {"sy": 0.5, "sx": 0.5})
    assert asked(agent, WELL + HOLE + WELL + [100.0]) == [expected]
    assert asked(agent, WELL + HOLE + WELL + WELL) == [], "each place once"
    assert asked(agent, WELL + HOLE + WELL + WELL, run="b") == [expected]


def test_a_map_that_goes_down_is_looked_at_too():
    down = result(WELL + HOLE + WELL + [100.0])
    data = down.outcome.data.assign_coords(sy=-down.outcome.data["sy"])
    agent = Region()
    agent.ingest(replace(down, outcome=Outcome({}, data)), ())
    assert [one.action for one in agent.suggest()] == [
        InsertRegion({"sy": (0.0, 4.0), "sx": (-2.0, 2.0)}, {"sy": 0.5, "sx": 0.5})
    ]
    agent.ingest(replace(down, outcome=Outcome({}, data.isel(point=slice(0, 15)))), ())
    assert agent.suggest() == ()


def test_two_places_are_two_and_a_place_that_grows_is_waited_for():
    agent, both = Region(), [0.0, 100.0, 100.0, 100.0, 0.0]
    found = asked(agent, both + WELL + WELL)
    assert [one.region["sx"] for one in found] == [(-4.0, -2.0), (2.0, 4.0)]
    assert asked(Region(), WELL + HOLE + HOLE + WELL) == []
    (grown,) = asked(Region(), WELL + HOLE + HOLE + WELL + WELL)
    assert grown.region["sy"] == (-4.0, 2.0)


def test_chance_and_too_few_spots_ask_for_nothing():
    low = [100.0, 100.0, 60.0, 100.0, 100.0]
    assert asked(Region(), low + WELL + WELL, spots=20.0) == [], "60 +- 11 % may be 70 %"
    assert asked(Region(), low + WELL + WELL, spots=500.0) != []
    assert asked(Region(), HOLE + WELL + WELL, spots=4.0) == []
    assert asked(Region(), [np.nan] * 15) == []


def test_the_grid_has_no_more_points_than_allowed():
    (action,) = asked(Region(finer=50, most_points=100), HOLE + WELL + WELL)
    (low_y, high_y), (low_x, high_x) = action.region.values()
    count = (int((high_y - low_y) / action.step["sy"]) + 1) * (int((high_x - low_x) / action.step["sx"]) + 1)
    assert 50 < count <= 100


def test_exposure_follows_the_error_of_strain():
    known = (EXPOSURE,)
    assert asked(Region(), WELL + WELL, parameters=known) == []
    agent = Region(strain_error=20.0)
    assert agent.steers == ("exposure",)
    assert asked(agent, WELL, parameters=known) == [], "too few points"
    # An error twice as large takes four times as long, as far as one step may go.
    assert asked(agent, WELL + WELL, parameters=known) == [SetParameter("exposure", 1.5)]
    assert asked(agent, WELL + WELL, parameters=known) == []
    assert asked(Region(strain_error=38.0), WELL + WELL, parameters=known) == []
    assert asked(Region(strain_error=80.0), WELL + WELL, parameters=known) == [SetParameter("exposure", 0.12)]
    assert asked(Region(strain_error=20.0), WELL + WELL, parameters=known, exposure=0.1) == [], "of another exposure"
    assert asked(Region(strain_error=20.0), WELL + WELL) == []


def test_other_results_and_no_points_ask_for_nothing():
    agent = Region(strain_error=10.0)
    source = Provenance("r", "x", {}, "h", "v", "here", 1, 0)
    for data in (xr.Dataset(), result([]).outcome.data, result(WELL).outcome.data.drop_vars("grid")):
        agent.ingest(Result(1, Outcome({}, data), source), (EXPOSURE,))
        assert agent.suggest() == ()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"indexed": 0}, "indexed is 0 %"),
        ({"indexed": float("nan")}, "indexed is nan %"),
        ({"finer": 1}, "finer is 1"),
        ({"most_points": 1}, "most_points is 1"),
        ({"strain_error": -1}, "strain_error is -1 um/m"),
        ({"strain_error": float("inf")}, "strain_error is inf um/m"),
    ],
)
def test_numbers_that_are_not_allowed_are_said(wrong, said):
    with pytest.raises(ValueError, match=said):
        Region(**wrong)
