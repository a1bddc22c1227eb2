"""Spare weakens a beam that does damage, once for some bursts, and ends a scan that knows enough."""

from dataclasses import replace

import pytest
import xarray as xr

from steering.agents.spare import Spare
from steering.core.action import EndBurst, Finish, SetParameter
from steering.core.parameter import Parameter
from steering.core.result import Feature, Outcome, Provenance, Result

FILTERS = Parameter("filters", "", 0.0, 0.0, 2.0, choices=("out", "thin", "thick"), decimals=0)


def result(run="a", **values):
    features = {name: Feature(value, error, "%") for name, (value, error) in values.items()}
    source = Provenance(run, "xpcs", {}, "h", "v", "here", 1, 0)
    return Result(1, Outcome(features, xr.Dataset()), source)


def asked(agent, parameters=(FILTERS,), **values):
    agent.ingest(result(**values), parameters)
    return [one.action for one in agent.suggest()]


def test_damage_is_answered_with_less_beam_and_then_two_bursts_are_waited_for():
    agent = Spare()
    assert asked(agent, damage=(-20.0, 1.0), bursts=(1.0, 0.0)) == [SetParameter("filters", 1.0)]
    thin = Parameter("filters", "", 1.0, 0.0, 2.0, choices=FILTERS.choices, decimals=0)
    assert asked(agent, (thin,), damage=(-20.0, 1.0), bursts=(2.0, 0.0)) == []
    assert asked(agent, (thin,), damage=(-20.0, 1.0), bursts=(3.0, 0.0)) == [SetParameter("filters", 2.0)]
    thick = Parameter("filters", "", 2.0, 0.0, 2.0, choices=FILTERS.choices, decimals=0)
    assert asked(agent, (thick,), damage=(-20.0, 1.0), bursts=(9.0, 0.0)) == []
    assert asked(agent, run="b", damage=(-20.0, 1.0), bursts=(1.0, 0.0)) == [SetParameter("filters", 1.0)]


def test_it_ends_the_burst_that_does_damage_once_and_weakens_the_beam_after_that():
    agent = Spare(end_bursts=True)

    def seen(points, damage=-20.0):
        found = result(damage=(damage, 1.0), bursts=(float(points), 0.0))
        data = xr.Dataset(attrs={"points": points})
        agent.ingest(replace(found, outcome=replace(found.outcome, data=data)), (FILTERS,))
        return [one.action for one in agent.suggest()]

    assert seen(1) == [EndBurst(1)]
    assert seen(1) == [SetParameter("filters", 1.0)]
    assert seen(2, damage=-1.0) == []
    assert seen(2) == [EndBurst(2)]
    assert seen(2) == []


@pytest.mark.parametrize("damage", [(-4.0, 0.1), (-20.0, 10.0), (20.0, 1.0)])
def test_what_is_no_clear_damage_changes_nothing(damage):
    assert asked(Spare(), damage=damage, bursts=(3.0, 0.0)) == []


def test_nothing_is_asked_of_a_scan_without_an_attenuator():
    assert asked(Spare(), (), damage=(-20.0, 1.0), bursts=(3.0, 0.0)) == []


def test_it_ends_a_scan_that_knows_enough_once():
    agent = Spare(enough=5.0)
    assert asked(agent, g2_error=(6.0, 0.0), bursts=(1.0, 0.0)) == []
    assert asked(agent, g2_error=(4.0, 0.0), bursts=(2.0, 0.0)) == [Finish()]
    assert asked(agent, g2_error=(3.0, 0.0), bursts=(3.0, 0.0)) == []
    assert asked(agent, run="b", g2_error=(3.0, 0.0)) == [Finish()]


def saxs(filters, damage, radius=(40.0, 0.1), bursts=1.0):
    features = {
        "filters": Feature(filters, 0.0, "1"), "bursts": Feature(bursts, 0.0, "1"), "damage": Feature(*damage, "%"),
        "radius_of_gyration": Feature(*radius, "angstrom"),
    }  # fmt: skip
    return Result(1, Outcome(features, xr.Dataset()), Provenance("a", "radial", {}, "h", "v", "here", 1, 0))


def test_light_that_rises_is_damage_where_that_was_chosen_and_a_feature_is_known_by_its_uncertainty():
    agent = Spare(damage=2.0, rises=True, known="radius_of_gyration", enough=0.3)
    filters = [replace(FILTERS, value=float(value)) for value in range(3)]

    def seen(at, *args, **named):
        agent.ingest(saxs(*args, **named), (filters[at],))
        return [one.action for one in agent.suggest()]

    assert seen(0, 0.0, (10.0, 0.5)) == [SetParameter("filters", 1.0)]
    # What was measured while the beam did damage is never enough, also before it shows in the next burst.
    assert seen(0, 0.0, (1.0, 2.0), bursts=2.0) == []
    # Frames behind the old filter say nothing of the new one.
    assert seen(1, 0.0, (10.0, 0.5), bursts=3.0) == []
    assert seen(1, 1.0, (3.0, 0.5), bursts=4.0) == [SetParameter("filters", 2.0)]
    assert seen(2, 2.0, (1.0, 1.0), radius=(40.0, 0.2), bursts=5.0) == []
    assert seen(2, 2.0, (1.0, 1.0), radius=(0.0, 0.0), bursts=6.0) == []
    assert seen(2, 2.0, (1.0, 1.0), bursts=7.0) == [Finish()]
    assert asked(Spare(damage=2.0), damage=(10.0, 0.5), bursts=(1.0, 0.0)) == []


def test_percentages_are_above_zero():
    with pytest.raises(ValueError, match=r"damage is 0 %\. Allowed: above 0 %"):
        Spare(damage=0.0)
