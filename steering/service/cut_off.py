"""Runs that a killed service left open: they are closed in their journals, so that no run looks as if it still ran."""

import json
import logging
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from steering.core import burst
from steering.core.errors import cause
from steering.core.workspace import Workspace
from steering.documents.document_keys import number_of, numbers_of
from steering.journal.journal import Entry, encode, read_journal
from steering.journal.journal_runs import by_run
from steering.journal.recorded_mark import is_recorded
from steering.machine.lines import append, mend
from steering.scans.base import PARTS

REASON = "The beamline service ended in the middle of this run."
# Older journals than these were looked at by earlier services.
_MOST_JOURNALS = 50
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class CutOff:
    """A run that was cut off.

    Attributes:
        run: Its uid.
        scan: Name of its scan.
        values: Its parameters' values when it was cut off.
        points: How many points were measured.
        positions: For each point that need not be measured again the position of each axis, also of runs that this one
            went on with.
        at: Unix time in seconds of its last entry.
    """

    run: str
    scan: str
    values: Mapping[str, float] = field(default_factory=dict[str, float])
    points: int = 0
    positions: tuple[Mapping[str, float], ...] = ()
    at: float = 0.0

    @property
    def sentence(self) -> str:
        """What happened, and what may be done now."""
        return (
            f"The run {self.run[:8]} ({self.scan}) was cut off after {self.points} points, when its service "
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
        try:
            if is_recorded(path):
                continue
            mend(path)
            found += _close(path)
        except OSError as error:
            # Another user's, or a full disk: the beamline is needed all the same, and the next service looks again.
            _LOG.warning("The journal %s could not be closed: %s.", path, cause(error))
    return found


def find(workspace: Workspace, run: str) -> CutOff | None:
    """Find a run that was cut off, by its uid or the beginning of it.

    Returns:
        The run, with the positions also of the runs that it went on with; nothing if there is none.
    """
    found, before = None, ""
    for path in sorted(workspace.journal.glob("*.jsonl"), reverse=True)[:_MOST_JOURNALS]:
        for uid, entries in by_run(read_journal(path)).items():
            start, stop = _document(entries, "start"), _document(entries, "stop")
            if start is None or stop is None or stop.get("reason") != REASON:
                continue
            if found is None and run and uid.startswith(run):
                found = _cut_off(path, entries, start)
            elif found is not None and uid == before:
                found = replace(found, positions=(*_cut_off(path, entries, start).positions, *found.positions))
            else:
                continue
            before = str(start.get("continues") or "")
            if not before:
                return found
    return found


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
    names = {entry.content.get("uid"): entry.content.get("name") for entry in entries if entry.name == "descriptor"}
    events = Counter(names.get(entry.content.get("descriptor")) or "" for entry in entries if entry.name == "event")
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
    primary = {
        entry.content.get("uid")
        for entry in entries
        if entry.name == "descriptor" and entry.content.get("name") == "primary"
    }
    measured = [
        cast("Mapping[str, Any]", entry.content.get("data"))
        for entry in entries
        if entry.name == "event"
        and entry.content.get("descriptor") in primary
        and isinstance(entry.content.get("data"), dict)
    ]
    values = _values(entries, start)
    whole = list(_whole(measured, _parts(values, start), start.get("frames_per_event")))
    # A plan that is not ours may write under this name whatever it likes.
    named = start.get("axes")
    axes = [str(axis) for axis in cast("Sequence[Any]", named)] if isinstance(named, list | tuple) else []
    places = (_place(data, axes) for data in whole if data.get(burst.USABLE, 1) != 0)
    positions = tuple(place for place in places if place is not None)
    scan, at = str(start.get("plan_name", "")), path.stat().st_mtime
    return CutOff(str(start["uid"]), scan, values, len(whole), positions, at)


def _values(entries: Sequence[Entry], start: Mapping[str, Any]) -> dict[str, float]:
    """Say which values the parameters had; what is no number is not one of ours."""
    said = start.get("parameters")
    values: dict[str, float] = {}
    for name, item in cast("Mapping[str, Any]", said).items() if isinstance(said, Mapping) else ():
        value = number_of(cast("Mapping[str, Any]", item).get("value")) if isinstance(item, Mapping) else None
        if value is not None:
            values[str(name)] = value
    for entry in entries:
        # A ruling comes again when it is applied; what was only accepted is not in force.
        if entry.kind == "ruling" and entry.content.get("kind") == "set" and entry.content.get("applied_at"):
            with suppress(ValueError, KeyError, TypeError, IndexError):
                values[str(entry.content["subject"])] = _set_to(entry.content)
    return values


def _parts(values: Mapping[str, float], start: Mapping[str, Any]) -> float:
    """Say in how many parts a burst was taken."""
    return values.get(PARTS) or number_of(start.get("events_per_burst")) or 1.0


def _whole(measured: Sequence[Mapping[str, Any]], parts: float, frames: object) -> Iterator[Mapping[str, Any]]:
    """Yield one event of each point: of a burst in parts the last one, unless it was cut off in the burst's midst."""
    for data, after in zip(measured, (*measured[1:], None), strict=False):
        part = number_of(data.get(burst.PART))
        if part is None:
            yield data
        elif after is not None:
            if number_of(after.get(burst.PART)) == 0:
                yield data
        elif part + 1 >= parts or data.get(burst.KEPT) != frames:
            yield data


def _place(data: Mapping[str, Any], axes: Sequence[str]) -> dict[str, float] | None:
    """Say where a point is; of an axis that moved meanwhile, where it began. Nothing if the event does not tell."""
    place: dict[str, float] = {}
    for axis in axes:
        value, several = number_of(data.get(axis)), numbers_of(data.get(axis))
        if value is None and several is not None and len(several):
            value = float(several[0])
        if value is None:
            return None
        place[axis] = value
    return place


def _set_to(ruling: Mapping[str, Any]) -> float:
    """Return the value of a ruling on a parameter; the first journals had it in words only, with its unit."""
    exact = str(ruling.get("action") or "")
    return float(json.loads(exact)["value"] if exact else str(ruling["new"]).split()[0])


def _document(entries: list[Entry], name: str) -> Mapping[str, Any] | None:
    return next((entry.content for entry in entries if entry.kind == "document" and entry.name == name), None)
