"""One run as its documents tell it: which events are whole, and where their frames lie.

Event ``k`` of a stream (``seq_num``, from 1) holds the frames ``n * (k - 1)`` to ``n * k``, where ``n`` is what the
shape of the detector's data key says; entry ``i`` of a stream resource holds the frames ``n * i`` to ``n * (i + 1)`` of
its file. So each frame carries the positions of its own event. An event waits for its frames, and frames wait for their
event if the stream has anything that only an event brings; a fly scan has nothing such, so its frames go on as soon as
they are announced.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from steering.core import burst
from steering.core.block import FrameBlock
from steering.core.pixels import COUNTS_ONLY, Pixels
from steering.documents.document_keys import IMAGE_DIMENSIONS, bytes_of_frame, image_shape
from steering.documents.document_places import Kept, Resource, UnknownError, of_resource, of_stream_resource
from steering.documents.event_rows import UNITS, Rows, Told, told_of

# So many whole events after one that lacks something mean that what it lacks was lost.
_EVENTS_WAITED = 16
# One document may speak of so many entries; more is a mistake, or an attack on this process' memory.
_MOST_ENTRIES = 10_000_000
_MOST_WAITING = 1_000_000


class LeftOutError(ValueError):
    """A part of a run is left out; the rest goes on. The message is a sentence."""


@dataclass
class _Described:
    """A descriptor of the stream that is followed."""

    uid: str
    image: str = ""
    needs_event: bool = True


@dataclass(frozen=True)
class _Frames:
    """Where an event's frames lie: their range in what keeps them."""

    kept: Kept
    first: int
    stop: int


@dataclass
class DocumentRun:
    """What is known of one open run.

    Attributes:
        uid: Its uid.
        stream: Name of the stream that is followed.
        detector: Whose frames are wanted: a data key or the name of a device; the first one if empty.
        pixels: Which of its pixels are no counts, as far as a person said so.
        axis_units: Units of axes whose data keys have none.
        each: Frames an event.
        frame_bytes: Size of a frame in bytes, 0 if it is not known.
        sent: Frames in blocks so far.
        missed: Frames whose event or whose place was lost.
        repeated: Events that came again.
        seen_events: Events of all streams.
        unusable: Frames that were left out: they were taken while a scan should have waited.
        detail: A sentence on whose frames are taken, or empty.
    """

    uid: str
    stream: str
    detector: str = ""
    pixels: Pixels = COUNTS_ONLY
    axis_units: Mapping[str, str] = field(default_factory=dict[str, str])
    each: int = 1
    frame_bytes: int = 0
    sent: int = 0
    missed: int = 0
    repeated: int = 0
    seen_events: int = 0
    unusable: int = 0
    detail: str = ""
    _described: dict[str, _Described] = field(default_factory=dict[str, _Described])
    _highest: dict[str, int] = field(default_factory=dict[str, int])
    _units: dict[str, str] = field(default_factory=dict[str, str])
    _resources: dict[str, tuple[str, Resource]] = field(default_factory=dict[str, tuple[str, Resource]])
    # Nothing for a datum of a resource that is not known here.
    _datums: dict[str, "tuple[int, Resource] | None"] = field(default_factory=dict[str, "tuple[int, Resource] | None"])
    _located: bool = False
    _frames: dict[int, _Frames] = field(default_factory=dict[int, _Frames])
    _events: dict[int, Told] = field(default_factory=dict[int, Told])
    _fly: list[tuple[int, int, _Frames]] = field(default_factory=list[tuple[int, int, "_Frames"]])
    _next: int = 1
    # Frames an entry of a resource, as the data key says.
    _entry: int = 1
    # Events from the next one on that have all they need, and whether what they need has changed since.
    _ready: set[int] = field(default_factory=set[int])
    _changed: bool = False

    def describe(self, document: Mapping[str, Any]) -> None:
        """Take in a descriptor.

        Raises:
            LeftOutError: If the wanted detector is not in the stream; its scalars go on.
        """
        uid, keys = str(document["uid"]), cast("Mapping[str, Mapping[str, Any]]", document["data_keys"])
        name = str(document["name"])
        images = {key: shape for key, told in keys.items() if (shape := image_shape(told)) is not None}
        units = {key: str(told.get("units") or self.axis_units.get(key, "")) for key, told in keys.items()}
        inside = any(not told.get("external") for told in keys.values())
        self._highest.setdefault(uid, 0)
        if name != self.stream:
            return
        described = self._described[uid] = _Described(uid, needs_event=inside)
        self._units |= units
        self._changed = True
        if not images:
            return
        devices = cast("Mapping[str, Sequence[str]]", document.get("object_keys") or {})
        described.image = self._choose(images, devices)
        shape = images[described.image]
        self._entry = math.prod(shape[:-IMAGE_DIMENSIONS])
        self._count(self._entry)
        self.frame_bytes = bytes_of_frame(shape, keys[described.image])

    def _choose(self, images: Mapping[str, Sequence[int]], devices: Mapping[str, Sequence[str]]) -> str:
        wanted = {self.detector, *devices.get(self.detector, ())}
        fitting = [key for key in images if key in wanted] if self.detector else list(images)
        if not fitting:
            message = (
                f"There is no detector {self.detector!r:.80} in the stream {self.stream} of run {self.uid[:8]}, so its "
                f"scalars come alone. Its detectors: {', '.join(images)}."
            )
            self.detail = message
            raise LeftOutError(message)
        others = [key for key in images if key != fitting[0]]
        if others:
            self.detail = (
                f"The frames are those of {fitting[0]}; left out: {', '.join(others)} (choose with detector=...)."
            )
        return fitting[0]

    def _count(self, each: int) -> None:
        if self.sent and each != self.each:
            message = f"the detector gives {each} frames an event now, {self.each} before"
            raise ValueError(message)
        self.each = each

    def resource(self, document: Mapping[str, Any], *, streamed: bool) -> None:
        """Take in a ``stream_resource``, or a ``resource``.

        Raises:
            LeftOutError: If the frames are kept in a way that is not known here; the rest of the run goes on.
        """
        uid, key = str(document["uid"]), str(document.get("data_key", ""))
        try:
            found = of_stream_resource(document) if streamed else of_resource(document)
        except UnknownError as error:
            if streamed and not self._wanted(key):
                return
            for described in self._described.values():
                if key and described.image == key:
                    self._drop(described)
            message = f"The frames of {key or uid:.80} in run {self.uid[:8]} are left out: {error}."
            self.detail = message
            raise LeftOutError(message) from error
        self._resources[uid] = key, found

    def _drop(self, described: _Described) -> None:
        """Go on without the frames of a descriptor."""
        described.image = ""
        if not self.sent:
            # Scalars alone are one value an event, whatever the detector would have given.
            self.each = 1
        self._changed = True

    def _wanted(self, key: str) -> bool:
        return any(described.image == key for described in self._described.values())

    def datum(self, document: Mapping[str, Any]) -> None:
        """Take in a ``datum`` of classic ophyd: an event will name it."""
        name, found = str(document["datum_id"]), self._resources.get(str(document["resource"]))
        if found is None:
            self._datums[name] = None
            return
        # From now on an event whose datum is not here has lost it.
        self._located = True
        kwargs = cast("Mapping[str, Any]", document.get("datum_kwargs") or {})
        number = kwargs.get("point_number", kwargs.get("index", kwargs.get("frame", 0)))
        self._datums[name] = int(number), found[1]

    def stream_datum(self, document: Mapping[str, Any]) -> None:
        """Take in a ``stream_datum``: entries of a resource, and the events that they belong to."""
        found = self._resources.get(str(document["stream_resource"]))
        if found is None:
            return
        key, resource = found
        descriptor = self._described.get(str(document.get("descriptor", "")))
        if not (self._wanted(key) if descriptor is None else descriptor.image == key):
            return
        first, stop = int(document["indices"]["start"]), int(document["indices"]["stop"])
        event, after = int(document["seq_nums"]["start"]), int(document["seq_nums"].get("stop", 0))
        needs_event = self._needs_event if descriptor is None else descriptor.needs_event
        if not 0 <= first < stop or stop - first > (_MOST_WAITING if needs_event else _MOST_ENTRIES):
            message = f"indices {first} to {stop}"
            raise ValueError(message)
        # Most writers count entries of the resource, one an event; some count frames.
        entries, events = stop - first, after - event
        per_event = entries // events if events > 0 and entries % events == 0 else 1
        size = 1 if per_event == self._entry > 1 else self._entry
        if per_event > 1:
            self._count(per_event * size)
        if not needs_event:
            frames = _Frames(resource.kept, first * size, stop * size)
            self._fly.append((event, entries // per_event, frames))
            return
        for offset in range(entries // per_event):
            if event + offset >= self._next:
                begin = (first + offset * per_event) * size
                self._frames[event + offset] = _Frames(resource.kept, begin, begin + per_event * size)
                self._note(event + offset)

    def event(self, document: Mapping[str, Any]) -> None:
        """Take in an event of any stream."""
        descriptor, number = str(document["descriptor"]), int(document["seq_num"])
        data, at = cast("Mapping[str, Any]", document["data"]), float(document["time"])
        if not hasattr(data, "items"):
            message = f"its data are of type {type(data).__name__}"
            raise TypeError(message)
        again = number <= self._highest.get(descriptor, number)
        if descriptor in self._highest and not again:
            # Each event of every stream is counted, though only one stream is followed.
            self._highest[descriptor] = number
            self.seen_events += 1
        described = self._described.get(descriptor)
        if described is None or (number < self._next and not again):
            # Of another stream, or of a frame that went on before it.
            return
        if again and number < self._next:
            # After a rewind, or when a client catches up, a number comes again: each frame is still handed on once.
            self.repeated += 1
            return
        if described.image in data:
            self._classic(described, number, data[described.image])
        self._events[number] = told_of(at, data)
        self._note(number)

    def _classic(self, described: _Described, number: int, named: object) -> None:
        """Find an event's frames by the datum that it names, as classic ophyd writes it."""
        name = str(named)
        if self._located and name not in self._datums:
            # It was lost, or malformed: the others have theirs.
            return
        found = self._datums.pop(name, None)
        if found is None:
            # Its frames are kept as nobody here knows; its scalars go on.
            self._drop(described)
            return
        index, resource = found
        each = max(resource.each, 1)
        if not self.sent and not self._frames:
            self._count(each)
        self._frames[number] = _Frames(resource.kept, index * each, index * each + self.each)

    def blocks(self, most: int, *, over: bool = False) -> list[FrameBlock]:
        """Make blocks of the events that are complete now, in order.

        An event that is still incomplete when many after it are whole, or when the run is over, is lost: the others go
        on.

        Args:
            most: Frames a block.
            over: Whether nothing more comes.
        """
        found = self._of_flight(most)
        if self._changed:
            known = {*self._events, *self._frames}
            self._ready = {event for event in known if event >= self._next and self._complete(event)}
            self._changed = False
        ready: list[int] = []
        while True:
            while self._next in self._ready:
                self._ready.remove(self._next)
                ready.append(self._next)
                self._next += 1
            if not self._ready or (len(self._ready) < _EVENTS_WAITED and not over):
                break
            self._skip(min(self._ready))
        if over:
            self._skip(max([self._next - 1, *self._events, *self._frames]) + 1)
        ready = [event for event in ready if self._usable(event)]
        return [*found, *(block for group in self._contiguous(ready) for block in self._of_events(group, most))]

    def _usable(self, event: int) -> bool:
        """Say whether an event's frames are wanted; those of one that is marked as spoilt are left out."""
        told = self._events.get(event)
        if told is None or told.numbers.get(burst.USABLE, 1.0) != 0.0:
            return True
        self._events.pop(event)
        self._frames.pop(event, None)
        self.unusable += self.each
        return False

    def _of_flight(self, most: int) -> list[FrameBlock]:
        """Make blocks of frames that no event has anything to say of."""
        blocks: list[FrameBlock] = []
        for event, events, frames in self._fly:
            again = min(max(self._next - event, 0), events)
            self.repeated += again
            if again == events:
                continue
            self.missed += max(event - self._next, 0) * self.each
            self._next = event + events
            self._ready = {one for one in self._ready if one >= self._next}
            rest = _Frames(frames.kept, frames.first + again * self.each, frames.stop)
            blocks += self._cut(event + again, [], rest, events - again, most)
        self._fly.clear()
        return blocks

    @property
    def _needs_event(self) -> bool:
        return any(one.needs_event for one in self._described.values()) or not self._described

    @property
    def _needs_frames(self) -> bool:
        return any(one.image for one in self._described.values())

    def _note(self, event: int) -> None:
        """Note an event that has all it needs, so that those that wait for something are not looked through again."""
        if self._complete(event):
            self._ready.add(event)

    def _complete(self, event: int) -> bool:
        if event in self._frames and not self._needs_event:
            return True
        return event in self._events and (event in self._frames or not self._needs_frames)

    def _skip(self, event: int) -> None:
        """Give up the events before this one."""
        self.missed += (event - self._next) * self.each
        for lost in [one for one in {*self._events, *self._frames} if self._next <= one < event]:
            self._events.pop(lost, None)
            self._frames.pop(lost, None)
        self._next = max(event, self._next)

    def _contiguous(self, events: list[int]) -> list[list[int]]:
        """Split events where the next frame is not the next one in the same place."""
        groups: list[list[int]] = []
        for event in events:
            if groups and event == groups[-1][-1] + 1 and self._follows(groups[-1][-1], event):
                groups[-1].append(event)
            else:
                groups.append([event])
        return groups

    def _follows(self, before: int, event: int) -> bool:
        one, two = self._frames.get(before), self._frames.get(event)
        if one is None or two is None:
            return one is two
        return one.kept == two.kept and one.stop == two.first

    def _of_events(self, events: list[int], most: int) -> list[FrameBlock]:
        told = [self._events.pop(event, Told()) for event in events]
        places = [self._frames.pop(event, None) for event in events]
        first, last = places[0], places[-1]
        frames = _Frames(first.kept, first.first, last.stop) if first is not None and last is not None else None
        return self._cut(events[0], told, frames, len(events), most)

    def _cut(
        self,
        event: int,
        told: Sequence[Told],
        frames: _Frames | None,
        events: int,
        most: int,
    ) -> list[FrameBlock]:
        """Make blocks of the frames of events that follow one another, in the same place."""
        rows = Rows.of(told, event, self.each)
        seen = {"received": time.time()}
        if told and math.isfinite(told[-1].at):
            seen["document"] = told[-1].at
        blocks: list[FrameBlock] = []
        offset, total = (event - 1) * self.each, events * self.each
        for start in range(0, total, most):
            stop = min(start + most, total)
            first = None if frames is None else frames.first + start
            place = None if frames is None else frames.kept.place(frames.first + start, frames.first + stop)
            part = rows.columns(start, stop)
            units = {name: self._units.get(name, UNITS.get(name, "")) for name in part}
            blocks.append(
                FrameBlock(
                    self.uid, self.stream, offset + start, offset + stop, place, part, units, seen, first, self.pixels
                )
            )
        self.sent += total
        return blocks
