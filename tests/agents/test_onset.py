"""Onset pauses a scan once when spots are no longer as they were, and only when two results say so."""

from itertools import count

import pytest
import xarray as xr

from steering.agents.onset import Onset
from steering.core.action import Pause
from steering.core.result import Feature, Outcome, Provenance, Result

NUMBERS = count(1)


def asked(agent, excess, run="a", rare=30.0, number=None):
    number = number or next(NUMBERS)
    features = {} if excess is None else {"rare": Feature(rare, 1.0, "%"), "rare_excess": Feature(excess, 1.0, "1")}
    source = Provenance(run, "hedm", {}, "h", "v", "here", number, number - 1)
    agent.ingest(Result(number, Outcome(features, xr.Dataset()), source), ())
    return [(one.action, one.reason) for one in agent.suggest()]


def test_two_results_in_a_row_pause_a_scan_once():
    agent = Onset(excess=5.0)
    assert asked(agent, 4.9) == []
    assert asked(agent, 6.0) == []
    ((action, reason),) = asked(agent, 7.0)
    assert action == Pause()
    assert reason == "30 % of the spots are unusual, 7.0 standard deviations too many"
    assert asked(agent, 9.0) == []
    assert asked(agent, 9.0, run="b") == []
    assert asked(agent, 9.0, run="b")


def test_one_result_alone_and_none_pause_nothing():
    agent = Onset()
    assert [asked(agent, excess) for excess in (9.0, None, 9.0, 1.0, 9.0)] == [[]] * 5


def test_the_same_result_twice_is_one():
    agent, number = Onset(), next(NUMBERS)
    assert [asked(agent, 9.0, number=number) for _ in range(3)] == [[]] * 3
    assert asked(agent, 9.0) != []


def test_the_excess_is_above_zero():
    with pytest.raises(ValueError, match=r"excess is 0\. Allowed: above 0"):
        Onset(excess=0.0)
