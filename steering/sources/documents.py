"""Blocks from Bluesky documents: asset documents say where frames lie, events where they were taken.

One source follows all runs that are open, each on its own (:mod:`steering.documents.document_run`): plans may nest or
interleave them. Where frames lie is read by :mod:`steering.documents.document_places`.
"""

import math
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from numpy.typing import NDArray

from steering.core.block import FrameBlock
from steering.core.pixels import Pixels
from steering.core.place import Place
from steering.core.source import RunEnded, RunStarted, SourceItem, SourceState, SourceStatus
from steering.documents.document_run import DocumentRun, LeftOutError
from steering.documents.joining import Outbox, frames_per_block
from steering.geometry.stands import geometry_of
from steering.readers.pixels import make_mask

# A run whose stop was lost looks as if it were open for ever; of more than these the oldest has ended.
_MOST_OPEN = 4
_MALFORMED = (KeyError, TypeError, ValueError, AttributeError, OverflowError)


class DocumentSource:
    """Makes blocks of the documents that are fed to it.

    Attributes:
        rejected: How many documents were malformed, or speak of frames that cannot be had.
        last_rejection: A sentence about the newest of them.
    """

    def __init__(
        self,
        stream: str = "primary",
        *,
        detector: str = "",
        mask: "str | Path | NDArray[Any] | None" = None,
        saturated: float = math.inf,
        reach: Callable[[Place], Place] = lambda place: place,
    ) -> None:
        """Follow one stream of each run that comes.

        Args:
            stream: Name of the stream.
            detector: Whose frames are taken where there are several: a data key, or the name of a device. The first
                one of the stream's descriptor if left out.
            mask: Bad pixels: an array of the frames' shape that is not zero where they are bad, or a file with one.
            saturated: Counts from which on a pixel is saturated, and so no count.
            reach: Says where frames are to be had that lie in a place of the beamline.

        Raises:
            SteeringError: If the mask is none.
        """
        self.rejected = 0
        self.last_rejection = ""
        self._stream, self._detector = stream, detector
        self._pixels = Pixels(make_mask(mask), saturated)
        self._reach = reach
        self._open: dict[str, DocumentRun] = {}
        self._owners: dict[str, DocumentRun] = {}
        self._ended: dict[str, int] = {}
        self._detail = ""
        self._outbox = Outbox()
        self._state: SourceState = "waiting"
        self._frames = 0
        self._missed = 0
        self._repeated = 0

    @property
    def status(self) -> SourceStatus:
        """How it is; a frame whose event was lost is missed, an event that comes again is repeated."""
        runs = list(self._open.values())
        return SourceStatus(
            self._state,
            " ".join(_told(run) for run in runs) or self._detail,
            self._frames + sum(run.sent for run in runs),
            self._missed + sum(run.missed for run in runs),
            self.rejected,
            self._repeated + sum(run.repeated for run in runs),
        )

    def frames_sent(self, run: str) -> int:
        """Count the frames of a run that went into blocks so far."""
        found = self._open.get(run)
        return found.sent if found is not None else self._ended.get(run, 0)

    def feed(self, name: str, document: Mapping[str, Any]) -> None:
        """Take in a document, from any thread, one at a time."""
        try:
            for one, content in _single(name, document):
                self._feed(one, content)
        except _MALFORMED as error:
            self._reject(name, error)

    def end_open(self, *, but: str = "") -> None:
        """End the runs whose stop will not come as failed: whoever sent their documents is gone, or begins anew.

        Args:
            but: Uid of a run that goes on.
        """
        for run in list(self._open.values()):
            if run.uid != but:
                self._put(self._stop(run, "fail"))

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

    def _feed(self, name: str, document: Mapping[str, Any]) -> None:
        try:
            if name == "start":
                self._put(self._start(document))
                return
            run = self._owner(name, document)
            if run is None:
                return
            if name == "stop":
                self._put(self._stop(run, str(document["exit_status"])))
                return
            try:
                self._take(run, name, document)
            finally:
                # What was left out does not hold back what is whole.
                self._put(run.blocks(self._outbox.most))
        except LeftOutError as error:
            self.rejected += 1
            self.last_rejection = str(error)
        except _MALFORMED as error:
            self._reject(name, error)

    def _reject(self, name: str, error: Exception) -> None:
        self.rejected += 1
        what = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        self.last_rejection = f"A document of kind {name!r:.40} is malformed ({what:.200})."

    def _put(self, items: Sequence[SourceItem]) -> None:
        for item in items:
            if isinstance(item, FrameBlock) and item.place is not None:
                self._outbox.put(replace(item, place=self._reach(item.place)))
            else:
                self._outbox.put(item)

    def _owner(self, name: str, document: Mapping[str, Any]) -> DocumentRun | None:
        """Find the open run that a document belongs to."""
        match name:
            case "descriptor" | "stop":
                return self._open.get(str(document["run_start"]))
            case "stream_resource" | "resource":
                # The run's uid is optional here.
                newest = next(reversed(self._open.values()), None)
                return self._open.get(str(document["run_start"])) if document.get("run_start") else newest
            case "stream_datum":
                return self._owners.get(str(document["stream_resource"]))
            case "datum":
                return self._owners.get(str(document["resource"]))
            case "event":
                return self._owners.get(str(document["descriptor"]))
            case _:
                return None

    def _take(self, run: DocumentRun, name: str, document: Mapping[str, Any]) -> None:
        match name:
            case "descriptor":
                self._owners[str(document["uid"])] = run
                run.describe(document)
                self._outbox.most = frames_per_block(run.frame_bytes)
            case "stream_resource" | "resource":
                self._owners[str(document["uid"])] = run
                run.resource(document, streamed=name == "stream_resource")
            case "stream_datum":
                run.stream_datum(document)
            case "datum":
                run.datum(document)
            case _:
                run.event(document)

    def _start(self, document: Mapping[str, Any]) -> list[SourceItem]:
        uid = str(document["uid"])
        if uid in self._ended or uid in self._open:
            return []
        found: list[SourceItem] = []
        while len(self._open) >= _MOST_OPEN:
            found += self._stop(next(iter(self._open.values())), "fail")
        said = document.get("axis_units")
        units = cast("Mapping[object, object]", said if isinstance(said, Mapping) else {})
        axis_units = {str(axis): str(unit) for axis, unit in units.items()}
        self._open[uid] = DocumentRun(uid, self._stream, self._detector, self._pixels, axis_units)
        self._state = "live"
        plan, started = str(document.get("plan_name", "")), _seconds(document.get("time"))
        return [*found, RunStarted(uid, plan, started, geometry_of(document, self._detector))]

    def _stop(self, run: DocumentRun, status: str) -> list[SourceItem]:
        rest = run.blocks(self._outbox.most, over=True)
        del self._open[run.uid]
        self._owners = {uid: owner for uid, owner in self._owners.items() if owner is not run}
        if not self._open and self._state != "ended":
            self._state = "waiting"
        self._ended[run.uid] = run.sent
        self._detail = _told(run)
        self._frames += run.sent
        self._repeated += run.repeated
        self._missed += run.missed
        return [*rest, RunEnded(run.uid, run.sent, status, run.seen_events)]


def _told(run: DocumentRun) -> str:
    dark = run.unusable
    taken = "frame was" if dark == 1 else "frames were"
    left = "it is" if dark == 1 else "they are"
    left_out = f"{dark} {taken} taken while the scan was to wait; {left} left out." if dark else ""
    sent = f"Run {run.uid[:8]}: {run.sent} frame{'' if run.sent == 1 else 's'}."
    return " ".join(filter(None, (sent, left_out, run.detail)))


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _single(name: str, document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Take pages apart, which hold several events or datums."""
    if name not in ("event_page", "datum_page", "bulk_events"):
        yield name, document
        return
    from event_model import unpack_datum_page, unpack_event_page

    match name:
        case "event_page":
            yield from (("event", one) for one in unpack_event_page(document))
        case "datum_page":
            yield from (("datum", one) for one in unpack_datum_page(document))
        case _:
            for events in document.values():
                yield from (("event", one) for one in cast("Sequence[Mapping[str, Any]]", events))
