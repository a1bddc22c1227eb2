"""The contract of an agent."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from steering.contract.broken import require, require_kind
from steering.core.action import SetParameter
from steering.core.agent import Agent, Suggestion
from steering.core.parameter import Parameter
from steering.core.result import Result
from steering.core.status import Axis
from steering.guard import Situation, judge
from steering.testing.growing import PARAMETERS


def check_agent(agent: Agent, results: Sequence[Result] = (), parameters: Sequence[Parameter] = PARAMETERS) -> None:
    """Check that an agent may be asked at any time and suggests only what a guard can judge.

    Args:
        agent: What is checked, fresh.
        results: Results to let it look at, oldest first; :func:`steering.testing.growing.growing_results` makes some.
        parameters: The steerable parameters.

    Raises:
        ContractError: If it does not keep its contract.
    """
    require_kind(agent, Agent, "an agent must have a name, ingest and suggest")
    require(agent.name, f"{type(agent).__name__} has no name")
    require(not agent.suggest(), f"{agent.name} suggests something before it has seen a result")
    known = {item.name: item for item in parameters}
    for result in results:
        agent.ingest(result, tuple(known.values()))
        for suggestion in agent.suggest():
            _judgeable(agent, suggestion, known)
            require(
                suggestion.basis == result.basis,
                f"{agent.name} names {suggestion.basis!r} as the basis of {suggestion.action}, not {result.basis!r}",
            )
            if isinstance(suggestion.action, SetParameter):
                # What the guard accepts holds when the agent looks again.
                name = suggestion.action.parameter
                known[name] = replace(known[name], value=suggestion.action.value)
        require(not agent.suggest(), f"{agent.name} suggests the same thing twice")
    for result in results[-1:]:
        agent.ingest(result, ())
        sets = [item.action for item in agent.suggest() if isinstance(item.action, SetParameter)]
        require(not sets, f"{agent.name} suggests {sets} for a scan without parameters")


def _judgeable(agent: Agent, suggestion: Suggestion, parameters: Mapping[str, Parameter]) -> None:
    require_kind(suggestion, Suggestion, f"what {agent.name} suggests must be a Suggestion")
    require(suggestion.reason, f"{agent.name} gives no reason for {suggestion.action}")
    situation = Situation(
        scanning=True,
        paused=False,
        person="kit",
        lease="kit",
        parameters=parameters,
        axes={"th": Axis("th", "deg", -180.0, 180.0)},
        points_left=100,
    )
    refusal = judge(suggestion.action, situation)
    require(not refusal, f"{agent.name} suggests {suggestion.action}, which the guard refuses: {refusal}")
