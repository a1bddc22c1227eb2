"""Blocks from a PVA channel of NTNDArrays, as areaDetector's PVA plugin and pvapy serve them.

The frames are taken by a process of its own into a ring (see :mod:`steering.ingest`), and only references come
here: a busy or restarted kernel loses nothing.
"""

import asyncio
import time
from bisect import bisect
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import Any

import numpy as np

from steering.core.block import FrameBlock
from steering.core.errors import SteeringError
from steering.core.source import RunEnded, RunStarted, SourceItem, SourceStatus
from steering.core.workspace import Workspace, default_workspace
from steering.ingest.client import RingClient
from steering.ingest.launch import ingest_daemon
from steering.ingest.taker import POLICIES, Policy
from steering.machine.daemon import Daemon
from steering.places.ring import RawFrames, RingServer

_WAIT_SECONDS = 0.5
_AGAIN_SECONDS = 0.5
_ITEMS = 16
_SHORT_LINGER = 20.0
_LINGER_SECONDS = 600.0


class PvaSource:
    """Follows one channel.

    Attributes:
        rejected: How many frames were malformed.
        last_rejection: A sentence about the newest of them.
    """

    def __init__(
        self,
        channel: str,
        *,
        policy: Policy = "hold",
        workspace: Workspace | None = None,
        memory_bytes: int = 1 << 30,
        disk_bytes: int = 8 << 30,
        host: str = "127.0.0.1",
        idle_seconds: float = 10.0,
        frames: int = 0,
        outlive: bool = True,
        linger_seconds: float = _LINGER_SECONDS,
    ) -> None:
        """Follow a channel; its ingest is started, or found running, when items are first pulled.

        Args:
            channel: PVA channel, for example ``"13SIM1:Pva1:Image"``.
            policy: What comes first when analysis is behind. ``"hold"``: the oldest frame, always in order.
                ``"newest"``: the newest, and what was left for later after it, counted. Under both the ring takes no
                more when it is full, and what the transport then loses is counted as missed.
            workspace: Whose ingest it is; the user's own if left out.
            memory_bytes: Most that the ring holds in memory.
            disk_bytes: Most that it holds on disk, when memory is full.
            host: Address of this machine by which workers on others reach the ring; loopback if there are none.
            idle_seconds: A run ends after this time without a frame, or when the detector counts from anew.
            frames: A run ends with this many frames; 0 if that is not known.
            outlive: Whether the ingest goes on when this source is closed, so that the next one catches up.
            linger_seconds: One that outlives its source ends when nobody has followed its channel for so long. Frames
                without a result are kept on disk then, for whoever follows the channel next.

        Raises:
            SteeringError: If the policy is not known.
        """
        if not linger_seconds > 0:
            message = f"linger_seconds = {linger_seconds:g} s is not a time. Allowed: more than 0 s."
            raise SteeringError(message)
        if policy not in POLICIES:
            message = f"The policy {policy!r} is not known. Allowed: {', '.join(POLICIES)}."
            raise SteeringError(message)
        self.rejected = 0
        self.last_rejection = ""
        self._policy = policy
        # Told to the ingest too, which may be one that was begun by another source and with others.
        self._ends = {"idle": idle_seconds, "frames": frames}
        self._outlive = outlive
        self._daemon = ingest_daemon(
            channel,
            workspace or default_workspace(),
            memory_bytes=memory_bytes,
            disk_bytes=disk_bytes,
            host=host,
            idle=idle_seconds,
            frames=frames,
            linger=linger_seconds if outlive else _SHORT_LINGER,
        )
        self._status = SourceStatus("waiting", f"Nothing is pulled from {channel} yet.")
        self._have: dict[str, list[tuple[int, int]]] = {}
        self._closed = Event()
        self._lock = Lock()
        self._client: RingClient | None = None
        self._storing = _Storing(self._daemon)

    @property
    def status(self) -> SourceStatus:
        """How it is, as the ingest said when last asked."""
        # An answer that was under way does not undo its end.
        return replace(self._status, state="ended", detail="") if self._closed.is_set() else self._status

    async def items(self) -> AsyncIterator[SourceItem]:
        """Yield run starts, blocks and run ends."""
        executor = ThreadPoolExecutor(1, "steering-pva")
        loop = asyncio.get_running_loop()
        try:
            while not self._closed.is_set():
                for item in await loop.run_in_executor(executor, self._take):
                    if isinstance(item, RunStarted) and item.run in self._have:
                        # An ingest that was started again begins with the run that goes on.
                        continue
                    self._note(item)
                    yield item
        finally:
            self._disconnect()
            executor.shutdown(wait=False)

    def stored(self, run: str, start: int, stop: int) -> None:
        """Let the ring free these frames. Does nothing once the source is closed."""
        if not self._closed.is_set():
            self._storing.add(run, start, stop)

    def close(self) -> None:
        """End ``items``; the ingest goes on if it is to outlive this source, else it ends with what it holds."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._disconnect()
        self._storing.close()
        self._status = replace(self._status, state="ended", detail="")
        if not self._outlive:
            self._daemon.stop()

    def _take(self) -> list[SourceItem]:
        """Take what waits, in a thread; empty after a while without news."""
        try:
            client = self._connected()
            content, _ = client.request(want="take", most=_ITEMS, wait=_WAIT_SECONDS)
        except (OSError, SteeringError) as error:
            self._disconnect()
            if not self._closed.wait(_AGAIN_SECONDS if self._status.state == "lost" else 0):
                detail = str(error) if isinstance(error, SteeringError) else f"The ingest does not answer ({error})."
                self._status = replace(self._status, state="lost", detail=detail)
            return []
        self._show(content["status"])
        return [self._item(item) for item in content["items"]]

    def _connected(self) -> RingClient:
        with self._lock:
            if self._closed.is_set():
                message = "This source is closed."
                raise SteeringError(message)
            if self._client is None:
                found: dict[str, Any] = dict(self._daemon.ensure())
                self._server = RingServer(found["host"], found["port"], found["read"], found["certificate"])
                self._client = RingClient(found["host"], found["port"], found["own"], found["certificate"])
                self._client.request(want="follow", policy=self._policy, have=self._have, **self._ends)
            return self._client

    def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _show(self, status: dict[str, Any]) -> None:
        self.rejected = status["rejected"]
        self.last_rejection = status["last_rejection"]
        counts = {name: status[name] for name in ("frames", "missed", "rejected", "repeated", "later")}
        if not self._closed.is_set():
            self._status = SourceStatus(status["state"], status["detail"], **counts)

    def _item(self, item: dict[str, Any]) -> SourceItem:
        match item["kind"]:
            case "started":
                return RunStarted(item["run"], "")
            case "ended":
                return RunEnded(item["run"], item["frames"], item["status"])
            case _:
                return self._block(item)

    def _block(self, item: dict[str, Any]) -> FrameBlock:
        rows, columns = item["shape"]
        place = RawFrames(
            item["segment"],
            tuple(item["paths"]),
            item["offset"],
            (rows, columns),
            item["dtype"],
            tuple(item["times"]),
            self._server,
        )
        return FrameBlock(
            run=item["run"],
            stream="primary",
            start=item["start"],
            stop=item["start"] + len(item["times"]),
            place=place,
            columns={name: np.array(values) for name, values in item["columns"].items()},
            units=dict.fromkeys(item["columns"], ""),
            seen={"document": item["arrived"], "received": time.time()},
        )

    def _note(self, item: SourceItem) -> None:
        """Remember what was handed on, so that none of it comes again after a connection was lost."""
        if isinstance(item, RunStarted):
            self._have.setdefault(item.run, [])
        elif isinstance(item, FrameBlock):
            _unite(self._have.setdefault(item.run, []), item.start, item.stop)
        else:
            self._have.pop(item.run, None)


def _unite(held: list[tuple[int, int]], start: int, stop: int) -> None:
    """Add a range to others, in order: what came in any order is few ranges once nothing is left out of it."""
    place = bisect(held, (start, stop))
    if place and held[place - 1][1] >= start:
        place -= 1
        start, stop = held[place][0], max(held[place][1], stop)
        del held[place]
    while place < len(held) and held[place][0] <= stop:
        stop = max(stop, held[place][1])
        del held[place]
    held.insert(place, (start, stop))


class _Storing:
    """Tells the ingest what is stored, from a thread of its own, so that nobody waits for it."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._waiting: SimpleQueue[tuple[str, int, int] | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._lock = Lock()

    def add(self, run: str, start: int, stop: int) -> None:
        """Tell it of these frames."""
        self._waiting.put((run, start, stop))
        with self._lock:
            if self._thread is None:
                self._thread = Thread(target=self._tell, name="steering-stored", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Tell what is left to tell, and end the thread."""
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join()

    def _tell(self) -> None:
        client: RingClient | None = None
        going = True
        while going:
            ranges = [self._waiting.get()]
            while not self._waiting.empty():
                ranges.append(self._waiting.get())
            going = None not in ranges
            told = [entry for entry in ranges if entry is not None]
            try:
                found: dict[str, Any] | None = None if client else self._daemon.connection()
                if client is None and found is not None:
                    client = RingClient(found["host"], found["port"], found["own"], found["certificate"])
                if client is not None and told:
                    client.request(want="stored", ranges=told)
            except OSError:
                client = None
            if client is None and told and going:
                # A new ingest takes the frames over from the old one's journal: it has to be told again.
                for entry in told:
                    self._waiting.put(entry)
                time.sleep(_AGAIN_SECONDS)
        if client is not None:
            client.close()
