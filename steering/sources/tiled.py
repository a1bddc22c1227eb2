"""Blocks from a Tiled server: a run that goes on, or one of the past, by HTTP where no file is seen.

Where the server has streams it says by websocket when something has changed, and is looked at then; else it is looked
at several times a second.
"""

import asyncio
import itertools
import math
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats, FrameBlock
from steering.core.pixels import Pixels
from steering.core.place import Place
from steering.core.source import RunEnded, RunStarted, SourceItem, SourceState, SourceStatus
from steering.documents.document_keys import IMAGE_DIMENSIONS, image_shape, numbers_of
from steering.documents.event_rows import UNITS, Rows, table_of
from steering.documents.joining import frames_per_block
from steering.geometry.stands import geometry_of
from steering.machine.direct import is_loopback, key_headers, made_for
from steering.places.first_reachable import FirstReachable
from steering.places.hdf5 import FrameFile
from steering.places.tiled import TiledFrames
from steering.readers.paths import path_of_uri
from steering.readers.pixels import make_mask
from steering.sources.polling import SLOWEST, Poll
from steering.sources.tiled_news import TiledNews

_TIMESTAMPS = "ts_"
_CONNECT_SECONDS = 2.0
_AGAIN_SECONDS = 1.0
# While the server tells of each change (seconds): a message may be lost all the same.
_TOLD_SECONDS = 5.0
# So many malformed answers in a row end a run.
_FAILURES = 25
_PER_EVENT_DIMENSIONS = 4
# So many entries of a catalogue are asked for at once.
_PAGE = 10


@dataclass
class _Run:
    """The run that is followed; ``each`` is how many frames an event has, as the descriptor says it."""

    uid: str
    sent: int = 0
    rows: int = 0
    image: str = ""
    each: int = 1
    units: dict[str, str] = field(default_factory=dict[str, str])
    table: Rows | None = None
    detectors: str = ""


class TiledSource:
    """Follows one run, or the newest and each that comes after it.

    Attributes:
        rejected: How many answers of the server were not what they should be.
        last_rejection: A sentence about the newest of them.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str = "",
        run: str = "",
        stream: str = "primary",
        detector: str = "",
        mask: "str | Path | NDArray[Any] | None" = None,
        saturated: float = math.inf,
    ) -> None:
        """Follow a catalogue of Bluesky runs.

        Args:
            url: Of the server's API or of a catalogue on it.
            key: API key, if the server wants one.
            run: Uid of a run, and then no other; the newest if left out, and each that comes after it.
            stream: Which stream's frames and events.
            detector: Data key whose frames are taken where there are several; the first one if left out.
            mask: Bad pixels: an array of the frames' shape that is not zero where they are bad, or a file with one.
            saturated: Counts from which on a pixel is saturated, and so no count.

        Raises:
            SteeringError: If the mask is none.
        """
        self.rejected = 0
        self.last_rejection = ""
        self._url, self._key = url, key
        self._only = run
        self._stream, self._detector = stream, detector
        self._pixels = Pixels(make_mask(mask), saturated)
        self._client: Any = None
        self._tried = 0.0
        self._run: _Run | None = None
        self._after = 0.0
        self._last: tuple[str, ...] = ()
        self._looked = 0.0
        self._frames = 0
        self._failures = 0
        self._odd: set[str] = set()
        self._state: SourceState = "waiting"
        self._detail = f"Waiting for a run on {url}."
        self._poll = Poll(self._look)
        self._told = False
        self._news = TiledNews(key, self._stirred)
        # What is to be listened to, as the looking thread has found it.
        self._nodes: tuple[str, ...] = ()

    @property
    def status(self) -> SourceStatus:
        """How it is."""
        return SourceStatus(self._poll.state(self._state), self._detail, self._frames, rejected=self.rejected)

    async def items(self) -> AsyncIterator[SourceItem]:
        """Yield run starts, blocks and run ends."""
        listening = asyncio.create_task(self._listen())
        try:
            async for item in self._poll.items():
                yield item
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await self._news.close()
            # A server that is told to end waits for connections that are kept open.
            client, self._client = self._client, None
            if client is not None:
                client.context.http_client.close()

    def stored(self, run: str, start: int, stop: int) -> None:
        """Do nothing: the frames are the server's."""

    def close(self) -> None:
        """End ``items``."""
        self._poll.close()
        self._state = "ended"

    async def _listen(self) -> None:
        """Have the server tell of what changes in the nodes that are looked at."""
        while True:
            self._news.listen(self._nodes)
            self._poll.slowest = _TOLD_SECONDS if self._news.connected else SLOWEST
            await asyncio.sleep(SLOWEST)

    def _stirred(self) -> None:
        self._told = True
        self._poll.wake()

    def _look(self) -> Sequence[SourceItem] | None:
        import httpx

        if self._state == "ended":
            return None
        try:
            client = self._connected()
            if client is None:
                return []
            found = self._follow(client)
        except (httpx.HTTPError, OSError) as error:
            # The server has gone, or fails while what is asked for grows: ask again.
            self._client = None
            self._state, self._detail = "lost", f"{self._url} does not answer ({type(error).__name__}: {error})."
            return []
        except (KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
            return self._malformed(f"{type(error).__name__}: {error}")
        self._failures = 0
        return found

    def _malformed(self, what: str) -> list[SourceItem]:
        """Count an answer that is no run; a run that gives nothing else has failed, and the next one is followed."""
        self._failures += 1
        if self._failures == 1:
            self.rejected += 1
            self.last_rejection = f"{self._url} answered what is no Bluesky run ({what})."
        run = self._run
        if run is None or self._failures < _FAILURES:
            return []
        self._failures, self._run = 0, None
        self._state = "ended" if self._only else "waiting"
        return [RunEnded(run.uid, run.sent, "fail")]

    def _connected(self) -> Any:
        import httpx
        from tiled.client import from_uri

        if self._client is None and time.monotonic() - self._tried > _AGAIN_SECONDS:
            self._tried = time.monotonic()
            # Asked first, because Tiled's own client tries a silent server for half a minute.
            httpx.get(self._url, timeout=_CONNECT_SECONDS, trust_env=not is_loopback(self._url))
            self._client = made_for(
                self._url, lambda: from_uri(self._url, api_key=self._key, headers=key_headers(self._key))
            )
            self._state = "live" if self._run is not None else "waiting"
        return self._client

    def _follow(self, client: Any) -> list[SourceItem]:
        if self._run is None:
            # Between runs nothing is urgent, and others use the server.
            self._nodes = (str(client.uri),)
            if time.monotonic() - self._looked < _AGAIN_SECONDS and not self._told:
                return []
            self._looked, self._told = time.monotonic(), False
            uid = self._next(client)
            if uid is None:
                return []
            self._looked = 0.0
            start: Mapping[str, Any] = client[uid].metadata["start"]
            began = RunStarted(uid, str(start.get("plan_name", "")), geometry=geometry_of(start, self._detector))
            # Only once all is known: an answer that is lost before has the run looked for again.
            if not self._only:
                self._after = max(self._after, float(start["time"]))
            self._run = _Run(uid)
            self._state, self._detail = "live", f"Run {uid[:8]}."
            return [began]
        # The stop document is asked for first: what was written before it is then surely seen.
        stop: Mapping[str, Any] | None = client[self._run.uid].metadata.get("stop")
        block = self._block(client, self._run, over=stop is not None)
        if block is not None:
            return [block]
        if stop is None:
            return []
        ended = RunEnded(self._run.uid, self._run.sent, str(stop["exit_status"]))
        self._run = None
        self._state = "ended" if self._only else "waiting"
        return [ended]

    def _next(self, client: Any) -> str | None:
        """Find the run that comes next: the one that is asked for, else the newest, else the first after the last."""
        if self._only:
            return self._only if self._only in client else None
        # Which entry was made last is known at once, in a catalogue of any size; to sort them all is not.
        last = tuple(client.keys().tail(1))
        if last == self._last or not last:
            return None
        later = self._later(client.sort(("start.time", -1)))
        if not later:
            self._last = last
            return None
        return later[0][1] if self._after else later[-1][1]

    def _later(self, newest_first: Any) -> list[tuple[float, str]]:
        """List when runs after the last one began, and their uids, oldest first; for the first look one is enough."""
        found: list[tuple[float, str]] = []
        for start in itertools.count(0, _PAGE):
            page = newest_first.items()[start : start + _PAGE]
            began = [entry for uid, node in page if (entry := self._began(str(uid), node)) is not None]
            found += began
            if len(page) < _PAGE or (began and (not self._after or min(began)[0] <= self._after)):
                break
        return sorted(entry for entry in found if entry[0] > self._after)

    def _began(self, uid: str, node: Any) -> tuple[float, str] | None:
        """Say when a run began; nothing of what is no run."""
        if "start" not in node.metadata or uid in self._odd:
            return None
        try:
            return float(node.metadata["start"]["time"]), uid
        except (KeyError, TypeError, ValueError) as error:
            self._odd.add(uid)
            self.rejected += 1
            self.last_rejection = f"{uid} on {self._url} has no start document ({type(error).__name__}: {error})."
            return None

    def _block(self, client: Any, run: _Run, *, over: bool) -> FrameBlock | None:
        if self._stream not in client[run.uid]:
            return None
        node = client[run.uid][self._stream]
        if not run.units:
            self._describe(run, node.metadata["data_keys"])
        array = node.base[run.image] if run.image and run.image in node.base else None
        self._hear_of(client, node, array)
        shape: tuple[int, ...] = () if array is None else tuple(array.shape)
        # Bluesky puts the frames of all events behind one another; others stack the events.
        entry = math.prod(shape[1:-IMAGE_DIMENSIONS])
        per_event = entry if len(shape) >= _PER_EVENT_DIMENSIONS else run.each
        frames = math.prod(shape[:-IMAGE_DIMENSIONS]) if shape else 0
        if (frames or not run.image or over) and (run.rows <= run.sent // per_event or over):
            self._read_table(node, run, per_event)
        # Each frame is to carry its positions; those whose events never came go out when the run is over.
        ready = run.rows if not run.image else (frames if over else min(frames, run.rows * per_event))
        if ready <= run.sent:
            return None
        size = 0 if array is None else int(np.prod(shape[-2:])) * np.dtype(array.dtype).itemsize
        start, ready = (run.sent, ready) if run.table is None else run.table.usable(run.sent, ready)
        stop = min(ready, start + frames_per_block(size))
        if start == stop:
            run.sent = stop
            return None
        place = None if array is None else self._place(array, entry)
        # Only now: the server may have been asked for the place, and what got no answer is made once more.
        run.sent = stop
        self._frames += stop - start
        self._detail = f"Run {run.uid[:8]}: {run.sent} frames.{run.detectors}"
        columns = {} if run.table is None else run.table.columns(start, stop)
        return FrameBlock(
            run.uid,
            self._stream,
            start,
            stop,
            place,
            columns,
            {name: run.units.get(name, UNITS.get(name, "")) for name in columns},
            {"received": time.time()},
            None if array is None else start,
            self._pixels,
        )

    def _hear_of(self, client: Any, node: Any, array: Any) -> None:
        """Have the server tell of the run's end, of rows and of frames."""
        rows = node.base.get("internal")
        self._nodes = (str(client.uri), *(str(one.uri) for one in (node, rows, array) if one is not None))

    def _read_table(self, node: Any, run: _Run, per_event: int) -> None:
        if "internal" not in node.base:
            return
        held = node.base["internal"]
        import dask

        # Tiled's client reads through Dask, which would leave a pool of threads for each thread that reads.
        with dask.config.set(scheduler="synchronous"):
            parts = [held.read_partition(number) for number in range(held.structure().npartitions)]
        if not parts:
            return
        counted = np.concatenate([part["seq_num"].to_numpy() for part in parts])
        # After a rewind an event is emitted again with the same number: the last one holds.
        _, place = np.unique(counted[::-1], return_index=True)
        events = len(counted) - 1 - place
        run.rows = len(events)
        read = {str(name): np.concatenate([part[name].to_numpy() for part in parts])[events] for name in parts[0]}
        at = read.pop("time").astype(np.float64)
        numbers: dict[str, Floats] = {}
        tables: dict[str, Floats] = {}
        for name, values in read.items():
            if name == "seq_num" or name.startswith(_TIMESTAMPS):
                continue
            if values.dtype.kind in "biuf":
                numbers[name] = values.astype(np.float64)
            elif per_event > 1 and (table := table_of([numbers_of(one) for one in values], per_event)) is not None:
                tables[name] = table
        run.table = Rows(1, per_event, at, numbers, tables)

    def _describe(self, run: _Run, keys: Mapping[str, Mapping[str, Any]]) -> None:
        run.units = {name: str(described.get("units") or "") for name, described in keys.items()}
        images = [name for name, told in keys.items() if image_shape(told) is not None]
        fitting = [name for name in images if name == self._detector] if self._detector else images
        run.image = fitting[0] if fitting else ""
        run.each = math.prod((image_shape(keys[run.image]) or ())[:-IMAGE_DIMENSIONS]) if run.image else 1
        if images and not fitting:
            self.rejected += 1
            self.last_rejection = (
                f"There is no detector {self._detector!r:.80} in run {run.uid[:8]}, so its scalars come alone. "
                f"Its detectors: {', '.join(images)}."
            )
        others = [name for name in images if name != run.image]
        if others:
            run.detectors = (
                f" The frames are those of {run.image or 'none'}; left out: {', '.join(others)} "
                "(choose with detector=...)."
            )

    def _place(self, array: Any, entry: int) -> Place:
        slices = TiledFrames(str(array.uri), entry, self._key)
        file = _file(array)
        return slices if file is None else FirstReachable((file, slices))


def _file(array: Any) -> FrameFile | None:
    """Name the HDF5 file behind an array, if it is a single one: a worker that sees it need not ask the server."""
    sources = array.data_sources()
    if not sources or len(sources) != 1:
        return None
    source = sources[0]
    if source.mimetype != "application/x-hdf5" or len(source.assets) != 1:
        return None
    named: str | list[str] | None = source.parameters.get("dataset") or source.parameters.get("path")
    if not named:
        return None
    dataset = named if isinstance(named, str) else "/".join(named)
    return FrameFile(path_of_uri(str(source.assets[0].data_uri)), dataset)
