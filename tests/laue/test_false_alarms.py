"""The alarm that Laue declares, on healthy frames of the simulated polycrystal, and on the grain that nobody knows."""

import numpy as np
import pytest

from steering.agents.watch import Watch
from steering.contract.alarm import Alarm, alarms_of
from steering.core.result import Provenance, Result
from steering.sim.polycrystal import PolycrystalSample
from tests.laue.maps import analysis, measured


@pytest.fixture(scope="module")
def sample():
    return PolycrystalSample()


@pytest.fixture(scope="module")
def healthy(sample):
    """Places in the matrix, at the boundaries of its grains too, but not in the inclusion."""
    points = np.random.default_rng(0).uniform(-9, 9, (160, 2))
    return points[np.hypot(*(points - sample.middle).T) > sample.radius + 1]


def outcomes(made, block):
    """Return the results of a map as it grows."""
    state, found = made.empty(), []
    for at in range(len(block)):
        one = block.part(at, at + 1)
        state = made.merge(state, made.update(made.empty(), one, one.place.frames))
        found.append(made.result(state))
    return found


def said(alarms, results):
    agent, found = Watch(alarms=alarms), {}
    for number, outcome in enumerate(results):
        agent.ingest(Result(number + 1, outcome, Provenance("r", "laue", {}, "", "", "here", number + 1, number)), ())
        for one in agent.suggest():
            found[number] = one.reason
    return found


@pytest.mark.whole
@pytest.mark.parametrize(
    ("exposure", "threshold", "fluctuate"), [(0.5, 6.0, False), (0.05, 3.0, True), (0.03, 2.0, True)]
)
def test_healthy_frames_give_no_false_alarm_however_short_they_are_exposed(
    sample, healthy, exposure, threshold, fluctuate
):
    made = analysis(sample, threshold=threshold)
    results = outcomes(made, measured(sample, healthy, exposure=exposure, seed=1))
    assert len(results) == 148
    assert said(alarms_of(made), results) == {}
    # With few photons the share does fluctuate: an alarm that is less patient is false several times.
    assert (len(said([Alarm("indexed", novelty=2.0)], results)) >= 3) == fluctuate


@pytest.mark.whole
@pytest.mark.parametrize(("exposure", "threshold"), [(0.5, 6.0), (0.05, 3.0)])
def test_a_grain_that_nobody_knows_is_said_at_its_first_frame(sample, healthy, exposure, threshold):
    made = analysis(sample, threshold=threshold)
    points = np.concatenate([healthy[:40], [sample.middle] * 3])
    ((number, why),) = said(
        alarms_of(made), outcomes(made, measured(sample, points, exposure=exposure, seed=1))
    ).items()
    assert number == 40
    assert "standard deviations from the 100 of the first 20 results" in why
