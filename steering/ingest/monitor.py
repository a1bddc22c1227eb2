"""The PVA channel: takes each frame of a monitor, in order, and gives it to the ring."""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from threading import Lock
from typing import Any

import numpy as np

from steering.ingest.acquisition import Acquisition, Sorter
from steering.ingest.image import Image, ImageError, read_image
from steering.ingest.left import Left
from steering.ingest.ring import Ring

# Frames that wait between the network and Python; a longer queue bridges a longer stall of this process.
QUEUE_FRAMES = 1000
# What a channel holds when one connects is the last frame of some time ago, if it is older than this (seconds).
_STALE_SECONDS = 2.0
_WAIT_SECONDS = 0.2
# A channel that is not found is searched for anew after so long: the library's own searches come ever more rarely.
_SEARCH_SECONDS = 4.0


class Monitor:
    """Follows one channel. ``take`` is called by one thread at a time.

    Attributes:
        sorter: Counts what came.
        detail: A sentence on how it is.
    """

    def __init__(self, channel: str, ring: Ring, *, idle: float, frames: int, largest: int) -> None:
        """Wire it; nothing runs before :meth:`start`.

        Args:
            channel: PVA channel of an NTNDArray.
            ring: Where frames go.
            idle: A run ends after so many seconds without a frame.
            frames: A run ends with this frame; 0 if that is not known.
            largest: Largest frame that the ring takes, in bytes.
        """
        self.sorter = Sorter(channel.replace(":", "_").replace("/", "_"))
        self.detail = f"Waiting for the channel {channel}."
        self._channel = channel
        self._ring = ring
        self._idle = idle
        self._frames = frames
        self._largest = largest
        self._connected = False
        self._first = True
        # What a former ingest took last is not taken again when the channel still shows it.
        self._last = ring.last_number
        self._last_time = ring.left.newest if ring.left is not None else math.inf
        self._run: Acquisition | None = None
        # A run that a former ingest died in goes on if the detector's next frame continues it; else nobody knows how it
        # ended.
        self._unsure = False
        if ring.left is not None:
            self._go_on(ring.left)
        self._stopping = False
        self._lock = Lock()
        self._close: list[Callable[[], object]] = []
        self._queue = QUEUE_FRAMES
        self._searched = 0.0

    @property
    def state(self) -> str:
        """A source's state."""
        if not self._connected and self._last is not None:
            return "lost"
        return "live" if self._run is not None else "waiting"

    def start(self, queue: int = QUEUE_FRAMES) -> None:
        """Subscribe."""
        self._queue = queue
        self._subscribe()

    def settle(self, idle: float, frames: int) -> None:
        """Have runs end as the session wants it that follows now: it may not be the one that began the ingest.

        Args:
            idle: A run ends after so many seconds without a frame.
            frames: A run ends with this frame; 0 if that is not known.
        """
        with self._lock:
            self._idle, self._frames = idle, frames

    def _subscribe(self) -> None:
        from p4p.client.thread import Context
        from p4p.util import ThreadedWorkQueue

        self._searched = time.monotonic()
        # One thread, so that frames are taken in the order in which they came.
        work = ThreadedWorkQueue(maxsize=0, workers=1)
        work.start()
        # Raw structures: the unwrapped ones lose the codec.
        context = Context("pva", nt=False)
        # No flow control (``pipeline=true``): servers on pvDatabase, areaDetector's plugin among them, then send each
        # frame hundreds of times. What the queue cannot hold is seen by the frames' numbers.
        request = f"record[queueSize={self._queue}]"
        subscription = context.monitor(self._channel, self._come, request=request, notify_disconnect=True, queue=work)
        self._close = [subscription.close, work.stop, context.close]

    def stop(self) -> None:
        """Unsubscribe and end the run that goes on."""
        self._stopping = True
        with self._ring.news:
            self._ring.news.notify_all()
        for close in self._close:
            close()
        with self._lock:
            self._end("abort")

    def check_connection(self) -> None:
        """Search anew for a channel that was lost."""
        if not self._connected and self._last is not None and time.monotonic() - self._searched > _SEARCH_SECONDS:
            for close in self._close:
                close()
            self._subscribe()

    def check_idle(self) -> None:
        """End the run if no frame has come for long."""
        with self._lock:
            run = self._run
            if run is not None and self._connected and time.monotonic() - run.touched > self._idle:
                self._end()

    def _come(self, value: Any) -> None:
        try:
            self._turn(value)
        except Exception as error:  # noqa: BLE001  (an exception that gets out would silently end the subscription)
            with self._lock:
                self.sorter.counts.reject(f"A frame could not be taken in ({type(error).__name__}: {error}).")

    def _turn(self, value: Any) -> None:
        if isinstance(value, Exception):
            self._connected, self._first = False, True
            self.detail = f"The channel {self._channel} is not connected: is its server running?"
            return
        self._connected = True
        self.detail = self.sorter.remark
        try:
            image = read_image(value)
        except ImageError as error:
            with self._lock:
                self.sorter.counts.reject(str(error))
            return
        if image is None:
            # A channel without a frame yet: the first that comes is new.
            self._first = False
        else:
            self.take(image)

    def take(self, image: Image) -> None:
        """Take in one frame; waits while the ring is full."""
        first, self._first = self._first, False
        if first and self._is_old(image):
            return
        if image.pixels.nbytes > self._largest:
            with self._lock:
                self.sorter.counts.reject(
                    f"Frame {image.number} has {image.pixels.nbytes} bytes, but the ring holds {self._largest}. "
                    "Start the ingest with more memory."
                )
            return
        self._last, self._last_time = image.number, image.time
        with self._lock:
            before = self._run
            placed = self.sorter.place(image)
            if placed is None:
                return
            run, index = placed
            if run is not before:
                if before is not None:
                    self._ring.end(before.run, "fail" if self._unsure else "success")
                self._ring.begin(run.run)
                self._run = run
            self._unsure = False
        # Frames without numbers of their own are kept by those that they were given.
        self._append(run, index, replace(image, number=run.base + index))
        with self._lock:
            if self._frames and run.expected - run.base >= self._frames:
                self._end()

    def _is_old(self, image: Image) -> bool:
        """Say whether what a channel shows when one connects was taken before, or by nobody and long ago."""
        if self._last is None:
            return image.timed and image.time < time.time() - _STALE_SECONDS
        if image.timed and math.isfinite(self._last_time):
            return image.time <= self._last_time
        return image.number == self._last

    def _append(self, run: Acquisition, index: int, image: Image) -> None:
        while not self._ring.append(run.run, index, image):
            self.detail = (
                "The ring is full: no frame is taken until results are stored. Meanwhile the detector's may be lost."
            )
            with self._ring.news:
                self._ring.news.wait(_WAIT_SECONDS)
            run.touched = time.monotonic()
            if self._stopping:
                self.sorter.counts.missed += 1
                return
        self.detail = self.sorter.remark

    def _go_on(self, left: Left) -> None:
        run = Acquisition(left.run, left.base, max(left.numbers) + 1, left.shape, np.dtype(left.dtype))
        run.newest = left.newest
        self.sorter.go_on(run, left.numbers)
        self._run, self._unsure = run, True

    def _end(self, status: str = "success") -> None:
        if self._run is not None:
            self._ring.end(self._run.run, "fail" if self._unsure else status)
            self._run, self._unsure = None, False
            self.sorter.end()
