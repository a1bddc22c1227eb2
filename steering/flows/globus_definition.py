"""A flow as Globus Flows takes it: the definition, and the schema of its input."""

from collections.abc import Iterator, Mapping
from typing import Any

from steering.flows.entries import FlowEntry, StepEntry

TRANSFER_URL = "https://transfer.actions.globus.org/transfer/"
COMPUTE_URL = "https://compute.actions.globus.org/v3"
INGEST_URL = "https://actions.globus.org/search/ingest"
_STATES = {"transfer": "Transfer", "compute": "Compute", "catalogue": "Catalogue", "distribute": "Distribute"}
MIXING = (
    "Globus writes over a file of the same name, and several runs would have the same names there: each needs a folder "
    "of its own, with {run.uid} or {run.short} in it."
)
_WAIT_SECONDS = 604_800
_END = "Done"
# What the function returns beside features: which later steps their conditions allow, and the catalogue's entries.
_OUTPUT = "$.Compute.details.results[0].output"
_ENTRIES = "$.entries"


def definition_of(name: str, flow: FlowEntry) -> dict[str, Any]:
    """Render the definition: actions for each step, and a Choice before it.

    The input says whether a step is to be done. So a run that goes on where another one failed is of the same flow. A
    condition on features is judged by the compute function, which has them with their units.
    """
    names = list(flow.named_steps)
    states: dict[str, Any] = {}
    for place, step in enumerate(names):
        after = _gate(names[place + 1]) if place + 1 < len(names) else _END
        states |= dict(_choices(step, flow.named_steps, after))
        if step == "catalogue":
            states |= dict(_entries(flow, after))
        else:
            states[_STATES[step]] = {**_action(step), "ResultPath": f"$.{_STATES[step]}", "Next": after}
    states[_END] = {"Type": "Pass", "End": True}
    return {"Comment": flow.title or name, "StartAt": _gate(names[0]) if names else _END, "States": states}


def schema_of(flow: FlowEntry) -> dict[str, Any]:
    """Describe the input as JSON Schema."""
    if flow.globus.flow:
        return {"type": "object"}
    properties: dict[str, Any] = {"run": {"type": "string"}, "flow": {"type": "string"}, "when": {"type": "object"}}
    properties |= {step: {"type": "object"} for step in flow.named_steps}
    inner = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return {"type": "object", "properties": {"input": inner}, "required": ["input"], "additionalProperties": False}


def lacking(flow: FlowEntry) -> list[str]:
    """Name what is not said yet and Globus needs, as keys of the file under ``globus``, or of a step."""
    if flow.globus.flow:
        return []
    needs = {
        "transfer": ("source", "destination"),
        "compute": ("compute_endpoint",),
        "catalogue": ("index",),
        "distribute": ("experiment",),
    }
    wanted = dict.fromkeys(key for step in flow.named_steps for key in needs[step])
    if "transfer" not in flow.named_steps and {"compute", "distribute"} & set(flow.named_steps):
        wanted |= {"source": None}
    found = [key for key in wanted if not getattr(flow.globus, key)]
    if flow.steps.compute is not None and not flow.steps.compute.analyses:
        found.append("steps.compute.analyses")
    if flow.steps.catalogue is not None and not flow.steps.catalogue.visible_to:
        found.append("steps.catalogue.visible_to")
    return found


def mixing(flow: FlowEntry) -> list[str]:
    """Name the keys under which files of several runs would get one name: Globus writes over what is there."""
    steps = {"transfer": flow.steps.transfer, "distribute": flow.steps.distribute}
    found = {name: step.to for name, step in steps.items() if step is not None}
    return [
        f"steps.{name}.to"
        for name, to in found.items()
        if flow.on_globus and not flow.globus.flow and not any(word in to for word in ("{run.uid}", "{run.short}"))
    ]


def judged_later(step: str, steps: Mapping[str, StepEntry]) -> bool:
    """Say whether the compute function judges the condition of a step."""
    names, condition = list(steps), steps[step].condition
    return condition is not None and bool(condition.names) and "compute" in names[: names.index(step)]


def step_of_state(state: str) -> str:
    """Return the step that an action of a definition belongs to; nothing if it is no action of ours."""
    return next((step for step, name in _STATES.items() if state.rstrip("0123456789") == name), "")


def _gate(step: str) -> str:
    return f"{_STATES[step]}When"


def _choices(step: str, steps: Mapping[str, StepEntry], after: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Ask the input whether a step is to be done, or else what the function has judged, if it has.

    Each Choice looks at what is there for certain: Globus need not leave out the rest of an And whose first part fails.
    """
    first, condition = _first(step, steps), steps[step].condition
    told = {"Comment": condition.text} if condition is not None else {}
    rules = [{"Variable": f"$.input.when.{step}", "BooleanEquals": True, "Next": first}]
    judged = f"{_OUTPUT}.when.{step}"
    if judged_later(step, steps):
        # A compute step that was skipped has no output: what asks for it is not done either.
        rules.append({**_present(judged), "Next": f"{_STATES[step]}Judged"})
        rule = {"Variable": judged, "BooleanEquals": True, "Next": first}
        yield f"{_STATES[step]}Judged", {**told, "Type": "Choice", "Choices": [rule], "Default": after}
    yield _gate(step), {**told, "Type": "Choice", "Choices": rules, "Default": after}


def _first(step: str, steps: Mapping[str, StepEntry]) -> str:
    """Name the first state behind the Choice of a step."""
    if step != "catalogue":
        return _STATES[step]
    return "CatalogueFrom" if "compute" in steps else "CatalogueGiven"


def _entries(flow: FlowEntry, after: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Write one entry after another: those that the function made, or else those of the input."""
    if flow.steps.compute is not None:
        rule = {**_present(f"{_OUTPUT}.entries"), "Next": "CatalogueComputed"}
        yield "CatalogueFrom", {"Type": "Choice", "Choices": [rule], "Default": "CatalogueGiven"}
        yield "CatalogueComputed", _keep(f"{_OUTPUT}.entries")
    yield "CatalogueGiven", _keep("$.input.catalogue.entries")
    most = len(flow.labels)
    for number in range(most + 1):
        entry, name = f"{_ENTRIES}[{number}]", f"Catalogue{number or ''}"
        following = f"Catalogue{number + 1}When" if number < most else after
        if number:
            rule = {**_present(entry), "Next": name}
            yield f"{name}When", {"Type": "Choice", "Choices": [rule], "Default": after}
        parameters = {f"{one}.$": f"{entry}.{one}" for one in ("subject", "visible_to", "content")}
        parameters["search_index.$"] = "$.input.catalogue.search_index"
        yield name, {**_act(INGEST_URL, parameters), "ResultPath": f"$.{name}", "Next": following}


def _keep(path: str) -> dict[str, Any]:
    return {"Type": "Pass", "InputPath": path, "ResultPath": _ENTRIES, "Next": "Catalogue"}


def _present(path: str) -> dict[str, Any]:
    return {"Variable": path, "IsPresent": True}


def _action(step: str) -> dict[str, Any]:
    if step == "compute":
        task = {f"{one}.$": f"$.input.compute.{one}" for one in ("function_id", "kwargs")}
        parameters = {f"{one}.$": f"$.input.compute.{one}" for one in ("endpoint_id", "user_endpoint_config")}
        return _act(COMPUTE_URL, {**parameters, "tasks": [task]})
    fields = (
        "source_endpoint_id",
        "destination_endpoint_id",
        "transfer_items",
        "label",
        "verify_checksum",
        "sync_level",
    )
    return _act(TRANSFER_URL, {f"{one}.$": f"$.input.{step}.{one}" for one in fields})


def _act(url: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"Type": "Action", "ActionUrl": url, "Parameters": dict(parameters), "WaitTime": _WAIT_SECONDS}
