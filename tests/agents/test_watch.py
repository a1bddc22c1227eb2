"""Watch suggests a pause where a feature merits a closer look, once, and seldom where nothing happened."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from steering.agents.watch import Watch
from steering.core.action import Pause
from steering.core.result import Feature, Outcome, Provenance, Result
from steering.sim.samples import RockingSample


def result(value, frames, run="a", error=float("nan"), units="s"):
    source = Provenance(run, "xpcs", {}, "h", "v", "here", frames, frames - 1)
    return Result(frames, Outcome({"tau0": Feature(value, error, units)}, xr.Dataset()), source)


def alarms(agent, values, run="a", error=float("nan")):
    """Say at which of the values it asked for a pause, and why."""
    found = {}
    for number, value in enumerate(values):
        agent.ingest(result(value, number + 1, run, error), ())
        for one in agent.suggest():
            assert one.action == Pause()
            found[number] = one.reason
    return found


def test_a_value_beyond_its_limits_is_said_once_until_it_is_back():
    agent = Watch("tau0", low=0.5, high=2.0)
    found = alarms(agent, [1.0, 2.5, 3.0, 1.0, 0.2, 0.1, 1.0, 2.1])
    assert found == {
        1: "tau0 is 2.5 s, above 2 s",
        4: "tau0 is 0.2 s, below 0.5 s",
        7: "tau0 is 2.1 s, above 2 s",
    }
    assert agent.suggest() == ()
    assert list(alarms(agent, [2.5], run="b")) == [0]


def test_what_is_unlike_the_first_results_is_said():
    quiet = [1.0, 1.1, 0.9, 1.05, 0.95]
    assert list(alarms(Watch("tau0", novelty=5.0, baseline=5), [*quiet, 1.2, 3.0])) == [6]
    assert (
        "standard deviations from the 1 of the first 5 results"
        in alarms(Watch("tau0", novelty=5.0, baseline=5), [*quiet, 3.0])[5]
    )
    # A feature that is not known well is not new.
    assert alarms(Watch("tau0", novelty=5.0, baseline=5), [*quiet, 3.0], error=1.0) == {}
    assert list(alarms(Watch("tau0", novelty=5.0, baseline=5), [1.0] * 5 + [1.5])) == [5]


def test_a_drift_is_said_when_it_is_clear():
    random = np.random.default_rng(1)
    flat = 1.0 + 0.01 * random.normal(size=60)
    assert alarms(Watch("tau0", drift=5.0), flat) == {}
    falling = flat - np.clip(np.arange(60) - 30, 0, None) * 0.01
    (first, why), *_ = alarms(Watch("tau0", drift=5.0), falling).items()
    assert 33 <= first < 50
    assert "% over the last 20 results" in why
    doubled = alarms(Watch("tau0", drift=5.0, baseline=5), [1.0, 2.0, 3.0, 4.0, 5.0])
    assert list(doubled.values()) == ["tau0 is 5 s; it changed by +133 % over the last 5 results"]


def test_the_same_frames_again_and_what_is_not_known_count_for_nothing():
    agent = Watch("tau0", high=2.0)
    agent.ingest(result(1.0, 5), ())
    agent.ingest(result(9.0, 5), ())
    agent.ingest(result(float("nan"), 6), ())
    other = result(9.0, 7)
    agent.ingest(Result(7, Outcome({}, xr.Dataset()), other.provenance), ())
    assert agent.suggest() == ()


def test_without_a_name_each_feature_that_is_known_with_an_uncertainty_is_watched():
    agent = Watch(baseline=5)
    for number in range(8):
        late = number == 7
        features = {
            "tau0": Feature(9.0 if late else 1.0, 0.1, "s"),
            "contrast": Feature(0.5 if late else 0.2, 0.01, "1"),
            "bursts": Feature(10.0**number, 0.0, "1"),
            "intensity": Feature(5.0 + 10.0**number, float("nan"), "counts/px"),
        }
        source = Provenance("a", "xpcs", {}, "h", "v", "here", number + 1, number)
        agent.ingest(Result(number + 1, Outcome(features, xr.Dataset()), source), ())
        told = [one.reason for one in agent.suggest()]
        assert bool(told) == late
    assert told[0].split("; ") == [
        "tau0 is 9 s, 80.0 standard deviations from the 1 of the first 5 results",
        "contrast is 0.5, 30.0 standard deviations from the 0.2 of the first 5 results",
    ]
    with pytest.raises(ValueError, match="Give its name"):
        Watch(low=1.0)


def test_results_with_other_parameters_are_compared_with_none_from_before():
    agent, told = Watch("tau0", novelty=5.0, drift=20.0, baseline=5), []
    # The frames that there are already come again, and then newer ones.
    other = [(3.0, "other", frames) for frames in (10, 20, 26, 30, 31, 32, 33)]
    for value, parameters, frames in [(1.0, "h", frames) for frames in range(20, 26)] + other:
        one = result(value, frames)
        agent.ingest(replace(one, provenance=replace(one.provenance, parameters_hash=parameters)), ())
        told += agent.suggest()
    assert told == []


def test_what_is_past_is_not_suggested_any_more():
    agent = Watch("tau0", high=2.0)
    agent.ingest(result(9.0, 1), ())
    agent.ingest(result(1.0, 2), ())
    assert agent.suggest() == ()


@pytest.mark.parametrize("seed", range(3))
def test_false_alarms_on_recorded_frames_are_few(seed):
    """34-ID-C: parts of the frames, some orders of them, in which nothing happens but counting."""
    sample = RockingSample.load()
    frames = sample.frames[np.abs(sample.theta - 0.215) > 0.15]
    parts = frames.reshape(len(frames), 8, 32, 8, 32).sum(axis=(2, 4)).reshape(len(frames), -1).astype(float)
    quiet = parts[:, parts.var(axis=0) < 1.5 * parts.mean(axis=0)]
    assert quiet.shape[1] >= 10
    quiet = quiet[np.random.default_rng(seed).permutation(len(quiet))]
    told = sum(len(alarms(Watch("tau0", novelty=6.0, drift=10.0), one)) for one in quiet.T)
    # About two of each thousand results.
    assert told < 0.005 * quiet.size


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"low": 2.0, "high": 1.0}, "lower one first"),
        ({"high": float("inf")}, "finite"),
        ({"drift": 0.0}, "drift is 0"),
        ({"novelty": float("nan")}, "novelty is nan"),
        ({"novelty": 3.0, "baseline": 2}, "baseline is 2"),
        ({"alarms": [{"feature": "tau0", "high": 1.0}]}, "In a file name one agent watch for each"),
    ],
)
def test_what_cannot_be_chosen_is_said(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        Watch("tau0", **settings)
