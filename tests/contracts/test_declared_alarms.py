"""Alarms that analyses declare: what is no alarm is refused, and each technique's own says what its data show."""

import numpy as np
import pytest
import xarray as xr

from steering.agents.watch import Watch
from steering.analyses.hedm import Hedm
from steering.analyses.laue import Laue
from steering.analyses.ptychography import Ptychography
from steering.analyses.radial import Radial
from steering.analyses.xpcs import Xpcs
from steering.contract.alarm import Alarm, alarms_of
from steering.core.block import FrameBlock, Inline
from steering.core.errors import SteeringError
from steering.core.result import Feature, Outcome, Provenance, Result
from steering.own.analysis import own_analysis
from steering.spots.background import Background
from steering.testing import ContractError, check_analysis
from steering.testing.blocks import make_block

MANY = 2000


def said(analysis, outcomes):
    """Say what the alarms of an analysis came to say of one result after another."""
    agent, found = Watch(alarms=alarms_of(analysis)), []
    for number, outcome in enumerate(outcomes, 1):
        source = Provenance("r", analysis.name, {}, "", "", "here", number, number - 1)
        agent.ingest(Result(number, outcome, source), ())
        found += [one.reason for one in agent.suggest()]
    return found


def course(name, values, error, units):
    return [Outcome({name: Feature(value, error, units)}, xr.Dataset()) for value in values]


@pytest.mark.parametrize(
    ("kind", "feature", "units", "usual", "error", "seen", "reason"),
    [
        (Hedm, "rare_excess", "1", 0.0, 1.0, 6.0, "rare_excess is 6, above 5"),
        (Xpcs, "damage", "%", 0.0, 1.5, -12.0, "damage is -12 %, below -5 %"),
        (Radial, "damage", "%", 0.0, 1.5, 12.0, "damage is 12 %, above 5 %"),
        (Ptychography, "error_rise", "%", 0.0, 3.0, 45.0, "error_rise is 45 %, above 30 %"),
        (Ptychography, "overlap", "%", 65.0, 3.0, 30.0, "overlap is 30 %, below 40 %"),
        (Laue, "indexed", "%", 90.0, 2.0, 60.0, "standard deviations from the 89.48 of the first 20"),
    ],
)
def test_each_technique_says_what_merits_a_look_and_hardly_ever_what_is_noise(
    kind, feature, units, usual, error, seen, reason
):
    quiet = np.random.default_rng(3).normal(usual, error, MANY)
    false = said(kind, course(feature, quiet, error, units))
    assert len(false) <= 1, false
    (why,) = said(kind, course(feature, [*quiet[:30], seen, seen], error, units))[-1:]
    assert reason in why


# So many of the results that lie so far within an alarm's limit are beyond it by chance.
WITHIN, BY_CHANCE = 2.88, 2e-3


@pytest.mark.parametrize(
    ("kind", "feature", "usual", "error"),
    [
        (Hedm, "rare_excess", 5 - WITHIN, 1.0),
        # Three times the error beyond the limit is what they wait for.
        (Xpcs, "damage", -5 - (3 - WITHIN) * 1.5, 1.5),
        (Radial, "damage", 5 + (3 - WITHIN) * 1.5, 1.5),
    ],
)
def test_an_alarm_is_false_as_often_as_its_limit_says(kind, feature, usual, error):
    noise = np.random.default_rng(4).normal(usual, error, 10_000)
    false = len(said(kind, course(feature, noise, error, "1")))
    expected = BY_CHANCE * len(noise)
    assert expected / 2 < false < 2 * expected


def test_what_is_new_is_so_by_six_standard_deviations():
    random, false, runs = np.random.default_rng(5), 0, 100
    for _ in range(runs):
        # After the first results, which say what is usual, the sample is another one, but by less than six.
        values = np.concatenate([random.normal(90, 2, 20), random.normal(90 - 2 * (6 - WITHIN), 2, 80)])
        false += len(said(Laue, course("indexed", values, 2.0, "%")))
    # The median of twenty results is itself off by 0.28 standard deviations: some runs are nearer to the limit.
    assert 0.5 * BY_CHANCE < false / (80 * runs) < 3 * BY_CHANCE


def test_the_light_that_a_beam_changes_is_said_and_that_of_a_calm_sample_is_not():
    random = np.random.default_rng(5)

    def outcomes(falls):
        analysis = Radial(bins=3, watched=(0, 99))
        for number in range(20):
            mean = 40 * np.linspace(1, 1 - falls, 30)[:, None, None]
            frames = random.poisson(mean, (30, 16, 16)).astype(np.uint16)
            block = FrameBlock("r", "primary", 0, 30, Inline(frames), {"seq_num": np.full(30, number + 1.0)}, {})
            yield analysis.result(analysis.update(analysis.empty(), block, frames))

    assert said(Radial, outcomes(0.0)) == []
    (why, *_) = said(Radial, outcomes(0.3))
    assert "below -5 %" in why


def bright(frame):
    return float(frame.max())


def test_what_a_person_wrote_declares_alarms_too():
    alarm = Alarm("brightest", high=10.0)
    analysis = own_analysis(bright, name="brightest", units="counts", alarms=[alarm])
    assert alarms_of(analysis) == (alarm,)
    check_analysis(analysis, [make_block(np.ones((3, 4, 4), np.uint16), 0)])

    class Sum:
        alarms = (alarm,)

        def update(self, state, block, frames):
            return (state or 0) + int(frames.sum())

        def merge(self, left, right):
            return left + right

        def result(self, state):
            return {"brightest": state}

    made = own_analysis(Sum)
    assert alarms_of(made) == (alarm,)
    block = make_block(np.ones((3, 4, 4), np.uint16), 0)
    assert said(made, [made.result(made.update(made.empty(), block, block.place.frames))]) == [
        "brightest is 48, above 10"
    ]


@pytest.mark.parametrize("odd", [5, "damage", [{"feature": "damage"}], [None], Alarm("damage", high=1.0)])
def test_what_is_no_list_of_alarms_is_refused_where_it_is_given(odd):
    with pytest.raises(
        SteeringError, match=r"^alarms is .*\. Allowed: a list such as \[Alarm\('centre', low=0\.1\)\]\.$"
    ):
        own_analysis(bright, name="brightest", alarms=odd)


def test_alarms_are_those_of_what_is_added_and_not_of_what_it_was_made_of():
    alarm, made = Alarm("background", high=10.0), Background()
    assert alarms_of(own_analysis(made, alarms=[alarm])) == (alarm,)
    assert alarms_of(made) == ()

    class Closed(Background):
        alarms = ()

        def __setattr__(self, name, value):
            if name == "alarms":
                raise AttributeError(name)
            super().__setattr__(name, value)

    with pytest.raises(SteeringError, match=r"background takes no alarms from outside\. Write them into its class"):
        own_analysis(Closed(), alarms=[alarm])


@pytest.mark.parametrize("odd", [5, "damage", [{"feature": "damage"}], [None]])
def test_what_is_no_alarm_is_refused_by_the_kit_and_does_nothing_in_a_run(odd):
    analysis = own_analysis(bright, name="brightest")
    analysis.alarms = odd
    assert alarms_of(analysis) == ()
    with pytest.raises(ContractError, match="alarm"):
        check_analysis(analysis, [make_block(np.ones((3, 4, 4), np.uint16), 0)])


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"low": 1.0}, "limits are those of one feature. Give its name: feature"),
        ({"feature": "tau0", "low": 2.0, "high": 1.0}, r"the limits are 2\.0 and 1\.0\. Write finite numbers"),
        ({"feature": "tau0", "high": float("nan")}, "the limits are None and nan"),
        ({"feature": "tau0", "high": 1.0, "sure": -1.0}, "sure is -1. Allowed: 0 and more, in standard deviations"),
        ({"drift": 0.0}, "drift is 0. Allowed: above 0"),
        ({"novelty": float("inf")}, "novelty is inf. Allowed: above 0"),
        ({"baseline": 4}, "baseline is 4 results. Allowed: 5 and more"),
        ({"baseline": 20.5}, r"baseline is 20\.5\. Allowed: a whole number"),
        ({"baseline": "x"}, "baseline is 'x'. Allowed: a whole number"),
        ({"feature": "tau0", "high": "1e-3"}, "high is '1e-3'. Allowed: a number"),
        ({"sure": None}, "sure is None"),
    ],
)
def test_an_alarm_that_cannot_be_says_why(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        Alarm(**settings)


def test_a_limit_waits_until_the_feature_is_surely_beyond_it():
    alarm = Alarm("damage", low=-5.0, sure=3.0)
    agent = Watch(alarms=[alarm])
    for number, (value, error) in enumerate([(-7.0, 1.0), (-9.0, float("nan")), (-1.0, 1.0), (-9.0, 1.0)], 1):
        source = Provenance("r", "xpcs", {}, "", "", "here", number, number - 1)
        agent.ingest(Result(number, Outcome({"damage": Feature(value, error, "%")}, xr.Dataset()), source), ())
        assert bool(agent.suggest()) is (number in (2, 4)), "an uncertainty that nobody knows is not waited for"
