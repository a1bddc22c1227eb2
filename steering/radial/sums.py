"""What is added up in the rings: counts and shares of the pixels that were none, in whole numbers.

Frames are a set: those that come twice count once, and blocks may come in any order. A stretch of frames is added up
as soon as its neighbours are there, so a state is as large after a million frames as after one.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats

# Parts of a count, of pixels that are no whole numbers, are kept in units of one over this.
PARTS = 1 << 30
# A monitor is a whole number of 2**-120 of its unit: of the smallest current too there is nothing left to round.
_MONITOR_BITS = 120
# The largest number, which some devices write for none, has no room beside these bits.
_MOST_MONITOR = 2.0**800
MONITOR = 1 << _MONITOR_BITS


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums over frames that follow one another.

    Attributes:
        counts: Whole counts of each ring, shape ``(rings,)``.
        parts: What is left of them, in units of 1 / ``PARTS``.
        lost: Shares of pixels that were no counts, summed over the frames, in units of 1 / ``SCALE``.
        frames: How many frames were added.
        skipped: How many were not, as their monitor said nothing.
        missing: Pixels of rings that were no counts, summed over the frames.
        monitor: Sum of the monitor, in units of 1 / ``MONITOR``; ``None`` if there is none.
        monitored: Lost shares times the monitor, in units of 1 / (``SCALE`` ``MONITOR``), whole numbers of any size.
    """

    counts: NDArray[np.int64]
    parts: NDArray[np.int64]
    lost: NDArray[np.int64]
    frames: int
    skipped: int
    missing: int
    monitor: int | None = None
    monitored: NDArray[np.object_] | None = None

    def __add__(self, other: "Sums") -> "Sums":
        """Sums over both."""
        counts, parts = self.counts + other.counts, self.parts + other.parts
        monitor = monitored = None
        if self.monitor is not None and other.monitor is not None:
            monitor = self.monitor + other.monitor
        if self.monitored is not None and other.monitored is not None:
            monitored = self.monitored + other.monitored
        return Sums(
            counts + parts // PARTS,
            parts % PARTS,
            self.lost + other.lost,
            self.frames + other.frames,
            self.skipped + other.skipped,
            self.missing + other.missing,
            monitor,
            monitored,
        )


def parted(sums: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cut numbers into whole ones and what is left, in units of 1 / ``PARTS``, which is rounded."""
    whole = np.floor(sums)
    return whole.astype(np.int64), np.rint((sums - whole) * PARTS).astype(np.int64)


def usable(monitor: Floats) -> NDArray[np.bool_]:
    """Say which values of a monitor say something: those above 0, without what devices write for none."""
    with np.errstate(invalid="ignore"):
        return (monitor > 0) & (monitor < _MOST_MONITOR)


def exact(monitor: Floats) -> list[int]:
    """Write values of a monitor as whole numbers, in units of 1 / ``MONITOR``."""
    return [int(math.ldexp(value, _MONITOR_BITS)) for value in monitor.tolist()]


@dataclass(frozen=True, eq=False)
class Stretch:
    """Frames that follow one another.

    Attributes:
        start: Index of the first.
        stop: Index after the last.
        sums: Of all.
        newest: Of the last one that was added; ``None`` if none was.
    """

    start: int
    stop: int
    sums: Sums
    newest: Sums | None

    def joined(self, after: "Stretch") -> "Stretch":
        """Add the one that goes on where this one ends."""
        return Stretch(self.start, after.stop, self.sums + after.sums, after.newest or self.newest)


@dataclass(frozen=True, eq=False)
class Stretches:
    """Stretches in the order of their frames; none lies inside another, and none goes on in another."""

    all: tuple[Stretch, ...] = ()

    def united(self, others: Iterable[Stretch]) -> "Stretches":
        """Add stretches: frames that are here already count once."""
        held = _without_inner([*self.all, *others])
        found: list[Stretch] = []
        begins = {one.start: one for one in held}
        used: set[int] = set()
        for one in held:
            if one.start in used:
                continue
            whole = one
            while whole.stop in begins:
                used.add(whole.stop)
                whole = whole.joined(begins[whole.stop])
            found.append(whole)
        return Stretches(tuple(_without_inner(found)))

    def whole(self) -> Stretch | None:
        """Add all up. Of stretches that overlap in part, as blocks do that were cut anew, the first one counts."""
        found: Stretch | None = None
        for one in self.all:
            if found is None:
                found = one
            elif one.start >= found.stop:
                found = found.joined(one)
        return found


def _without_inner(stretches: Sequence[Stretch]) -> list[Stretch]:
    found: list[Stretch] = []
    for one in sorted(stretches, key=lambda one: (one.start, -one.stop)):
        if not found or one.stop > found[-1].stop:
            found.append(one)
    return found
