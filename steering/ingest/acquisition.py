"""Tells runs, gaps, repeats and late frames apart by the numbers that a detector gives its frames."""

import secrets
import time
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.ingest.image import Image

# Numbers of so many missed frames are remembered, for the case that they come after all.
_MISSING_KEPT = 4096
# A frame of another size is malformed; so many in a row are a detector that was set anew.
_STUBBORN = 3
# So many repeats in a row are no accident.
_FLOOD = 20
# A step back of so many numbers is no reordering.
_NEAR = 64


@dataclass
class Counts:
    """What came, over all runs; the names are those of a source's status."""

    frames: int = 0
    missed: int = 0
    rejected: int = 0
    repeated: int = 0
    later: int = 0
    last_rejection: str = ""

    def reject(self, sentence: str) -> None:
        """Count a malformed frame."""
        self.rejected += 1
        self.last_rejection = sentence


@dataclass
class Acquisition:
    """One run as it comes.

    Attributes:
        run: Its uid.
        base: Detector's number of frame 0.
        expected: The number that comes next.
        frames: How many frames came.
        newest: Unix time in seconds of the newest frame.
        constant: The one number that each frame has, if the detector does not number them: they are counted here.
        pixels: The newest frame of a run whose frames have neither numbers nor times.
        touched: Monotonic time in seconds at which the newest frame came.
        missing: Numbers that did not come.
    """

    run: str
    base: int
    expected: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    frames: int = 0
    newest: float = 0.0
    constant: int | None = None
    pixels: NDArray[Any] | None = None
    touched: float = field(default_factory=time.monotonic)
    missing: dict[int, None] = field(default_factory=dict[int, None])


class Sorter:
    """Gives each frame its run and its index in it.

    Attributes:
        current: The run that goes on, if any.
        counts: What came so far.
    """

    def __init__(self, name: str) -> None:
        """Sort the frames of one channel; runs are named after it."""
        self.current: Acquisition | None = None
        self.counts = Counts()
        self._name = name
        self._others = self._repeats = 0

    def place(self, image: Image) -> tuple[Acquisition, int] | None:
        """Say to which run a frame belongs and its index there; nothing if it is left out (and counted).

        A run other than the one before is new: the one before has ended.
        """
        run = self.current
        numbers_now = run is not None and run.constant not in (None, image.number)
        if run is not None and self._is_unnumbered(run, image):
            image = self._numbered(run, image)
        if run is None or numbers_now or self._begins(run, image):
            run = self.current = self._start(image)
        if (image.pixels.shape, image.pixels.dtype) != (run.shape, run.dtype):
            self._reject(run, image)
            return None
        self._others = 0
        if image.number < run.expected:
            if image.number not in run.missing:
                self.counts.repeated += 1
                self._repeats += 1
                return None
            del run.missing[image.number]
            self.counts.missed -= 1
            self.counts.later += 1
        else:
            self._skip(run, image.number)
        run.frames += 1
        self._repeats = 0
        run.newest = max(run.newest, image.time)
        run.touched = time.monotonic()
        self.counts.frames += 1
        return run, image.number - run.base

    @property
    def remark(self) -> str:
        """A sentence on what is odd about the frames; empty if nothing is."""
        if self._repeats > _FLOOD:
            return (
                "The server sends the same frame again and again; each is taken once. Frames may be lost meanwhile: "
                "look at how many are missed, and restart the server."
            )
        run = self.current
        if run is not None and run.constant is not None:
            return (
                f"The detector does not number its frames (uniqueId is always {run.constant}): each that comes is "
                "taken, but one that is lost is not noticed."
            )
        return ""

    def _is_unnumbered(self, run: Acquisition, image: Image) -> bool:
        """Say whether all frames of a run have had the same number, and this one has it too."""
        if run.constant is not None:
            return image.number == run.constant
        return run.frames > 0 and run.base == run.expected - 1 == image.number

    @staticmethod
    def _numbered(run: Acquisition, image: Image) -> Image:
        """Count a frame that has no number of its own; what comes again keeps the number that it had."""
        again = (
            image.time <= run.newest
            if image.timed
            else run.pixels is not None and np.array_equal(image.pixels, run.pixels)
        )
        if not image.timed:
            run.pixels = image.pixels
        if again:
            return replace(image, number=run.expected - 1)
        run.constant = image.number
        return replace(image, number=run.expected)

    def end(self) -> None:
        """End the run that goes on."""
        self.current = None

    def go_on(self, run: Acquisition, numbers: AbstractSet[int]) -> None:
        """Take over a run of which a former process counted these numbers."""
        # From the newest on, and not through a gap of any length.
        before = (number for number in range(run.expected - 1, run.base - 1, -1) if number not in numbers)
        run.missing = dict.fromkeys(sorted(islice(before, _MISSING_KEPT)))
        run.frames = self.counts.frames = len(numbers)
        self.counts.missed = max(run.expected - run.base - len(numbers), 0)
        self.current = run

    def _begins(self, run: Acquisition, image: Image) -> bool:
        """Say whether a number that came before belongs to a new acquisition: then its frame is newer than all others.

        Frames without a time are told apart by a long step back, or a step back to where detectors begin to count.
        """
        back = run.expected - image.number
        newer = image.time > run.newest if image.timed else back > _NEAR or (image.number <= 1 and back > 1)
        again = back > 0 and image.number not in run.missing and newer
        other = (image.pixels.shape, image.pixels.dtype) != (run.shape, run.dtype)
        return again or (other and self._others >= _STUBBORN - 1)

    def _start(self, image: Image) -> Acquisition:
        began = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        name = f"{self._name}-{began}-{secrets.token_hex(4)}"
        self._others = 0
        run = Acquisition(name, image.number, image.number, image.pixels.shape, image.pixels.dtype)
        run.pixels = None if image.timed else image.pixels
        return run

    def _skip(self, run: Acquisition, number: int) -> None:
        gap = number - run.expected
        self.counts.missed += gap
        for lost in range(max(run.expected, number - _MISSING_KEPT), number):
            run.missing[lost] = None
        while len(run.missing) > _MISSING_KEPT:
            del run.missing[next(iter(run.missing))]
        run.expected = number + 1

    def _reject(self, run: Acquisition, image: Image) -> None:
        self._others += 1
        self.counts.reject(
            f"Frame {image.number} has shape {image.pixels.shape} and type {image.pixels.dtype}, but the run's frames "
            f"have shape {run.shape} and type {run.dtype}."
        )
        if image.number >= run.expected:
            self._skip(run, image.number)
        elif run.missing.pop(image.number, 0) is None:
            self.counts.missed -= 1
