"""Orders flows: a flow of the beamline's file, for a run, once."""

import getpass
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from steering.beamline.embedded import find_service
from steering.core.errors import SteeringError
from steering.core.result import Feature
from steering.core.workspace import Workspace
from steering.flow_globus.attempt import last_attempt
from steering.flow_steps.flow_journal import BusyError, FlowJournal, flows_folder, journals
from steering.flow_steps.flow_state import FlowState
from steering.flows.feature_json import features_json
from steering.machine.identity import host_of, lives

if TYPE_CHECKING:
    from steering.flows.entries import FlowEntry

# What orders flows unasked, in the process of flows, and begins them when it is their turn.
BY_END, BY_FRAMES, BY_BYTES = WATCHED = "end of the run", "frames of the run", "bytes of the run"
_STOP_SECONDS = 20.0


def flows_of(workspace: Workspace, beamline: Path | None = None) -> "dict[str, FlowEntry]":
    """Read the flows of a beamline: of the file that is named, or that the workspace's service serves.

    Raises:
        SteeringError: If the file is wrong.
    """
    # What reads a beamline's file loads slowly, and a session that has no flow done needs none of it.
    from steering.description.description import read_description

    return dict(read_description(beamline or served_file(workspace)).flows)


def triggers_of(workspace: Workspace) -> dict[str, str]:
    """Say what starts each flow of the file that the workspace's service serves, by name; nothing if it is wrong.

    The file is looked at and not checked, which takes a hundredth of the time: the service has checked it.
    """
    path = served_file(workspace) or Path(str(files("steering.beamline") / "embedded.yaml"))
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    flows = _mapping(_mapping(content).get("flows"))
    found = {str(name): _mapping(one).get("trigger", "hand") for name, one in flows.items()}
    return {name: str(_mapping(one).get("at", "hand") if isinstance(one, dict) else one) for name, one in found.items()}


def served_file(workspace: Workspace) -> Path | None:
    """Return the beamline's file that the workspace's service serves; nothing if none runs, or the built-in one."""
    service = find_service(workspace)
    served = str(service.get("file") or "") if service is not None else ""
    return Path(served) if served else None


def _mapping(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def flow_named(name: str, flows: "Mapping[str, FlowEntry]") -> "FlowEntry":
    """Return a flow by its name.

    Raises:
        SteeringError: If there is none; with those that there are.
    """
    if name not in flows:
        there = ", ".join(flows) or "none; write one under 'flows:' of the beamline's file"
        raise SteeringError(f"There is no flow {name!r:.60}. There are: {there}.")
    return flows[name]


def order(
    workspace: Workspace,
    name: str,
    flow: "FlowEntry",
    run: str,
    *,
    by: str = "",
    features: Mapping[str, Mapping[str, Feature]] | None = None,
    number: int = 0,
) -> tuple[FlowJournal, bool]:
    """Order a flow for a run, if it was not ordered for it before.

    Args:
        workspace: Whose run it is.
        name: Of the flow.
        flow: The flow, which is kept as it is now.
        run: Uid of the run.
        by: Who or what orders it; this user if left out.
        features: What is known of the run, by label of the analysis.
        number: Of a flow that is ordered several times for a run: how often before.

    Returns:
        Its journal, and whether it was ordered just now.

    Raises:
        SteeringError: If it cannot be written down, the one before cannot be read, or another run has the same
            first characters.
    """
    journal = FlowJournal(flows_folder(workspace) / f"{name}-{run[:8]}{f'-{number}' if number else ''}")
    line = {
        "flow": name, "run": run, "steps": list(flow.step_names), "by": by or getpass.getuser(),
        "entry": flow.model_dump(mode="json"),
        "features": {label: features_json(one) for label, one in (features or {}).items()},
    }  # fmt: skip
    if journal.order(line):
        return journal, True
    before = journal.folded.run
    if before != run:
        raise SteeringError(
            f"The flow run {journal.id} is of another run, {before}. Remove that folder, or name that run."
        )
    return journal, False


def find_journal(workspace: Workspace, id: str) -> FlowJournal:  # noqa: A002  (that is what it is called)
    """Find a flow run by what it is called, or the beginning of it.

    Raises:
        SteeringError: If there is none, or more than one.
    """
    # A name is soon looked for; only for the sentence all are listed by their age.
    there = sorted(path.parent.name for path in flows_folder(workspace).glob("*/journal.jsonl"))
    found = [one for one in there if one == id] or [one for one in there if one.startswith(id)]
    if len(found) != 1:
        newest = ", ".join(one.id for one in journals(workspace)[:5]) or "none"
        raise SteeringError(f"{len(found)} flow runs are called {id!r:.60}. The newest are: {newest}.")
    return FlowJournal(flows_folder(workspace) / found[0])


def cancel(workspace: Workspace, journal: FlowJournal) -> FlowState:
    """Ask for the end of a flow run; one that nobody runs is ended here, and at Globus. What was done is kept.

    Raises:
        SteeringError: If Globus cannot be asked.
    """
    if journal.state.over:
        return journal.state
    journal.wish_cancelled()
    if not journal.held:
        # Whoever takes it up in this moment hears of the wish, and one that has ended in it stays as it has.
        with suppress(BusyError), journal:
            if not journal.folded.over:
                _end(workspace, journal, there=last_attempt(journal.lines()) is not None)
    return journal.state


def _end(workspace: Workspace, journal: FlowJournal, *, there: bool) -> None:
    """End what nobody runs here, and, if it is ``there``, what Globus runs."""
    if there:
        # Its clients load slowly, and need an extra that is not there everywhere.
        from steering.flow_globus.run import cancel_there

        cancel_there(workspace, journal)
    journal.write("ended", {"status": "cancelled", "why": "It was cancelled. What was done is kept."})


def stop_flows(workspace: Workspace) -> list[str]:
    """End the processes that run flows in a workspace on this host; return what the flow runs are called.

    A flow that is cut off so goes on where it was when it is resumed.
    """
    ended: list[str] = []
    for journal in journals(workspace):
        process = journal.state.process
        if journal.held and process and not host_of(process) and lives(process, journal.folder):
            with suppress(ProcessLookupError):
                os.kill(int(process["pid"]), signal.SIGTERM)
                ended.append(journal.id)
            journal.until_free(_STOP_SECONDS)
    return ended
