"""Every installed agent keeps the contract, whatever analysis it looks at; none is named here."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from steering.core import registry
from steering.core.action import SetParameter, Skip
from steering.core.agent import Suggestion
from steering.testing import ContractError, check_agent
from steering.testing.growing import PARAMETERS, growing_results

ANALYSES = registry.names("analyses")
# The same scan with little room: every limit and every largest step binds.
NARROW = tuple(
    replace(item, low=item.value - 0.01 * item.value - 0.003, high=item.value + 0.003, largest_step=0.0007)
    for item in PARAMETERS
)


@cache
def results(analysis, run="kit"):
    """Results are values, which no agent may change: made once for all of them."""
    return tuple(growing_results(registry.load("analyses", analysis)(), run))


@pytest.mark.parametrize("analysis", ANALYSES)
@pytest.mark.parametrize("parameters", [PARAMETERS, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("name", registry.names("agents"))
def test_agents(name, parameters, analysis):
    agent = registry.load("agents", name)()
    assert agent.name == name
    check_agent(agent, results(analysis), parameters)


@pytest.mark.parametrize("name", registry.names("agents"))
def test_agents_look_at_one_run_after_another(name):
    agent = registry.load("agents", name)()
    for analysis in ANALYSES:
        for run in ("first", "second"):
            for result in results(analysis, run):
                agent.ingest(result, PARAMETERS)
                assert all(isinstance(item, Suggestion) for item in agent.suggest())


class Obedient:
    """An agent that suggests what it is given, once for each result."""

    name = "obedient"

    def __init__(self, *suggestions):
        self.suggestions, self.waiting = suggestions, ()

    def ingest(self, result, parameters):
        self.waiting = tuple(replace(item, basis=item.basis or result.basis) for item in self.suggestions)

    def suggest(self):
        waiting, self.waiting = self.waiting, ()
        return waiting


class Hasty(Obedient):
    def suggest(self):
        return [Suggestion(Skip(1), "because")]


class Repetitive(Obedient):
    def suggest(self):
        return self.waiting


class Text(Obedient):
    def ingest(self, result, parameters):
        self.waiting = ("anything",)


CHANGE = Suggestion(SetParameter("exposure", 0.1), "because")


def test_an_agent_that_suggests_within_the_limits_keeps_the_contract():
    check_agent(Obedient(Suggestion(Skip(1), "because")), results(ANALYSES[0]))


BROKEN = {
    "hasty": (Hasty(), "before it has seen a result"),
    "repetitive": (Repetitive(Suggestion(Skip(1), "because")), "suggests the same thing twice"),
    "text": (Text(), "must be a Suggestion, but is a str"),
    "no reason": (Obedient(replace(CHANGE, reason="")), "gives no reason"),
    "outside": (Obedient(replace(CHANGE, action=SetParameter("exposure", 99.0))), "guard refuses.*outside the limits"),
    "not finite": (Obedient(replace(CHANGE, action=SetParameter("exposure", np.nan))), "not a finite number"),
    "unknown": (Obedient(replace(CHANGE, action=SetParameter("colour", 1.0))), "no parameter 'colour'"),
    "old basis": (Obedient(replace(CHANGE, basis="yesterday")), "'yesterday' as the basis"),
    "blind": (Obedient(CHANGE), "for a scan without parameters"),
    "no agent": (object(), "an agent must have a name, ingest and suggest"),
}


@pytest.mark.parametrize(("agent", "words"), BROKEN.values(), ids=BROKEN)
def test_a_broken_agent_is_found(agent, words):
    with pytest.raises(ContractError, match=words):
        check_agent(agent, results(ANALYSES[0]))
