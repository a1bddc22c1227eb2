"""Runs a flow between folders: one step after another, each written down before it is done and after."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from pydantic import ValidationError

from steering.core.errors import SteeringError, said
from steering.core.facility import Facility
from steering.core.result import Result
from steering.core.workspace import Workspace
from steering.flow_runner.known_features import record_features
from steering.flow_steps.catalogue_step import catalogue
from steering.flow_steps.compute_step import compute
from steering.flow_steps.copying import CancelledFlowError
from steering.flow_steps.file_steps import distribute, transfer
from steering.flow_steps.flow_journal import FlowJournal
from steering.flow_steps.flow_state import FlowState
from steering.flow_steps.hold import point
from steering.flow_steps.recorded_run import find_run
from steering.flow_steps.warm import WarmFacilities
from steering.flow_steps.work import Work
from steering.flows.condition import Condition, UnknownFeatureError
from steering.flows.entries import ComputeEntry, FlowEntry, StepEntry
from steering.flows.feature_json import read_features
from steering.machine.identity import identity

_STEPS: dict[str, Callable[[Work, Any], dict[str, Any]]] = {
    "transfer": transfer,
    "compute": lambda work, step: compute(work, step, _whole),
    "catalogue": catalogue,
    "distribute": distribute,
}


def run_flow(workspace: Workspace, journal: FlowJournal, facilities: WarmFacilities) -> FlowState:
    """Run a flow to its end from where it stands; do nothing if it has succeeded or is to be cancelled.

    Args:
        workspace: Whose flow it is.
        journal: Of the flow, which has been ordered.
        facilities: Where to compute.

    Returns:
        How it stands then. What went wrong is in it as a sentence.

    Raises:
        BusyError: If another process runs it.
        SteeringError: If its journal cannot be read or written.
    """
    with journal:
        state = journal.folded
        if state.status != "succeeded" and not journal.cancel_wished:
            journal.write("running", {"by": identity()})
            status, why = _outcome(workspace, journal, facilities, state)
            journal.write("ended", {"status": status, "why": why})
            # Read while it is locked: a child that another thread is just starting has the lock for a moment, and who
            # looks from outside would take the flow for one that still runs.
            return journal.folded
    return journal.state


def flow_of(state: FlowState) -> FlowEntry:
    """Read the flow as it was when it was ordered.

    Raises:
        SteeringError: If it is of another version, and is no flow here.
    """
    try:
        return FlowEntry.model_validate(state.order["entry"])
    except (KeyError, ValidationError) as error:
        raise SteeringError(
            f"The flow of {state.id} was ordered by another version and cannot be run by this one."
        ) from error


def _outcome(
    workspace: Workspace, journal: FlowJournal, facilities: WarmFacilities, state: FlowState
) -> tuple[str, str]:
    try:
        _do_steps(workspace, journal, facilities, state)
    except CancelledFlowError as error:
        return "cancelled", f"{error} What was done is kept."
    except SteeringError as error:
        return "failed", str(error)
    except Exception as error:  # noqa: BLE001  (whatever a step raises is told, and the flow can be resumed)
        return "failed", f"{said(error)}. Mend that, and resume: steering flow resume {journal.id}."
    return "succeeded", ""


def _do_steps(workspace: Workspace, journal: FlowJournal, facilities: WarmFacilities, state: FlowState) -> None:
    flow, run = flow_of(state), find_run(workspace, state.run)
    facts = run.facts(state.flow)
    for label, features in _features(state.order).items():
        facts = facts.with_features(label, read_features(features))
    work = Work(workspace, journal, run, facts, facilities, effects=dict(state.effects))
    if flow.on_globus:
        _do_on_globus(work, flow, state)
        return
    for name, entry in flow.named_steps.items():
        step = state.step(name)
        work.step = name
        if step.status == "done":
            _take(work, name, dict(step.outcome))
        elif step.status != "left out":
            work.check()
            _do_step(work, name, entry)


async def _whole(
    work: Work, step: ComputeEntry, facility: Facility, labels: Sequence[str]
) -> tuple[dict[str, Result], str]:
    # Few flows need it.
    from steering.flow_globus.whole_run import analysed

    return await analysed(work, step, facility, labels)


def _do_on_globus(work: Work, flow: FlowEntry, state: FlowState) -> None:
    # Its clients load slowly, and need an extra that is not there everywhere.
    from steering.flow_globus.run import run_on_globus

    for step in state.steps:
        if step.status == "done":
            _take(work, step.name, dict(step.outcome))
    run_on_globus(work, state.flow, flow, _holds, _take)


def _do_step(work: Work, name: str, entry: StepEntry) -> None:
    try:
        condition = entry.condition
        if condition is not None and not _holds(work, condition):
            work.journal.write("left out", {"step": name, "why": f"{condition.text} does not hold."})
            return
        work.journal.write("began", {"step": name})
        point(f"{name}.began")
        outcome = _STEPS[name](work, entry)
        point(f"{name}.acted")
        work.journal.write("done", {"step": name, "outcome": outcome})
        point(f"{name}.done")
    except CancelledFlowError:
        raise
    except SteeringError as error:
        work.journal.write("failed", {"step": name, "why": str(error)})
        raise
    _take(work, name, outcome)


def _take(work: Work, name: str, outcome: dict[str, Any]) -> None:
    """Know what a step has found, for those after it."""
    work.outcomes[name] = outcome
    for label, features in _features(outcome).items():
        work.facts = work.facts.with_features(label, read_features(features))


def _features(content: Mapping[str, Any]) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    """Return the features by label and name that a line or an outcome holds."""
    return cast("Mapping[str, Mapping[str, Mapping[str, Any]]]", content.get("features") or {})


def _holds(work: Work, condition: Condition) -> bool:
    """Judge a condition; a feature that is not known is looked for in the record.

    Raises:
        SteeringError: If it cannot be judged.
    """
    try:
        return condition.holds(work.facts)
    except UnknownFeatureError:
        # What a session has worked out is in the record only.
        for label, features in record_features(work.workspace, work.run.uid).items():
            if label not in work.outcomes.get("compute", {}).get("features", {}):
                work.facts = work.facts.with_features(label, features)
    try:
        return condition.holds(work.facts)
    except UnknownFeatureError as error:
        raise SteeringError(
            f"The condition of the step {work.step}, {condition.text}, cannot be judged. {error} Put a compute step "
            "before it, or analyse the run, and resume."
        ) from error
