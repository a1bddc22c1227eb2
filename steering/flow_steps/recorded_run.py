"""A run as its journal tells of it: documents, rulings, files. No server is asked."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, cast

import numpy as np
import xarray as xr
from pydantic import ValidationError

from steering.archive.decisions import Decisions
from steering.archive.run_entry import RunEntry, entry_of
from steering.core.errors import SteeringError, cause
from steering.core.json import Json
from steering.core.proposal import Ruling
from steering.core.result import Feature
from steering.core.workspace import Workspace
from steering.flow_steps.copying import sha256_of
from steering.flows.facts import Facts
from steering.flows.templates import free_name
from steering.journal.journal import Entry, read_journal
from steering.journal.journal_runs import by_run, uids_in
from steering.readers.paths import local_path, path_of_uri
from steering.service.wire import RULING

# What the journal of a run is called among the run's files, unless one of these is called so.
JOURNAL_NAME = "journal.jsonl"
# No two runs begin with the same so many characters of their uid, which flow runs are called after.
_SURE = 8


@dataclass(frozen=True)
class RunFile:
    """A file of a run. ``name`` is its path below the folder that it is kept in, ``size`` in bytes."""

    path: Path
    name: str
    size: int

    def sha256(self) -> str:
        """Read it, and return its SHA-256 as hexadecimal digits.

        Raises:
            SteeringError: If it cannot be read.
        """
        try:
            return sha256_of(self.path)
        except OSError as error:
            message = f"{self.path} cannot be read: {cause(error)}. See that it is there and may be read, and resume."
            raise SteeringError(message) from error


@dataclass(frozen=True)
class RecordedRun:
    """A run.

    Attributes:
        journal: Its journal.
        start: Its start document.
        stop: Its stop document; empty while it goes on.
        decisions: What was decided on it.
        places: Where its asset documents say that frames lie.
        events: Of its primary stream, in the order in which they were emitted.
        units: Of the columns of its primary stream.
    """

    journal: Path
    start: Mapping[str, Any]
    stop: Mapping[str, Any] = field(default_factory=dict[str, Any])
    decisions: Decisions = field(default_factory=Decisions)
    places: tuple[str, ...] = ()
    events: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    units: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def uid(self) -> str:
        """Run uid."""
        return str(self.start["uid"])

    @property
    def entry(self) -> RunEntry:
        """The run as a list of runs shows it."""
        return entry_of(self.uid, {"start": self.start, "stop": self.stop})

    def files(self) -> tuple[RunFile, ...]:
        """List its files, its journal last.

        Raises:
            SteeringError: If one of them cannot be found on this machine, or goes away meanwhile.
        """
        try:
            return self._files()
        except OSError as error:
            message = (
                f"The files of run {self.uid[:8]} cannot be looked at: {error.filename}: {cause(error)}. Bring back "
                "what has gone, or see that you may read it, and resume."
            )
            raise SteeringError(message) from error

    def _files(self) -> tuple[RunFile, ...]:
        found: dict[Path, None] = {}
        for place in self.places:
            path = local_path(place)
            if path is None:
                message = (
                    f"A file of run {self.uid[:8]} cannot be found here: {place}. See that this machine sees it, or "
                    "say where it lies (STEERING_PATHS, see how to read other sources)."
                )
                raise SteeringError(message)
            inside = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
            if not inside and self.entry.points > 0:
                message = (
                    f"The folder {place} of run {self.uid[:8]} is empty, and the run has {self.entry.points} points. "
                    "Bring its files back, or say where they lie (STEERING_PATHS, see how to read other sources), and "
                    "resume."
                )
                raise SteeringError(message)
            found.update(dict.fromkeys(inside))
        named = [RunFile(path, name, path.stat().st_size) for path, name in _names(list(found)).items()]
        called = free_name(JOURNAL_NAME, [one.name for one in named])
        return (*named, RunFile(self.journal, called, self.journal.stat().st_size))

    def facts(self, flow: str = "") -> Facts:
        """Say what templates and conditions may ask of it."""
        entry = self.entry
        experiment = _word(self.start, "experiment", "proposal", "proposal_id")
        words = {
            "run.uid": self.uid, "run.short": self.uid[:8], "run.scan": entry.scan,
            "run.number": str(entry.number or ""), "run.sample": entry.sample,
            "run.status": entry.status, "run.day": entry.date[:10], "run.experiment": experiment,
            "flow.name": flow, "beamline.name": _word(self.start, "beamline"),
        }  # fmt: skip
        texts = {"status": entry.status, "scan": entry.scan, "sample": entry.sample, "experiment": experiment}
        numbers: dict[str, Feature] = {}
        if entry.points >= 0:
            numbers["points"] = Feature(float(entry.points), 0.0, "1")
            each = _whole(self.start.get("frames_per_event"), 1)
            numbers["frames"] = Feature(float(entry.points * each), 0.0, "frames")
        ended = self.stop.get("time")
        if isinstance(ended, int | float) and math.isfinite(entry.started):
            numbers["duration"] = Feature(float(ended) - entry.started, math.nan, "s")
        return Facts(words, texts, numbers)

    def scalars(self) -> xr.Dataset | None:
        """Return the scalar columns of its primary stream, along ``event``; nothing if it has no event."""
        if not self.events:
            return None
        # After a rewind an event is emitted again with the same number: the last one holds.
        last = {int(event["seq_num"]): event for event in self.events}
        numbers = sorted(last)
        names = dict.fromkeys(name for event in last.values() for name in event["data"])
        columns = {name: [last[number]["data"].get(name, math.nan) for number in numbers] for name in names}
        variables = {
            name: ("event", np.asarray(values), {"units": self.units.get(name, "")})
            for name, values in columns.items()
            if all(isinstance(one, int | float | str) for one in values)
        }
        return xr.Dataset(variables, {"seq_num": ("event", numbers)}, {"run": self.uid})


def find_run(workspace: Workspace, run: str = "") -> RecordedRun:
    """Read a run of a workspace by its uid, or the beginning of it; the newest one that has ended if none is named.

    Raises:
        SteeringError: If there is no such run, or more than one.
    """
    paths = sorted(workspace.journal.glob("*.jsonl"), reverse=True)
    if not run:
        ended = (one for path in paths for one in reversed(read_runs(path)) if one.stop)
        found = next(ended, None)
        if found is None:
            raise SteeringError(f"No run of the workspace {workspace.directory} has ended yet.")
        return found
    # The first run of each journal is soon found. Few have others, for which each is read to its end. Of two journals
    # of one run the newer one holds.
    known = {uid: path for path in reversed(paths) if (uid := next(uids_in(path), "")).startswith(run)}
    if run not in known and (len(known) != 1 or len(run) < _SURE):
        known = {uid: path for path in reversed(paths) for uid in uids_in(path) if uid.startswith(run)}
    if not known:
        message = f"No run of the workspace {workspace.directory} begins with {run!r:.60}. Look at its uid again."
        raise SteeringError(message)
    if run not in known and len(known) != 1:
        message = (
            f"{len(known)} runs of the workspace {workspace.directory} begin with {run!r:.60}. Give more of the uid."
        )
        raise SteeringError(message)
    uid = run if run in known else next(iter(known))
    return read_run(known[uid], uid)


def read_run(journal: Path, uid: str = "") -> RecordedRun:
    """Read a run from its journal.

    Args:
        journal: Of its scan, which may hold other runs too.
        uid: Of the run; the first one if left out.

    Raises:
        SteeringError: If the journal does not hold it.
    """
    for found, lines in by_run(read_journal(journal)).items():
        if found == uid or (found and not uid):
            return _run_of(journal, lines)
    raise SteeringError(f"{journal} holds no run{uid and f' {uid[:8]}'}: it has no start document.")


def read_runs(journal: Path) -> list[RecordedRun]:
    """Read all runs of a journal, in the order in which they began; none if none has begun."""
    return [_run_of(journal, lines) for uid, lines in by_run(read_journal(journal)).items() if uid]


def _run_of(journal: Path, lines: Iterable[Entry]) -> RecordedRun:
    """Read a run from its lines."""
    start: Mapping[str, Any] = {}
    stop: Mapping[str, Any] = {}
    rulings: dict[str, Ruling] = {}
    places: dict[str, None] = {}
    streams: dict[str, Mapping[str, Any]] = {}
    events: list[Mapping[str, Any]] = []
    for entry in lines:
        if entry.kind == "ruling":
            _take_ruling(entry, rulings)
        elif entry.name == "start":
            start = entry.content
        elif entry.name == "stop":
            stop = entry.content
        elif entry.name == "descriptor":
            streams[str(entry.content.get("uid"))] = entry.content
        elif entry.name == "event":
            if streams.get(str(entry.content.get("descriptor")), {}).get("name") == "primary":
                events.append(entry.content)
        else:
            places.update(dict.fromkeys(_places(entry)))
    parameters = start.get("parameters")
    decided = Decisions(
        tuple(rulings.values()), cast("Mapping[str, Any]", parameters) if isinstance(parameters, Mapping) else None
    )
    return RecordedRun(journal, start, stop, decided, tuple(places), tuple(events), _units(streams))


def _take_ruling(entry: Entry, rulings: dict[str, Ruling]) -> None:
    try:
        ruling = RULING.validate_python(entry.content)
    except ValidationError:
        # Another version's; what it decided is in the journal all the same.
        return
    rulings[ruling.id] = ruling


def _places(entry: Entry) -> Iterator[str]:
    content: Mapping[str, Json] = entry.content
    if entry.name == "stream_resource" and isinstance(content.get("uri"), str):
        yield path_of_uri(str(content["uri"]))
    elif entry.name in ("resource", "stream_resource") and isinstance(content.get("resource_path"), str):
        root = str(content.get("root") or "")
        yield str(PurePosixPath(root) / str(content["resource_path"]))


def _units(streams: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    primary = [one for one in streams.values() if one.get("name") == "primary"]
    described = [cast("Mapping[str, Mapping[str, Any]]", one.get("data_keys") or {}) for one in primary]
    return {name: str(one.get("units") or "") for group in described for name, one in group.items()}


def _names(paths: list[Path]) -> dict[Path, str]:
    """Name files by their paths below the folder that all of them are in."""
    if not paths:
        return {}
    folder = paths[0].parent
    while not all(one.is_relative_to(folder) for one in paths):
        folder = folder.parent
    return {one: str(one.relative_to(folder)) for one in paths}


def _word(start: Mapping[str, Any], *names: str) -> str:
    """Return the first of some texts of a start document; of a mapping its name or id."""
    for name in names:
        value = start.get(name)
        if isinstance(value, Mapping):
            inner = cast("Mapping[str, Any]", value)
            value = inner.get("name") or inner.get("proposal_id") or inner.get("id")
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            return _line(str(value))
    return ""


def _line(text: str) -> str:
    """Return one line of a text, cut to a length that a path may have."""
    return " ".join(text.split())[:80]


def _whole(value: Any, usual: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else usual
