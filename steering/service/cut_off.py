"""Runs that a killed service left open: they are closed in their journals, so that no run looks as if it still ran."""

import json
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from steering.core.workspace import Workspace
from steering.journal.journal import Entry, encode, read_journal
from steering.journal.journal_runs import by_run
from steering.journal.recorded_mark import is_recorded
from steering.machine.lines import append, mend

REASON = "The beamline service ended in the middle of this run."
# Older journals than these were looked at by earlier services.
_MOST_JOURNALS = 50


@dataclass(frozen=True)
class CutOff:
    """A run that was cut off.

    Attributes:
        run: Its uid.
        scan: Name of its scan.
        values: Its parameters' values when it was cut off.
        positions: For each point that was measured the position of each axis.
        at: Unix time in seconds of its last entry.
    """

    run: str
    scan: str
    values: Mapping[str, float] = field(default_factory=dict[str, float])
    positions: tuple[Mapping[str, float], ...] = ()
    at: float = 0.0

    @property
    def sentence(self) -> str:
        """What happened, and what may be done now."""
        return (
            f"The run {self.run[:8]} ({self.scan}) was cut off after {len(self.positions)} points, when its service "
            f'ended; it is closed as failed. Go on with its rest: session.go_on("{self.run[:8]}").'
        )


def close_cut_off(workspace: Workspace) -> list[CutOff]:
    """Close the runs of a workspace that nobody writes any more. The caller holds the workspace.

    Returns:
        The runs that were closed now, oldest first.
    """
    if not workspace.journal.is_dir():
        return []
    found: list[CutOff] = []
    for path in sorted(workspace.journal.glob("*.jsonl"))[-_MOST_JOURNALS:]:
        if is_recorded(path):
            continue
        mend(path)
        found += _close(path)
    return found


def find(workspace: Workspace, run: str) -> CutOff | None:
    """Find a run that was cut off, by its uid or the beginning of it."""
    for path in sorted(workspace.journal.glob("*.jsonl"), reverse=True)[:_MOST_JOURNALS]:
        for uid, entries in by_run(read_journal(path)).items():
            start, stop = _document(entries, "start"), _document(entries, "stop")
            if start is None or stop is None or stop.get("reason") != REASON:
                continue
            if run and uid.startswith(run):
                return _cut_off(path, entries, start)
    return None


def _close(path: Path) -> list[CutOff]:
    """Close the runs of a journal that are open, the newest first, as whoever opened them would have."""
    found: list[CutOff] = []
    stops: list[Entry] = []
    for uid, entries in by_run(read_journal(path)).items():
        start = _document(entries, "start")
        if uid and start is not None and _document(entries, "stop") is None:
            found.append(_cut_off(path, entries, start))
            stops.insert(0, _stop(found[-1], entries))
    for stop in stops:
        with path.open("ab", buffering=0) as file:
            append(file, encode(stop) + b"\n")
    return found


def _stop(cut: CutOff, entries: list[Entry]) -> Entry:
    names = {entry.content["uid"]: entry.content["name"] for entry in entries if entry.name == "descriptor"}
    events = Counter(names.get(entry.content["descriptor"], "") for entry in entries if entry.name == "event")
    stop = {
        "uid": str(uuid.uuid4()),
        "time": cut.at,
        "run_start": cut.run,
        "exit_status": "fail",
        "reason": REASON,
        "num_events": dict(events),
    }
    return Entry("document", "stop", stop)


def _cut_off(path: Path, entries: list[Entry], start: Mapping[str, Any]) -> CutOff:
    axes = [str(axis) for axis in start.get("axes", ())]
    primary = {
        entry.content["uid"]
        for entry in entries
        if entry.name == "descriptor" and entry.content.get("name") == "primary"
    }
    measured = [entry.content for entry in entries if entry.name == "event" and entry.content["descriptor"] in primary]
    values = {str(name): float(item["value"]) for name, item in start.get("parameters", {}).items()}
    for entry in entries:
        # A ruling comes again when it is applied; what was only accepted is not in force.
        if entry.kind == "ruling" and entry.content["kind"] == "set" and entry.content["applied_at"]:
            values[str(entry.content["subject"])] = _set_to(entry.content)
    positions = tuple({axis: float(event["data"][axis]) for axis in axes} for event in measured)
    return CutOff(str(start["uid"]), str(start.get("plan_name", "")), values, positions, path.stat().st_mtime)


def _set_to(ruling: Mapping[str, Any]) -> float:
    """Return the value of a ruling on a parameter; the first journals had it in words only, with its unit."""
    exact = str(ruling.get("action") or "")
    return float(json.loads(exact)["value"] if exact else str(ruling["new"]).split()[0])


def _document(entries: list[Entry], name: str) -> Mapping[str, Any] | None:
    return next((entry.content for entry in entries if entry.kind == "document" and entry.name == name), None)
