"""``steering flow``: run, look at, resume, cancel and explain flows.

Exit codes: 0 the flow succeeded, 1 a mistake or a step that failed, 3 it was cut off and can be resumed or runs in
another process, 4 it was cancelled.
"""

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from steering.commands.elsewhere import where_to
from steering.commands.ending import end_like_ctrl_c
from steering.commands.finite import finite
from steering.core.errors import SteeringError
from steering.core.result import Feature
from steering.core.workspace import Workspace, default_workspace
from steering.flow_runner.changed import changed_since
from steering.flow_runner.orders import cancel, find_journal, flow_named, flows_of, order, served_file
from steering.flow_runner.several import run_one, run_several
from steering.flow_steps.flow_journal import FlowJournal, journals
from steering.flow_steps.flow_state import FlowState, StepState
from steering.flow_steps.recorded_run import RecordedRun, find_run
from steering.flow_steps.warm import WarmFacilities
from steering.flows.explanation import as_text, explain_flow
from steering.flows.feature_json import read_features

CODES = {"succeeded": 0, "failed": 1, "interrupted": 3, "running": 3, "ordered": 3, "cancelled": 4}
_MOST_LISTED = 20
_CANCEL_SECONDS = 20.0


def flow(arguments: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    options = _parser().parse_args(arguments)
    workspace = Workspace(options.workspace)
    match options.what:
        case "run":
            return _run(options, workspace)
        case "explain":
            return _explain(options, workspace)
        case "resume":
            return _resume(options, workspace)
        case "cancel":
            return _cancel(options, workspace)
        case _:
            found = [find_journal(workspace, options.name)] if options.name else journals(workspace)[:_MOST_LISTED]
            states = [one.state for one in found]
            _say(workspace, states, as_json=options.json)
            return max((CODES[one.status] for one in states), default=0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="steering flow",
        description="What is done with a run: its files copied and verified, analysed, catalogued, given out.",
        epilog="Exit codes: 0 succeeded, 1 failed or a mistake, 3 cut off or running elsewhere, 4 cancelled, 2 not "
        "understood, 130 ended by Ctrl-C, 141 nobody reads what it prints.",
    )
    parser.add_argument("what", choices=("run", "status", "resume", "cancel", "explain"), help="what is to be done")
    parser.add_argument("name", nargs="?", default="", help="a flow (run, explain), or a flow run as status lists it")
    parser.add_argument(
        "--run", default="", help="uid of the run, or its beginning; the newest that has ended if left out"
    )
    parser.add_argument(
        "--beamline", type=Path, help="the beamline's file; the one that the service serves if left out"
    )
    parser.add_argument("--workspace", type=Path, default=default_workspace().directory, help="whose runs and flows")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    parser.add_argument(
        "--definition", action="store_true", help="explain also prints the definition and the input that Globus is told"
    )
    return parser


def _run(options: argparse.Namespace, workspace: Workspace) -> int:
    name = _needed(options, "the flow")
    entry = flow_named(name, flows_of(workspace, options.beamline))
    journal, new = order(workspace, name, entry, find_run(workspace, options.run).uid)
    if not new and (changed := changed_since(journal, entry)):
        sys.stderr.write(f"{changed}\n")
    return _say(workspace, [run_here(workspace, journal)], as_json=options.json)


def run_here(workspace: Workspace, journal: FlowJournal) -> FlowState:
    """Run a flow in this process, so that it ends with it; what is left can be resumed."""
    end_like_ctrl_c()
    with WarmFacilities(workspace) as facilities:
        return run_one(workspace, journal, facilities)


def run_or_wait(workspace: Workspace, journal: FlowJournal) -> FlowState:
    """Run a flow in this process; one that another process runs, as that of the run's end, is waited for."""
    while (state := run_here(workspace, journal)).status == "running":
        journal.until_over(math.inf)
        # Whoever ran it may have been killed: what is left is done here.
    return state


def order_for(
    workspace: Workspace,
    name: str,
    run: str,
    features: Mapping[str, Mapping[str, Feature]],
    beamline: Path | None = None,
) -> FlowJournal:
    """Order a flow for a run of which features are known."""
    entry = flow_named(name, flows_of(workspace, beamline))
    return order(workspace, name, entry, run, features=features)[0]


def _resume(options: argparse.Namespace, workspace: Workspace) -> int:
    if options.name:
        found = [find_journal(workspace, options.name)]
    else:
        cut_off = ("interrupted", "failed", "ordered")
        found = [one for one in reversed(journals(workspace)) if one.state.status in cut_off]
    for one in found:
        one.forget_wish()
        _say_changed(one, options.beamline, workspace)
    end_like_ctrl_c()
    states = run_several(workspace, found)
    if not states and not options.json:
        sys.stdout.write("There is nothing to resume.\n")
        return 0
    return _say(workspace, states, as_json=options.json)


def _say_changed(journal: FlowJournal, beamline: Path | None, workspace: Workspace) -> None:
    """Say that a flow run is done as its flow was; a file that cannot be read now is no matter of a flow of then."""
    file = beamline or served_file(workspace)
    if file is None:
        # Which file it was ordered of is not known: another one's flow of that name is no change.
        return
    with suppress(SteeringError):
        if changed := changed_since(journal, flows_of(workspace, file).get(journal.state.flow)):
            sys.stderr.write(f"{changed}\n")


def _cancel(options: argparse.Namespace, workspace: Workspace) -> int:
    journal = find_journal(workspace, _needed(options, "the flow run"))
    cancel(workspace, journal)
    # Whoever runs it hears of it between two pieces of its work.
    journal.until_over(_CANCEL_SECONDS)
    return _say(workspace, [journal.state], as_json=options.json)


def _explain(options: argparse.Namespace, workspace: Workspace) -> int:
    name = _needed(options, "the flow")
    entry = flow_named(name, flows_of(workspace, options.beamline))
    run: RecordedRun | None = find_run(workspace, options.run) if options.run else None
    facts = run.facts(name) if run is not None else None
    files = [{"path": str(one.path), "name": one.name, "size": one.size} for one in (run.files() if run else ())]
    explained = explain_flow(name, entry, facts, files)
    if options.json:
        sys.stdout.write(json.dumps(finite(explained), indent=1) + "\n")
    else:
        sys.stdout.write(as_text(explained, definition=options.definition))
    return 0


def _needed(options: argparse.Namespace, what: str) -> str:
    if not options.name:
        raise SteeringError(f"Say the name of {what}: steering flow {options.what} NAME. See: steering flow --help.")
    return str(options.name)


def _say(workspace: Workspace, states: Sequence[FlowState], *, as_json: bool) -> int:
    if as_json:
        found = [one.json() for one in states]
        sys.stdout.write(json.dumps(finite(found[0] if len(found) == 1 else found), indent=1) + "\n")
    elif not states:
        sys.stdout.write("No flow has been ordered in this workspace.\n")
    else:
        sys.stdout.write("".join(describe_flow(one) for one in states))
        sys.stdout.write(where_to(workspace, " ".join(said for one in states for said in _whys(one))))
    return max((CODES[one.status] for one in states), default=0)


def _whys(state: FlowState) -> tuple[str, ...]:
    return (state.why, *(one.why for one in state.steps))


def describe_flow(state: FlowState) -> str:
    """Write how a flow run stands, for a person."""
    lines = [f"{state.id}: {state.status}" + (f". {state.why}" if state.why else ".")]
    for one in state.steps:
        took = f", {one.ended - one.began:.1f} s" if one.ended > one.began else ""
        size = f", {one.bytes / 1e6:.1f} of {one.bytes_total / 1e6:.1f} MB{_pace(one)}" if one.bytes_total else ""
        lines.append(
            f"  {one.name:11} {one.status}{size}{took}" + (f". {one.why}" if one.why and not state.why else "")
        )
        lines += [f"    {line}" for line in _found(one.outcome)]
    return "\n".join(lines) + "\n"


def _pace(step: StepState) -> str:
    """Say how fast a step copies, and how long the rest takes; nothing once it is over."""
    if step.status != "running" or not step.rate:
        return ""
    return f", {step.rate / 1e6:.1f} MB/s, {step.remaining:.0f} s left"


def _found(outcome: Mapping[str, Any]) -> list[str]:
    said = [f"in {outcome['folder']}"] if "folder" in outcome else []
    said += [f"queue {outcome['queue']}"] if "queue" in outcome else []
    found = cast("Mapping[str, Mapping[str, Mapping[str, Any]]]", outcome.get("features") or {})
    for label, features in found.items():
        shown = list(read_features(features).items())[:6]
        values = ", ".join(f"{name} {one.value:.5g} {one.units}" for name, one in shown)
        said.append(f"{label}: {values}")
    return said
