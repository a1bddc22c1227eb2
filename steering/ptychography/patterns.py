"""The patterns of a run: a set of frames at positions, whatever blocks they came in, in a bounded memory.

A pattern is kept as amplitudes, the square roots of its counts, in half floats: they are rounded by less than photons
are uncertain below four million counts a pixel. A pixel that is no count is NaN. The first pixel is that of the direct
beam, as a Fourier transform has it.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.core.pixels import Bad, invalid

Amplitudes: TypeAlias = NDArray[np.float16]
_LARGEST = float(np.finfo(np.float16).max)
MEGABYTE = 1 << 20
# Bytes of a pixel, here and while a reconstruction works on it.
PIXEL_BYTES = 2


@dataclass(frozen=True)
class Window:
    """The part of a frame that is a pattern.

    Attributes:
        centre: Row and column of the direct beam in pixels; the frame's middle if left out.
        size: Rows and columns of the part around it, in pixels of the frame; all of it if 0.
        binning: So many rows and columns are one.
    """

    centre: tuple[float, float] | None = None
    size: int = 0
    binning: int = 1

    def shape(self, rows: int, columns: int) -> tuple[int, int]:
        """Return rows and columns of a pattern.

        Raises:
            ValueError: If the part reaches beyond frames of so many rows and columns, or nothing is left of it.
        """
        self._corner(rows, columns)
        high, wide = (self.size or whole for whole in (rows, columns))
        if min(high, wide) < 2 * self.binning:
            message = f"frames of {high} x {wide} px in bins of {self.binning} px are no pattern. Take smaller bins."
            raise ValueError(message)
        return high // self.binning, wide // self.binning

    def amplitudes(self, frames: NDArray[Any], bad: Bad) -> Amplitudes:
        """Make patterns.

        Args:
            frames: Counts, shape ``(frames, rows, columns)``.
            bad: Which pixels are no counts, beside those that the detector marked itself.

        Returns:
            Shape ``(frames, *shape)``; the direct beam is the first pixel.

        Raises:
            ValueError: If the part reaches beyond the frames.
        """
        found = np.minimum(np.sqrt(self.counts(frames, bad)), _LARGEST).astype(np.float16)
        return np.ascontiguousarray(np.fft.ifftshift(found, axes=(1, 2)))

    def counts(self, frames: NDArray[Any], bad: Bad) -> Floats:
        """Cut the part out of frames, and sum its bins.

        Args:
            frames: Counts, shape ``(frames, rows, columns)``.
            bad: Which pixels are no counts, beside those that the detector marked itself.

        Returns:
            Shape ``(frames, *shape)``, the direct beam in the middle; NaN where there is no count.

        Raises:
            ValueError: If the part reaches beyond the frames.
        """
        rows, columns = self.shape(*frames.shape[1:])
        top, left = self._corner(*frames.shape[1:])
        part = (slice(None), slice(top, top + rows * self.binning), slice(left, left + columns * self.binning))
        # Whether a number marks a pixel is told by the whole frame.
        wrong = invalid(frames, bad)
        counts = np.maximum(frames[part], 0).astype(np.float64)
        if wrong is not None:
            counts[wrong[part]] = np.nan
        if self.binning > 1:
            counts = counts.reshape(len(frames), rows, self.binning, columns, self.binning).sum(axis=(2, 4))
        return counts

    def _corner(self, rows: int, columns: int) -> tuple[int, int]:
        """Return the first row and column of the part."""
        if self.centre is None and not self.size:
            return 0, 0
        middle = self.centre if self.centre is not None else (rows // 2, columns // 2)
        found: list[int] = []
        for name, at, whole in zip(("row", "column"), middle, (rows, columns), strict=True):
            size = self.size or whole
            first = round(at) - size // 2
            if first < 0 or first + size > whole:
                message = (
                    f"{size} px around {name} {at:g} reach beyond the frame of {rows} x {columns} px. "
                    "Give a smaller size, in px, or another centre."
                )
                raise ValueError(message)
            found.append(first)
        return found[0], found[1]


@dataclass(frozen=True, eq=False)
class Patterns:
    """Frames in the order of their numbers.

    Attributes:
        index: Numbers of the frames, shape ``(frames,)``.
        amplitudes: Shape ``(frames, rows, columns)``.
        positions: Of the beam on the sample, slow axis first, in micrometres, shape ``(frames, 2)``.
    """

    index: NDArray[np.int64]
    amplitudes: Amplitudes
    positions: Floats

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.index)

    def first(self, count: int) -> "Patterns":
        """Return those of the lowest numbers."""
        if count >= len(self):
            return self
        return Patterns(self.index[:count], self.amplitudes[:count], self.positions[:count])

    def lit(self, within: int) -> "Patterns":
        """Leave out those before the first one with counts, if so many have none, as where a shutter opened late."""
        first = next((place for place, one in enumerate(self.amplitudes) if np.nan_to_num(one).any()), 0)
        if first < within:
            return self
        return Patterns(self.index[first:], self.amplitudes[first:], self.positions[first:])

    def only(self, these: NDArray[np.bool_]) -> "Patterns":
        """Return some of them, chosen by an array of the shape ``(frames,)``."""
        if these.all():
            return self
        return Patterns(self.index[these], self.amplitudes[these], self.positions[these])

    def united(self, other: "Patterns", most_bytes: int) -> "Patterns":
        """Unite two sets; a frame in both is taken once, and of too many frames the first ones.

        Args:
            other: Of the same run.
            most_bytes: So much memory the amplitudes may take.

        Raises:
            ValueError: If the patterns have different shapes.
        """
        if not len(self) or not len(other):
            return (self if len(self) else other).bounded(most_bytes)
        if self.amplitudes.shape[1:] != other.amplitudes.shape[1:]:
            shapes = " and ".join("{} x {} px".format(*one.amplitudes.shape[1:]) for one in (self, other))
            message = f"patterns of {shapes} came in one run. One run has one shape of frames."
            raise ValueError(message)
        earlier, later = (self, other) if self.index[0] <= other.index[0] else (other, self)
        index = np.concatenate([earlier.index, later.index])
        amplitudes = np.concatenate([earlier.amplitudes, later.amplitudes])
        positions = np.concatenate([earlier.positions, later.positions])
        if earlier.index[-1] >= later.index[0]:
            index, first = np.unique(index, return_index=True)
            amplitudes, positions = amplitudes[first], positions[first]
        return Patterns(index, amplitudes, positions).bounded(most_bytes)

    def bounded(self, most_bytes: int) -> "Patterns":
        """Return the first frames that fit into so much memory; one at least."""
        if self.amplitudes.nbytes <= most_bytes or not len(self):
            return self
        return self.first(max(most_bytes // self.amplitudes[0].nbytes, 1))


def left_out(held: Patterns, memory: int, apart: int) -> str:
    """Say which frames are in no reconstruction; empty if all are in it.

    Args:
        held: The set.
        memory: That it may take, in megabytes.
        apart: How many of it lie too far from the others.
    """
    said: list[str] = []
    if apart:
        lie, are = ("frame lies", "is") if apart == 1 else ("frames lie", "are")
        said.append(f"{apart} {lie} too far from the others and {are} left out: look at the positions of the stage.")
    if held.amplitudes.nbytes + held.amplitudes[0].nbytes > memory * MEGABYTE:
        said.append(
            f"{memory} MB hold the first {len(held)} frames. Later ones are left out: "
            "give more memory, or a smaller size."
        )
    return " ".join(said)


NOTHING = Patterns(np.empty(0, np.int64), np.empty((0, 0, 0), np.float16), np.empty((0, 2)))
