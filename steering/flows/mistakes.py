"""What is wrong with the flows of a file whose keys and types are right."""

from collections.abc import Collection, Hashable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from steering.flows.entries import FlowEntry
from steering.flows.globus_definition import MIXING, lacking, mixing

Mistake = tuple[tuple[Hashable, ...], str]
_TOO_EARLY = (
    "A flow that starts while the run goes on cannot copy its files, which are being written. Leave transfer and "
    "distribute out, or start it at the end."
)
_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


def flow_mistakes(
    flows: Mapping[str, FlowEntry], scans: Collection[str], analyses: Collection[str], agents: Collection[str] = ()
) -> Iterator[Mistake]:
    """Yield what is wrong.

    Args:
        flows: By name.
        scans: Names of the beamline's scans.
        analyses: Names of the installed analyses.
        agents: Labels of the agents that the scans name.

    Yields:
        Where (keys from the top of the file), and a sentence.
    """
    for name, flow in flows.items():
        for place, sentence in (*_flow(name, flow, scans, analyses), *_trigger(flow, agents), *_given_out(flow)):
            yield ("flows", name, *place), f"flow {name!r}: {sentence}"


def _flow(name: str, flow: FlowEntry, scans: Collection[str], analyses: Collection[str]) -> Iterator[Mistake]:
    if not name or not set(name) <= _NAME_CHARACTERS:
        yield (), "A flow's name is letters, digits and underscores, since files are called after it."
    if not flow.named_steps and not flow.globus.flow:
        yield ("steps",), f"It has no step. Write at least one of: {', '.join(flow.order)}."
    missing = lacking(flow) if flow.on_globus else []
    if missing:
        yield ("globus",), f"It runs on Globus, which needs more. Say under 'globus:' of it: {', '.join(missing)}."
    for scan in flow.trigger.scans:
        if scan not in scans:
            yield ("trigger", "scans"), f"There is no scan {scan!r}. {_choice(scan, scans)}"
    compute = flow.steps.compute
    for number, one in enumerate(compute.analyses if compute is not None else ()):
        if one.analysis not in analyses:
            place = ("steps", "compute", "analyses", number)
            yield place, f"There is no analysis {one.analysis!r}. {_choice(one.analysis, analyses)}"


def _given_out(flow: FlowEntry) -> Iterator[tuple[tuple[Any, ...], str]]:
    given = flow.steps.distribute
    if given is not None and not given.what:
        yield ("steps", "distribute", "what"), "It distributes nothing. Write raw, results, or both."
    if given is not None and given.readers and not flow.on_globus:
        yield (
            ("steps", "distribute", "readers"),
            "Readers are of Globus. Between folders write the group: group: staff.",
        )
    if given is not None and given.shared and not f"{given.to}/".startswith(f"{given.shared.rstrip('/')}/"):
        yield (
            ("steps", "distribute", "shared"),
            f"It is no begin of {given.to!r}, so that nobody could read what is there.",
        )
    for key in mixing(flow):
        yield tuple(key.split(".")), MIXING
    if given is not None and given.group and flow.on_globus:
        yield (
            ("steps", "distribute", "group"),
            "Globus knows no group of this machine. Write who may read: readers: [urn:globus:groups:id:UUID].",
        )


def _trigger(flow: FlowEntry, agents: Collection[str]) -> Iterator[tuple[tuple[Any, ...], str]]:
    trigger = flow.trigger
    if trigger.at == "frames" and trigger.frames < 1:
        yield ("trigger", "frames"), "Say after how many frames it starts: frames: 100."
    if trigger.at == "bytes" and trigger.bytes < 1:
        yield ("trigger", "bytes"), "Say after how many bytes it starts: bytes: 500 MB."
    if trigger.at == "feature" and not trigger.feature:
        yield ("trigger", "feature"), "Say on what it starts: feature: tau0 < 1 s."
    if trigger.at == "alarm" and trigger.agent not in agents:
        said = (
            f"No scan has an agent {trigger.agent!r}." if trigger.agent else "Say whose alarm starts it: agent: watch."
        )
        yield ("trigger", "agent"), f"{said} {_choice(trigger.agent, agents)}"
    if trigger.each[0] and (flow.steps.transfer or flow.steps.distribute):
        yield ("trigger", "at"), _TOO_EARLY


def _choice(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, list(known), 1)
    return f"Allowed: {', '.join(sorted(known)) or 'none'}." + (f" Did you mean {near[0]}?" if near else "")
