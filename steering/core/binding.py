"""How a scan names its analyses and agents: what each looks at, and with which parameters.

A beamline's YAML names them, the start document carries them, and the session, its panels and the record take them from
there. So nothing knows a motor's name by heart.
"""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, cast

from steering.core import registry
from steering.core.agent import Agent
from steering.core.analysis import Analysis
from steering.core.errors import SteeringError
from steering.geometry.stands import geometry_of


@dataclass(frozen=True)
class Binding:
    """An analysis of a scan.

    Attributes:
        label: What results, panels, agents and the record call it.
        analysis: Its entry-point name.
        axes: The axes that it looks along, slow ones first.
        parameters: What it takes beside them, by name.
        detector: Whose frames it is given; the scan's main detector's if empty.
        geometry: Where that stands, as JSON (:mod:`steering.geometry`); empty if nobody has said it.
    """

    label: str
    analysis: str
    axes: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any], hash=False)
    detector: str = ""
    geometry: Mapping[str, Any] = field(default_factory=dict[str, Any], hash=False, repr=False)

    def json(self) -> dict[str, Any]:
        """Write it as it stands in a start document; the geometry stands there once for each detector."""
        return {key: value for key, value in asdict(self).items() if key != "geometry"}


@dataclass(frozen=True)
class AgentBinding:
    """An agent of a scan.

    Attributes:
        label: What modes and suggestions call it.
        agent: Its entry-point name.
        of: Label of the analysis whose results it looks at; the main one's if empty.
        parameters: What it takes, by name.
    """

    label: str
    agent: str
    of: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any], hash=False)


def make_analysis(binding: Binding) -> Analysis[Any]:
    """Make the analysis that a binding names.

    One that takes ``axes`` is given all of them, one that takes ``axis`` the fast one, along which a curve is measured.
    One that takes ``geometry`` is given that of its detector, unless its parameters say another.

    Raises:
        SteeringError: If there is none of that name, or it does not take these parameters or axes.
    """
    make = registry.load("analyses", binding.analysis)
    taken = inspect.signature(make).parameters
    settings = dict[str, Any](binding.parameters)
    if binding.axes and "axes" in taken:
        settings.setdefault("axes", tuple(binding.axes))
    elif binding.axes and "axis" in taken:
        settings.setdefault("axis", binding.axes[-1])
    if binding.geometry and "geometry" in taken:
        settings.setdefault("geometry", dict(binding.geometry))
    of = f" of {', '.join(binding.axes)}" if binding.axes else ""
    return cast("Analysis[Any]", _made("analysis", binding.analysis, make, settings, f"a scan{of}"))


def make_agent(binding: AgentBinding) -> Agent:
    """Make the agent that a binding names.

    Raises:
        SteeringError: If there is none of that name, or it does not take these parameters.
    """
    make = registry.load("agents", binding.agent)
    return cast("Agent", _made("agent", binding.agent, make, dict(binding.parameters), "this"))


def bindings_of(start: Mapping[str, Any]) -> tuple[Binding, ...]:
    """Read the analyses of a run from its start document; what is no binding, as in a foreign one, is none."""
    axes = _texts(start.get("axes"))
    found = tuple(
        Binding(
            str(one.get("label") or one["analysis"]),
            one["analysis"],
            _texts(one.get("axes")) or axes,
            _mapping(one),
            str(one.get("detector") or ""),
            geometry_of(start, str(one.get("detector") or "")),
        )
        for one in _mappings(start.get("analyses"))
        if isinstance(one.get("analysis"), str)
    )
    if found:
        return found
    # So it stood in the start documents of before there were several.
    name = start.get("analysis")
    return (Binding(name, name, axes),) if isinstance(name, str) and name else ()


def agents_of(start: Mapping[str, Any]) -> tuple[AgentBinding, ...]:
    """Read the agents of a run from its start document; what is no binding, as in a foreign one, is none."""
    return tuple(
        AgentBinding(str(one.get("label") or one["agent"]), one["agent"], str(one.get("of") or ""), _mapping(one))
        for one in _mappings(start.get("agents"))
        if isinstance(one.get("agent"), str)
    )


def _made(kind: str, name: str, make: Any, settings: Mapping[str, Any], fits: str) -> object:
    """Call what makes a plugin.

    Raises:
        SteeringError: If it does not take these settings.
    """
    signature = inspect.signature(make)
    unknown = [key for key in settings if key not in signature.parameters]
    if unknown and not any(one.kind is one.VAR_KEYWORD for one in signature.parameters.values()):
        taken = ", ".join(signature.parameters) or "none"
        message = f"The {kind} {name} has no parameter {unknown[0]!r:.60}. It takes: {taken}."
        raise SteeringError(message)
    try:
        return make(**settings)
    except (ValueError, TypeError) as error:
        message = f"The {kind} {name} does not fit {fits}: {_why(error)}."
        raise SteeringError(message) from error


def _why(error: Exception) -> str:
    """Say what is wrong with a parameter; of a pydantic model the first thing, without the model's name."""
    errors: Any = getattr(error, "errors", None)
    if errors is None:
        return str(error).rstrip(".")
    first = errors()[0]
    said = str(first["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    said = said.rstrip(".")
    place = ".".join(str(step) for step in first["loc"])
    if not place:
        # What is wrong with several of them together says itself which.
        return said
    return f"{place}: {said}" if isinstance(first["input"], Mapping) else f"{place} = {first['input']!r:.60} {said}"


def _mappings(value: Any) -> Sequence[Mapping[str, Any]]:
    return [cast("Mapping[str, Any]", one) for one in _items(value) if isinstance(one, Mapping)]


def _items(value: Any) -> Sequence[Any]:
    return cast("Sequence[Any]", value) if isinstance(value, list | tuple) else ()


def _mapping(one: Mapping[str, Any]) -> Mapping[str, Any]:
    found = one.get("parameters")
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(one) for one in _items(value))
