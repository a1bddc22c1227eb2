"""Every installed plugin keeps its contract; none is named here."""

import numpy as np
import pytest

from steering.analyses.rocking_curve import RockingCurve
from steering.core import registry
from steering.core.parameter import Parameter
from steering.core.result import Provenance, Result
from steering.testing import ContractError, InlineFacility, check_agent, check_analysis, check_facility, check_source
from steering.testing.blocks import make_block
from tests.documents import documents_of_a_run

PARAMETERS = (
    Parameter("centre", "deg", 0.0, -5.0, 5.0, 0.5),
    Parameter("range", "deg", 1.0, 0.01, 5.0, 0.5),
    Parameter("step", "deg", 0.005, 0.001, 0.1, 0.1),
)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", registry.names("analyses"))
def test_analyses(name, seed):
    check_analysis(registry.load("analyses", name)(), seed=seed)


def peaks():
    """Results of a rocking curve that grows, with a clear peak off the centre."""
    analysis, found = RockingCurve(), []
    positions = np.linspace(-0.5, 0.5, 41)
    for count in range(2, 42, 3):
        frames = np.zeros((count, 4, 4), np.int32)
        frames[:, 1, 1] = 20 + 50_000 * np.exp(-(((positions[:count] - 0.1) / 0.05) ** 2))
        block = make_block(frames, 0)
        block.columns["th"][:] = positions[:count]
        block.columns["exposure"][:] = 0.1
        outcome = analysis.result(analysis.update(analysis.empty(), block, frames))
        source = Provenance("run", analysis.name, {}, "0", "0", "kit", count, count - 1)
        found.append(Result(count, outcome, source))
    return found


@pytest.mark.parametrize("name", registry.names("agents"))
def test_agents(name):
    check_agent(registry.load("agents", name)(), peaks(), PARAMETERS)


@pytest.mark.parametrize("name", registry.names("sources"))
async def test_sources(name):
    await check_source(registry.load("sources", name), documents_of_a_run(12), 12)


@pytest.mark.system
@pytest.mark.parametrize("name", registry.names("facilities"))
async def test_facilities(name, workspace):
    await check_facility(registry.load("facilities", name)(workspace=workspace))


async def test_the_facility_of_the_kits_keeps_the_contract_itself():
    await check_facility(InlineFacility())


class Forgetful(RockingCurve):
    """An analysis that keeps its contract only in one order."""

    def merge(self, left, right):
        return left if len(left) else right


def test_a_broken_analysis_is_found():
    with pytest.raises(ContractError, match="rocking_curve gives another result"):
        check_analysis(Forgetful())


class Hasty:
    """An agent that acts before it has seen anything."""

    name = "hasty"

    def ingest(self, result, parameters):
        pass

    def suggest(self):
        return ["anything"]


def test_a_hasty_agent_is_found():
    with pytest.raises(ContractError, match="before it has seen a result"):
        check_agent(Hasty())
