"""A flow as Globus Flows takes it: definition, input and the schema of the input."""

from collections.abc import Mapping, Sequence
from typing import Any

from steering.flows.entries import FlowEntry, StepEntry
from steering.flows.facts import Facts
from steering.flows.templates import fill, fill_all, fill_path

TRANSFER_URL = "https://transfer.actions.globus.org/transfer/"
COMPUTE_URL = "https://compute.actions.globus.org/v3"
INGEST_URL = "https://actions.globus.org/search/ingest"
_STATES = {"transfer": "Transfer", "compute": "Compute", "catalogue": "Catalogue", "distribute": "Distribute"}
_WAIT_SECONDS = 604_800
_END = "Done"
# What the function returns beside features: which later steps their conditions allow.
_WHEN = "$.Compute.details.results[0].output.when."


def definition_of(name: str, flow: FlowEntry) -> dict[str, Any]:
    """Render the definition: one Action a step, a Choice before each that has a condition.

    A condition on features is judged by the compute function, which has them with their units; Globus is told whether
    it holds. One on the run alone is judged when the flow is ordered, and stands in the input.
    """
    steps = flow.named_steps
    order = [_STATES[one] for one in steps]
    states: dict[str, Any] = {}
    for place, (step, entry) in enumerate(steps.items()):
        after = _entrance(steps, place + 1)
        if entry.when:
            # A skipped compute step has no output: what asks for it is not done either.
            path = _when_path(step, entry, steps)
            test: dict[str, Any] = {"Variable": path, "BooleanEquals": True}
            both = {"And": [{"Variable": path, "IsPresent": True}, test]}
            states[f"{order[place]}When"] = {
                "Comment": entry.when,
                "Type": "Choice",
                "Choices": [{**both, "Next": order[place]}],
                "Default": after,
            }
        states[order[place]] = {
            **_action(step),
            "ResultPath": f"$.{order[place]}",
            "WaitTime": _WAIT_SECONDS,
            "Next": after,
        }
    states[_END] = {"Type": "Pass", "End": True}
    return {"Comment": flow.title or name, "StartAt": _entrance(steps, 0), "States": states}


def input_of(name: str, flow: FlowEntry, facts: Facts, files: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """Fill the input from what is known of a run.

    Args:
        name: Of the flow.
        flow: The flow; if it names an existing one of Globus, that one's template is filled.
        facts: What is known of the run.
        files: Of the run: ``path``, and ``name`` under which it is kept.
    """
    if flow.globus.flow:
        return fill_all(dict(flow.globus.input), facts.words)
    there, steps = flow.globus, flow.steps
    made: dict[str, Any] = {"run": facts.words.get("run.uid", ""), "flow": name, "when": _judged(flow, facts)}
    if steps.transfer is not None:
        to = fill_path(steps.transfer.to, facts.words)
        items = [{"source_path": str(one["path"]), "destination_path": f"{to}/{one['name']}"} for one in files]
        made["transfer"] = _between(there.source, there.destination, items, f"{name} {made['run'][:8]}")
    if steps.compute is not None:
        asked = {
            step: entry.when for step, entry in flow.named_steps.items() if entry.condition and entry.condition.names
        }
        made["compute"] = {
            "endpoint": there.compute_endpoint,
            "function": there.compute_function,
            "kwargs": {
                "run": made["run"],
                "folder": fill_path(steps.transfer.to, facts.words) if steps.transfer is not None else "",
                "analyses": [one.model_dump() for one in steps.compute.analyses],
                "when": asked,
            },
        }
    if steps.catalogue is not None:
        made["catalogue"] = {
            "search_index": there.index,
            "subject": f"run:{made['run']}",
            "visible_to": list(steps.catalogue.visible_to),
            "content": {"title": fill(steps.catalogue.title, facts.words)},
        }
    if steps.distribute is not None:
        source = fill_path(steps.transfer.to, facts.words) if steps.transfer is not None else there.source_path
        to = fill_path(steps.distribute.to, facts.words)
        items: list[dict[str, Any]] = [{"source_path": source, "destination_path": to, "recursive": True}]
        begin = there.destination if steps.transfer is not None else there.source
        made["distribute"] = _between(begin, there.experiment, items, f"{name} {made['run'][:8]}: give out")
    return {"input": made}


def schema_of(flow: FlowEntry) -> dict[str, Any]:
    """Describe the input as JSON Schema."""
    if flow.globus.flow:
        return {"type": "object"}
    properties: dict[str, Any] = {"run": {"type": "string"}, "flow": {"type": "string"}, "when": {"type": "object"}}
    properties |= {step: {"type": "object"} for step in flow.named_steps}
    inner = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return {"type": "object", "properties": {"input": inner}, "required": ["input"], "additionalProperties": False}


def lacking(flow: FlowEntry) -> list[str]:
    """Name what is not said yet and Globus needs, as keys of the file under ``globus``."""
    if flow.globus.flow:
        return []
    needs = {
        "transfer": ("source", "destination"),
        "compute": ("compute_endpoint", "compute_function"),
        "catalogue": ("index",),
        "distribute": ("experiment",),
    }
    wanted = dict.fromkeys(key for step in flow.named_steps for key in needs[step])
    return [key for key in wanted if not getattr(flow.globus, key)]


def _entrance(steps: Mapping[str, StepEntry], place: int) -> str:
    """Name the state by which a step is entered."""
    names = list(steps)
    if place >= len(names):
        return _END
    return f"{_STATES[names[place]]}When" if steps[names[place]].when else _STATES[names[place]]


def _when_path(step: str, entry: StepEntry, steps: Mapping[str, StepEntry]) -> str:
    before = list(steps)[: list(steps).index(step)]
    by_features = entry.condition is not None and entry.condition.names and "compute" in before
    return f"{_WHEN}{step}" if by_features else f"$.input.when.{step}"


def _judged(flow: FlowEntry, facts: Facts) -> dict[str, bool]:
    """Judge the conditions that can be judged before the flow begins."""
    steps = flow.named_steps
    found: dict[str, bool] = {}
    for step, entry in steps.items():
        condition = entry.condition
        if condition is not None and _when_path(step, entry, steps).startswith("$.input"):
            found[step] = all(one in facts.features for one in condition.names) and condition.holds(facts)
    return found


def _action(step: str) -> dict[str, Any]:
    if step == "compute":
        fields = ("endpoint", "function", "kwargs")
        parameters = {"tasks": [{f"{one}.$": f"$.input.compute.{one}" for one in fields}]}
        return {"Type": "Action", "ActionUrl": COMPUTE_URL, "Parameters": parameters}
    if step == "catalogue":
        fields = ("search_index", "subject", "visible_to", "content")
        parameters = {f"{one}.$": f"$.input.catalogue.{one}" for one in fields}
        return {"Type": "Action", "ActionUrl": INGEST_URL, "Parameters": parameters}
    fields = ("source_endpoint_id", "destination_endpoint_id", "transfer_items", "label", "verify_checksum")
    parameters = {f"{one}.$": f"$.input.{step}.{one}" for one in fields}
    return {"Type": "Action", "ActionUrl": TRANSFER_URL, "Parameters": parameters}


def _between(source: str, destination: str, items: Sequence[Mapping[str, Any]], label: str) -> dict[str, Any]:
    return {
        "source_endpoint_id": source,
        "destination_endpoint_id": destination,
        "transfer_items": list(items),
        "label": label[:128],
        "verify_checksum": True,
    }
