"""What is wrong with the analyses and agents that a scan of a beamline's file names."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace
from difflib import get_close_matches

from steering.core import registry
from steering.core.analysis import Needs
from steering.core.binding import AgentBinding, Binding, make_agent, make_analysis
from steering.core.errors import SteeringError
from steering.description.description_entries import BeamlineDescription
from steering.geometry.stands import geometry_of
from steering.scans.entry import Mistake, ScanEntry

_EXPOSURE = "exposure"


def looks(scan: ScanEntry, description: BeamlineDescription) -> Iterator[Mistake]:
    """Yield what is wrong with a scan's analyses and agents.

    What the file names is made once, with its parameters, and asked what it needs of the data. The usual analysis of a
    plan is not: it fits, and would have to be loaded for that.

    Yields:
        Where (keys from the scan), and a sentence.
    """
    if scan.analyses and scan.analysis:
        yield ("analysis",), "Both 'analysis' and 'analyses' are given. Write all of them under 'analyses'."
    for number, binding in enumerate(scan.bindings()):
        where = ("analyses", number) if scan.analyses else ("analysis",)
        if binding.analysis not in registry.names("analyses"):
            yield where, f"There is no analysis {binding.analysis!r}. {choice(binding.analysis, _analyses())}"
        elif scan.analyses or scan.analysis:
            yield from ((where, sentence) for sentence in _analysis(binding, scan, description))
    labels = [binding.label for binding in scan.bindings()]
    yield from _twice("analyses", labels, "analyses")
    for number, agent in enumerate(scan.agent_bindings()):
        where = ("agents", number)
        if agent.agent not in registry.names("agents"):
            yield where, f"There is no agent {agent.agent!r}. {choice(agent.agent, registry.names('agents'))}"
            continue
        # A flow brings its results into the next scan.
        known = [*labels, *(label for flow in description.flows.values() for label in flow.labels)]
        if agent.of and agent.of not in known:
            yield where, f"The scan has no analysis {agent.of!r}. {choice(agent.of, known)}"
        yield from ((where, sentence) for sentence in _agent(agent))
    yield from _twice("agents", [agent.label for agent in scan.agent_bindings()], "agents")


def choice(name: str, known: Collection[str]) -> str:
    """Say what is allowed, and which of it was meant perhaps."""
    near = get_close_matches(name, known, 1)
    meant = f" Did you mean {near[0]}?" if near else ""
    return f"Allowed: {', '.join(known) or 'none'}.{meant}"


def _analyses() -> list[str]:
    return registry.names("analyses")


def _analysis(binding: Binding, scan: ScanEntry, description: BeamlineDescription) -> Iterator[str]:
    for axis in binding.axes:
        if axis not in scan.moved:
            yield f"The scan does not move {axis!r}. {choice(axis, scan.moved)}"
            return
    try:
        made = make_analysis(
            replace(binding, geometry=geometry_of({"geometry": description.geometry()}, binding.detector))
        )
    except SteeringError as error:
        yield str(error)
        return
    needs = getattr(made, "needs", Needs())
    # What a scan records: the read-backs of its axes, the exposure, and the signals that it reads.
    recorded = {axis: description.motors[axis].units for axis in scan.moved if axis in description.motors}
    signals = description.signals
    recorded |= {name: signals[name].units for name in scan.signals(signals) if name in signals}
    recorded[_EXPOSURE] = "s"
    # Which columns a device has is known once it is connected; they begin with its name.
    named = tuple(name for name in scan.read if name in description.devices)
    for column in needs.columns:
        if column not in recorded and not column.startswith(named):
            yield (
                f"The analysis {binding.label} needs the column {column!r}, which this scan does not record. "
                f"{choice(column, recorded)}"
            )
    for column, units in needs.units.items():
        found = recorded.get(column, "")
        if found and found != units:
            yield f"The analysis {binding.label} needs {column} in {units}; this scan records it in {found}."


def _agent(agent: AgentBinding) -> Iterator[str]:
    try:
        make_agent(agent)
    except SteeringError as error:
        yield str(error)


def _twice(key: str, labels: list[str], what: str) -> Iterator[Mistake]:
    for label, count in Counter(labels).items():
        if count > 1:
            later = labels.index(label, labels.index(label) + 1)
            yield (key, later), f"Two {what} have the label {label!r}. Give each its own: label: NAME."
