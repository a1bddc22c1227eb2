"""Blocks from Bluesky documents: ``stream_resource`` and ``stream_datum`` say where frames lie, events where they were.

One source follows one run after another. A ``stream_datum`` names a range of frames and the events (``seq_num``) that
they belong to; a block is made for the frames whose event has come too, so that each carries its positions.
"""

import math
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import numpy as np

from steering.core.block import FrameBlock, FrameFile
from steering.core.place import Place
from steering.core.source import RunEnded, RunStarted, SourceItem, SourceState, SourceStatus
from steering.sources.joining import Outbox, frames_per_block

# areaDetector's HDF5 writer keeps the time of each frame here.
_TIMES_DATASET = "/entry/instrument/NDAttributes/NDArrayTimeStamp"
_IMAGE_DIMENSIONS = 3
# So many whole events after one that lacks something mean that what it lacks was lost.
_EVENTS_WAITED = 16


@dataclass
class _Run:
    """What is known of the run that is followed."""

    uid: str
    stream: str
    descriptors: dict[str, str] = field(default_factory=dict[str, str])
    units: dict[str, str] = field(default_factory=dict[str, str])
    image_keys: set[str] = field(default_factory=set[str])
    resources: dict[str, FrameFile] = field(default_factory=dict[str, FrameFile])
    frame_of: dict[int, tuple[int, FrameFile]] = field(default_factory=dict[int, tuple[int, FrameFile]])
    events: dict[int, tuple[float, dict[str, float]]] = field(default_factory=dict[int, tuple[float, dict[str, float]]])
    next_event: int = 1
    streams: dict[str, int] = field(default_factory=dict[str, int])
    seen_events: int = 0
    sent: int = 0
    missed: int = 0
    repeated: int = 0
    frame_bytes: int = 0


class DocumentSource:
    """Makes blocks of the documents that are fed to it.

    Attributes:
        rejected: How many documents were malformed.
        last_rejection: A sentence about the newest of them.
    """

    def __init__(self, stream: str = "primary") -> None:
        """Follow one stream of each run that comes."""
        self.rejected = 0
        self.last_rejection = ""
        self._stream = stream
        self._run: _Run | None = None
        self._ended: dict[str, int] = {}
        self._outbox = Outbox()
        self._state: SourceState = "waiting"
        self._frames = 0
        self._missed = 0
        self._repeated = 0

    @property
    def status(self) -> SourceStatus:
        """How it is; a frame whose event was lost is missed, an event that comes again is repeated."""
        run = self._run
        return SourceStatus(
            self._state,
            "" if run is None else f"Run {run.uid[:8]}: {run.sent} frames.",
            self._frames + (run.sent if run else 0),
            self._missed + (run.missed if run else 0),
            self.rejected,
            self._repeated + (run.repeated if run else 0),
        )

    def frames_sent(self, run: str) -> int:
        """Count the frames of a run that went into blocks so far."""
        if self._run is not None and self._run.uid == run:
            return self._run.sent
        return self._ended.get(run, 0)

    def feed(self, name: str, document: Mapping[str, Any]) -> None:
        """Take in a document, from any thread, one at a time."""
        try:
            found = self._take(name, document)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self.rejected += 1
            self.last_rejection = f"A document of kind {name!r:.40} is malformed ({type(error).__name__}: {error})."
            return
        for item in found:
            self._outbox.put(item)

    def stored(self, run: str, start: int, stop: int) -> None:
        """Do nothing: the frames are in the detector's own files."""

    def close(self) -> None:
        """End ``items`` once what was fed has been taken."""
        self._state = "ended"
        self._outbox.close()

    def items(self) -> AsyncIterator[SourceItem]:
        """Yield run starts, blocks and run ends."""
        return self._outbox.items()

    def taken(self) -> list[SourceItem]:
        """Take what came and was not taken yet, for who does not iterate over ``items``."""
        return self._outbox.taken()

    def _take(self, name: str, document: Mapping[str, Any]) -> list[SourceItem]:
        if name == "start":
            return self._start(document)
        run = self._run
        if run is None:
            return []
        match name:
            case "descriptor":
                _describe(run, document)
                self._outbox.most = frames_per_block(run.frame_bytes)
            case "stream_resource":
                _resource(run, document)
            case "stream_datum":
                _datum(run, document)
            case "event":
                _event(run, document)
            case "stop" if document["run_start"] == run.uid:
                return self._stop(run, str(document["exit_status"]))
            case _:
                return []
        return list(_blocks(run))

    def _start(self, document: Mapping[str, Any]) -> list[SourceItem]:
        uid = str(document["uid"])
        if uid in self._ended or (self._run is not None and self._run.uid == uid):
            return []
        found: list[SourceItem] = []
        if self._run is not None:
            # A run whose stop was lost has ended all the same: the engine runs one at a time.
            found = self._stop(self._run, "fail")
        self._run = _Run(uid, self._stream)
        self._state = "live"
        return [*found, RunStarted(uid, str(document.get("plan_name", "")), _seconds(document.get("time")))]

    def _stop(self, run: _Run, status: str) -> list[SourceItem]:
        rest = _blocks(run, over=True)
        self._run = None
        self._state = "waiting"
        self._ended[run.uid] = run.sent
        self._frames += run.sent
        self._repeated += run.repeated
        self._missed += run.missed
        return [*rest, RunEnded(run.uid, run.sent, status, run.seen_events)]


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _describe(run: _Run, document: Mapping[str, Any]) -> None:
    run.streams[str(document["uid"])] = 0
    if document["name"] != run.stream:
        return
    keys = cast("Mapping[str, Mapping[str, Any]]", document["data_keys"])
    run.descriptors[str(document["uid"])] = str(document["name"])
    for key, described in keys.items():
        run.units[key] = str(described.get("units") or "")
        if described.get("external") and len(described["shape"]) >= _IMAGE_DIMENSIONS - 1:
            run.image_keys.add(key)
            run.frame_bytes = _bytes_of_frame(described)


def _bytes_of_frame(described: Mapping[str, Any]) -> int:
    """Say how large a frame is, in bytes; 0 if its description does not tell."""
    try:
        return int(math.prod(described["shape"][-2:])) * np.dtype(described["dtype_numpy"]).itemsize
    except (KeyError, TypeError, ValueError):
        return 0


def _resource(run: _Run, document: Mapping[str, Any]) -> None:
    if document["data_key"] not in run.image_keys:
        return
    path = unquote(urlsplit(str(document["uri"])).path)
    dataset = str(document["parameters"]["dataset"])
    run.resources[str(document["uid"])] = FrameFile(path, dataset, _TIMES_DATASET)


def _datum(run: _Run, document: Mapping[str, Any]) -> None:
    place = run.resources.get(str(document["stream_resource"]))
    if place is None:
        return
    first, stop = int(document["indices"]["start"]), int(document["indices"]["stop"])
    event = int(document["seq_nums"]["start"])
    if not 0 <= first < stop:
        message = f"indices {first} to {stop}"
        raise ValueError(message)
    for offset in range(stop - first):
        if event + offset >= run.next_event:
            run.frame_of[event + offset] = (first + offset, place)


def _event(run: _Run, document: Mapping[str, Any]) -> None:
    descriptor = document["descriptor"]
    if descriptor in run.streams and document["seq_num"] > run.streams[descriptor]:
        # Each event of every stream is counted, though only one stream is followed.
        run.streams[descriptor] = int(document["seq_num"])
        run.seen_events += 1
    if descriptor not in run.descriptors:
        return
    data = cast("Mapping[str, Any]", document["data"])
    scalars = {key: float(value) for key, value in data.items() if isinstance(value, int | float)}
    number = int(document["seq_num"])
    if number >= run.next_event:
        # After a rewind, or when a client catches up, a number comes again: each frame is still handed on once.
        run.events[number] = (float(document["time"]), scalars)
    else:
        run.repeated += 1


def _complete(run: _Run, event: int) -> bool:
    return event in run.events and (not run.image_keys or event in run.frame_of)


def _blocks(run: _Run, *, over: bool = False) -> list[FrameBlock]:
    """Make blocks of the events that are complete now, in order.

    An event that is still incomplete when many after it are whole, or when the run is over, is lost: the others go on.
    """
    ready: list[int] = []
    while True:
        while _complete(run, run.next_event):
            ready.append(run.next_event)
            run.next_event += 1
        waiting = [event for event in run.events if event > run.next_event and _complete(run, event)]
        if not waiting or (len(waiting) < _EVENTS_WAITED and not over):
            break
        _skip(run, min(waiting))
    if over:
        _skip(run, max([run.next_event - 1, *run.events, *run.frame_of]) + 1)
    return [_block(run, group) for group in _contiguous(run, ready)]


def _skip(run: _Run, event: int) -> None:
    """Give up the events before this one."""
    run.missed += event - run.next_event
    for lost in range(run.next_event, event):
        run.events.pop(lost, None)
        run.frame_of.pop(lost, None)
    run.next_event = event


def _contiguous(run: _Run, events: list[int]) -> list[list[int]]:
    """Split events where the next frame is not the next one of the same file."""
    groups: list[list[int]] = []
    for event in events:
        if groups and event == groups[-1][-1] + 1 and _follows(run, groups[-1][-1], event):
            groups[-1].append(event)
        else:
            groups.append([event])
    return groups


def _follows(run: _Run, before: int, event: int) -> bool:
    if not run.image_keys:
        return True
    (index, place), (next_index, next_place) = run.frame_of[before], run.frame_of[event]
    return next_place == place and next_index == index + 1


def _block(run: _Run, events: list[int]) -> FrameBlock:
    names = run.events[events[0]][1].keys()
    columns = {name: np.array([run.events[event][1].get(name, float("nan")) for event in events]) for name in names}
    first, place = cast("tuple[int | None, Place | None]", run.frame_of.get(events[0], (None, None)))
    block = FrameBlock(
        run=run.uid,
        stream=run.stream,
        start=events[0] - 1,
        stop=events[-1],
        place=place,
        columns=columns,
        units={name: run.units.get(name, "") for name in names},
        seen={"document": run.events[events[-1]][0], "received": time.time()},
        first=first,
    )
    run.sent += len(block)
    for event in events:
        del run.events[event]
        run.frame_of.pop(event, None)
    return block
