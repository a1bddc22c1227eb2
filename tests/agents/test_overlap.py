"""Overlap asks for closer points where spots are apart, and ends a scan whose error is flat."""

import pytest
import xarray as xr

from steering.agents.overlap import Overlap
from steering.core.action import Finish, SetParameter
from steering.core.parameter import Parameter
from steering.core.result import Feature, Outcome, Provenance, Result

STEP = Parameter("step", "um", 0.4, 0.05, 1.0, decimals=3)
FINE = Parameter("step", "um", 0.14, 0.05, 1.0, decimals=3)


def asked(agent, step=STEP, run="a", **values):
    features = {name: Feature(value, 0.0, "1") for name, value in values.items()}
    source = Provenance(run, "ptychography", {}, "h", "v", "here", 1, 0)
    agent.ingest(Result(1, Outcome(features, xr.Dataset()), source), (step,) if step else ())
    return [one.action for one in agent.suggest()]


def test_spots_that_are_apart_are_answered_with_closer_points_once():
    agent = Overlap(wanted=70.0)
    apart = {"overlap": 11.0, "beam": 0.45, "error": 0.01}
    assert asked(agent, frames=5, **apart) == [], "so few frames do not know the beam"
    assert asked(agent, frames=9, **apart) == [SetParameter("step", 0.135)]
    assert asked(agent, frames=12, **apart) == []
    assert asked(agent, FINE, frames=12, **apart) == [], "the new step is there, its frames are not yet"
    assert asked(agent, run="b", frames=9, **apart) == [SetParameter("step", 0.135)]


def test_it_goes_as_far_as_the_scan_allows():
    apart = {"overlap": 0.0, "beam": 0.1, "error": 0.01, "frames": 20}
    assert asked(Overlap(), **apart) == [SetParameter("step", 0.05)]
    steady = Parameter("step", "um", 0.4, 0.05, 1.0, largest_step=0.1, decimals=3)
    assert asked(Overlap(), steady, **apart) == [SetParameter("step", pytest.approx(0.3))]
    assert asked(Overlap(), None, **apart) == []
    assert asked(Overlap(), frames=20) == [], "nothing is known yet"


def test_a_flat_error_ends_the_scan_once():
    agent, good = Overlap(enough=0.02), {"overlap": 75.0, "beam": 0.45}
    assert asked(agent, FINE, frames=40, error=0.0105, **good) == []
    assert asked(agent, FINE, frames=70, error=0.0101, **good) == [], "half of the frames were not looked at"
    assert asked(agent, FINE, frames=80, error=0.0100, **good) == [Finish()]
    assert asked(agent, FINE, frames=90, error=0.0100, **good) == []


@pytest.mark.parametrize("late", [{"error": 0.03}, {"error": 0.0080}, {"overlap": 40.0}])
def test_what_still_changes_or_is_apart_goes_on(late):
    agent, good = Overlap(enough=0.02), {"overlap": 75.0, "beam": 0.45, "error": 0.0105}
    assert asked(agent, FINE, frames=40, **good) == []
    assert asked(agent, FINE, frames=80, **(good | late)) == []


def test_numbers_that_are_not_allowed_are_said():
    with pytest.raises(ValueError, match=r"wanted is 100 %\. Allowed: above 0 % and below 100 %"):
        Overlap(wanted=100.0)
    with pytest.raises(ValueError, match=r"flat is 0 %\. Allowed: above 0 %"):
        Overlap(flat=0.0)
