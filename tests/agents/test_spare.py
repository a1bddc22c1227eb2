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


def test_percentages_are_above_zero():
    with pytest.raises(ValueError, match=r"damage is 0 %\. Allowed: above 0 %"):
        Spare(damage=0.0)
