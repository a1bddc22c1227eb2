"""What a flow would do with a run, and why."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from steering.core.errors import SteeringError
from steering.flows.condition import UnknownFeatureError
from steering.flows.entries import ComputeEntry, DistributeEntry, FlowEntry, StepEntry, TransferEntry
from steering.flows.facts import Facts
from steering.flows.globus_definition import definition_of, lacking, schema_of
from steering.flows.globus_input import input_of
from steering.flows.templates import fill_path


def explain_flow(
    name: str, flow: FlowEntry, facts: Facts | None, files: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """Explain a flow, for a run if one is named.

    Args:
        name: Of the flow.
        flow: The flow.
        facts: What is known of the run; nothing if none is named, and templates then stay as they are.
        files: Of the run: ``path``, ``name`` and ``size`` in bytes.

    Returns:
        ``steps`` (name, what, why), ``starts``, and for Globus ``definition``, ``input``, ``schema`` and what is
        ``lacking``.
    """
    return {
        "flow": name,
        "title": flow.title,
        "on_globus": flow.on_globus,
        "starts": _starts(flow),
        "run": facts.words.get("run.uid", "") if facts is not None else "",
        "steps": [
            {"step": step, "what": _what(entry, flow, facts, files), "why": _why(step, entry, flow, facts)}
            for step, entry in flow.named_steps.items()
        ],
        "globus": {
            "definition": {} if flow.globus.flow else definition_of(name, flow),
            "flow": flow.globus.flow,
            "input": input_of(name, flow, facts, files) if facts is not None else {},
            "schema": schema_of(flow),
            "lacking": lacking(flow),
        },
    }


def as_text(explained: Mapping[str, Any], *, definition: bool = False) -> str:
    """Write an explanation for a person.

    Args:
        explained: From :func:`explain_flow`.
        definition: Also write what Globus is told, as JSON; it has ten times as many lines as the rest.
    """
    return "\n".join((*_lines(explained), *_globus_lines(explained, definition=definition))) + "\n"


def _lines(explained: Mapping[str, Any]) -> Iterator[str]:
    title = f": {explained['title']}" if explained["title"] else ""
    yield f"Flow {explained['flow']}{title}"
    yield f"It starts {explained['starts']}."
    if explained["run"]:
        yield f"For run {explained['run']}:"
    for number, one in enumerate(explained["steps"], start=1):
        yield f" {number}. {one['step']}: {one['what']}"
        yield f"    {one['why']}"


def _globus_lines(explained: Mapping[str, Any], *, definition: bool) -> Iterator[str]:
    there, name, on_globus = explained["globus"], explained["flow"], explained["on_globus"]
    if there["flow"]:
        yield f"By Globus it is the existing flow {there['flow']}."
    elif on_globus:
        yield "It runs on Globus."
    if definition:
        if not there["flow"]:
            yield f"Its definition{'' if on_globus else ', if it ran on Globus'}:"
            yield json.dumps(there["definition"], indent=1)
        yield from _input(there)
    else:
        yield (
            f"What Globus {'is' if on_globus else 'would be'} told, as JSON: steering flow explain {name} --definition"
            f' (in a notebook: session.flows.explain("{name}", definition=True)).'
        )
    if there["lacking"] and (definition or on_globus):
        yield f"Before Globus can run it, say under 'globus:' of this flow: {', '.join(there['lacking'])}."


def _input(there: Mapping[str, Any]) -> Iterator[str]:
    if there["input"]:
        yield "Its input:"
        yield json.dumps(there["input"], indent=1)
    else:
        yield "Its input is filled from a run: name one with --run UID."


def _starts(flow: FlowEntry) -> str:
    trigger = flow.trigger
    of = f" of {' and '.join(trigger.scans)}" if trigger.scans else ""
    return {
        "hand": "by hand: steering flow run",
        "end": f"at the end of each run{of}",
        "frames": f"after each {trigger.frames} frames of a run{of}",
        "bytes": f"after each {trigger.bytes / 1e6:g} MB of pixels of a run{of}",
        "feature": f"when {trigger.feature}, once a run{of}",
        "alarm": f"when the agent {trigger.agent} comes to say something, once a run{of}",
    }[trigger.at]


def _what(step: StepEntry, flow: FlowEntry, facts: Facts | None, files: Sequence[Mapping[str, Any]]) -> str:
    there = flow.globus if flow.on_globus else None
    match step:
        case TransferEntry():
            said = _files(files) if facts is not None else "the run's files and its journal"
            to = f"{_path(step.to, facts)}{_of(there and there.destination, 'collection')}"
            return f"copy {said} to {to}, and verify each copy by its SHA-256"
        case ComputeEntry():
            names = ", ".join(one.label or one.analysis for one in step.analyses) or "the analyses that the scan names"
            return f"{names}, on {step.facility}{_of(there and there.compute_endpoint, 'endpoint')}{_urgent(step)}"
        case DistributeEntry():
            to = f"copy {' and '.join(step.what)} to {_path(step.to, facts)}"
            if there is not None:
                who = (
                    f"let {', '.join(step.readers)} read {_path(step.shared, facts) or 'it'}"
                    if step.readers
                    else "give nobody a permission"
                )
                return f"{to}{_of(there.experiment, 'collection')}, and {who}"
            return f"{to} with mode {step.mode}{f' and group {step.group}' if step.group else ''}"
        case _:
            return f"one entry for the run and one for each result{_of(there and there.index, 'index', 'in')}"


def _of(name: str | None, what: str, word: str = "of") -> str:
    """Say at which place of Globus something is; nothing between folders, or while no place is named."""
    return f" {word} the {what} {name}" if name else ""


def _urgent(step: ComputeEntry) -> str:
    if not step.urgency:
        return ""
    nodes = f"{step.nodes} {'node' if step.nodes == 1 else 'nodes'}"
    return f"; as urgent as {step.urgency}, on {nodes}: its policy chooses the queue when the step begins"


def _why(name: str, step: StepEntry, flow: FlowEntry, facts: Facts | None) -> str:
    condition = step.condition
    if condition is None:
        return "Done in any case: it has no condition."
    if facts is None:
        return f"Done when {condition.text}."
    missing = [one for one in condition.names if one not in facts.features]
    steps = list(flow.named_steps)
    try:
        holds = condition.holds(facts)
    except UnknownFeatureError as error:
        later = "compute" in steps[: steps.index(name)]
        return f"Judged after compute: {condition.text}." if later else f"Cannot be judged: {error}"
    except SteeringError as error:
        return f"Cannot be judged: {error}"
    values = ", ".join(
        f"{one} is {facts.features[one].value:.4g} {facts.features[one].units}"
        for one in condition.names
        if one not in missing
    )
    because = f", as {values}" if values else ""
    return f"{'Done' if holds else 'Left out'}: {condition.text} {'holds' if holds else 'does not hold'}{because}."


def _files(files: Sequence[Mapping[str, Any]]) -> str:
    size = sum(int(one.get("size") or 0) for one in files)
    return f"{len(files)} {'file' if len(files) == 1 else 'files'}, {size / 1e6:.1f} MB"


def _path(text: str, facts: Facts | None) -> str:
    return fill_path(text, facts.words) if facts is not None else text
