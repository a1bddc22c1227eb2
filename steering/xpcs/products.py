"""Counts in the order of static bins, and sums of products of frames with those after them: whole numbers, so exact.

Where most pixels hold photons, matrix products of tiles are fastest; where few do, the photons are taken one by one.
Both give the same whole numbers.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from steering.photons.frames import EventFrames

Counts: TypeAlias = NDArray[np.int64]
Frames: TypeAlias = NDArray[np.unsignedinteger[Any]]

# Lags of a level, in its frames.
LAGS = 8
_TILE = 32
# Below this share of pixels with photons these are taken one by one.
SPARSE = 0.01
_FLOAT32, _FLOAT64, _INT64 = float(1 << 24), float(1 << 53), float(1 << 62)


def narrow(frames: NDArray[Any]) -> Frames:
    """Keep whole numbers in as few bytes as they need."""
    return frames.astype(_kind(int(frames.max()) if frames.size else 0), copy=True)


def added(even: Frames, odd: Frames) -> Frames:
    """Add neighbouring frames, in as few bytes as hold the sums."""
    largest = sum(int(some.max()) if some.size else 0 for some in (even, odd))
    return np.add(even, odd, dtype=_kind(largest))


def _kind(largest: int) -> type[np.unsignedinteger[Any]]:
    kinds = (np.uint8, np.uint16, np.uint32, np.uint64)
    return next(kind for kind in kinds if largest <= np.iinfo(kind).max)


@dataclass(frozen=True, eq=False)
class Dense:
    """Frames as they are.

    Attributes:
        frames: Counts, shape ``(frames, static, width)``.
        light: Counts of each frame by static bin, shape ``(frames, static)``.
    """

    frames: Frames
    light: Counts

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.frames)

    @classmethod
    def of(cls, frames: Frames) -> "Dense":
        """Sum the frames up."""
        return cls(frames, frames.sum(axis=2, dtype=np.int64))

    def total(self) -> Counts:
        """Counts by static bin, shape ``(static,)``."""
        return self.light.sum(axis=0)

    def sums(self, begin: int, end: int) -> Counts:
        """Counts of some of the frames by static bin, shape ``(frames, static)``."""
        return self.light[begin:end].copy()

    def each(self) -> Counts:
        """Counts of each frame, shape ``(frames,)``."""
        return self.light.sum(axis=1)

    def products(self) -> Counts:
        """Sums of products by lag and static bin: see :func:`lagged`."""
        return lagged(self.frames)

    def part(self, begin: int, end: int) -> Frames:
        """Some of the frames, in memory of their own."""
        return narrow(self.frames[begin:end])

    def __getitem__(self, which: slice) -> "Dense":
        """Some of the frames."""
        return Dense(self.frames[which], self.light[which])

    def coarser(self, odd: int) -> "Dense":
        """Add two and two, from the first or from the second on."""
        some, light = self.frames[odd:], self.light[odd:]
        half = len(some) // 2 * 2
        return Dense(added(some[:half:2], some[1::2]), light[:half:2] + light[1::2])


@dataclass(frozen=True, eq=False)
class Photons:
    """Frames in which few pixels have counts: those pixels, in the order of pixel and frame.

    Attributes:
        frame: Of each, from 0; with its pixel in 32 bits, as there are many.
        pixel: Place in the order of the static bins.
        count: Counts.
        shape: Frames, static bins and their width.
    """

    frame: NDArray[np.int32]
    pixel: NDArray[np.int32]
    count: Counts
    shape: tuple[int, int, int]

    @classmethod
    def of(cls, events: EventFrames) -> "Photons":
        """Bring events into the order of pixel and frame; their pixels are places in that of static bins."""
        order = np.argsort(events.pixel, kind="stable")
        frame = np.repeat(np.arange(len(events), dtype=np.int32), np.diff(events.begins))[order]
        pixel, count = events.pixel[order], events.count[order].astype(np.int64)
        begins = np.flatnonzero(np.diff(pixel, prepend=-1) | np.diff(frame, prepend=-1))
        if len(begins) < len(pixel):
            # A pixel may have several events in one frame: these are its counts, and no pairs.
            frame, pixel, count = frame[begins], pixel[begins], np.add.reduceat(count, begins)
        return cls(frame, pixel, count, events.shape)

    def __len__(self) -> int:
        """Count the frames."""
        return self.shape[0]

    def total(self) -> Counts:
        """Counts by static bin, shape ``(static,)``."""
        _, static, width = self.shape
        found = np.zeros(static, np.int64)
        np.add.at(found, self.pixel // width, self.count)
        return found

    def sums(self, begin: int, end: int) -> Counts:
        """Counts of some of the frames by static bin, shape ``(frames, static)``."""
        some = self.cut(begin, end)
        count, static, width = some.shape
        found = np.zeros((count, static), np.int64)
        np.add.at(found, (some.frame, some.pixel // width), some.count)
        return found

    def products(self) -> Counts:
        """Look at each pixel that has photons, and at the next frames in which it has some."""
        count, static, width = self.shape
        found = np.zeros(LAGS * static, np.int64)
        # Pixels lie so far apart that no lag reaches from one to the next.
        place, bins = self.pixel.astype(np.int64) * (count + LAGS) + self.frame, self.pixel // width
        near = np.arange(len(place) - 1)
        for ahead in range(1, LAGS + 1):
            near = near[near + ahead < len(place)]
            apart = place[near + ahead] - place[near]
            # Whose next photon is too late has no later ones in time either.
            near, apart = near[apart <= LAGS], apart[apart <= LAGS]
            if not len(near):
                break
            np.add.at(found, (apart - 1) * static + bins[near], self.count[near] * self.count[near + ahead])
        return found.reshape(LAGS, static)

    def part(self, begin: int, end: int) -> Frames:
        """Some of the frames, with all their pixels."""
        some = self.cut(begin, end)
        largest = int(some.count.max()) if len(some.count) else 0
        found = np.zeros((len(some), self.shape[1] * self.shape[2]), _kind(largest))
        found[some.frame, some.pixel] = some.count
        return found.reshape(some.shape)

    def cut(self, begin: int, end: int) -> "Photons":
        """Some of the frames."""
        begin, end, _ = slice(begin, end).indices(len(self))
        if begin == 0 and end == len(self):
            return self
        keep = (self.frame >= begin) & (self.frame < end)
        shape = (max(end - begin, 0), *self.shape[1:])
        return Photons(self.frame[keep] - begin, self.pixel[keep], self.count[keep], shape)

    def coarser(self, odd: int) -> "Photons":
        """Add two and two, from the first or from the second on."""
        half = max(len(self) - odd, 0) // 2
        frame = (self.frame - odd) >> 1
        keep = (frame >= 0) & (frame < half)
        frame, pixel, count = frame[keep], self.pixel[keep], self.count[keep]
        begins = np.flatnonzero(np.diff(pixel, prepend=-1) | np.diff(frame, prepend=-1))
        sums = np.add.reduceat(count, begins) if len(begins) else count
        return Photons(frame[begins], pixel[begins], sums, (half, *self.shape[1:]))


Stack: TypeAlias = Dense | Photons


def lagged(frames: Frames) -> Counts:
    """Sum the products of each frame with the one to eight after it.

    Args:
        frames: Counts, shape ``(frames, static, width)``.

    Returns:
        By lag from 1 and static bin, shape ``(8, static)``.

    Raises:
        ValueError: If the sums do not fit into 64 bits.
    """
    count, static, width = frames.shape
    found = np.zeros((LAGS, static), np.int64)
    if count < 2:
        return found
    largest = float(frames.max())
    if not largest:
        return found
    product = largest * largest * width
    if product * count >= _INT64:
        message = f"sums of {largest:g} counts a pixel are too large to be exact. Count fewer frames in a burst"
        raise ValueError(message)
    if product * _TILE >= _FLOAT64:
        for lag in range(1, min(LAGS, count - 1) + 1):
            for one, other in zip(frames[:-lag], frames[lag:], strict=True):
                found[lag - 1] += (one.astype(np.int64) * other).sum(axis=1)
        return found
    return _of_tiles(frames, found, np.dtype(np.float32 if product < _FLOAT32 else np.float64))


def _of_tiles(frames: Frames, found: Counts, kind: "np.dtype[Any]") -> Counts:
    """Multiply tiles of frames with those after them; the lags are the diagonals."""
    count, static, width = frames.shape
    room = np.zeros((_TILE + LAGS, static, width), kind)
    products = np.empty((static, _TILE, _TILE + LAGS - 1), kind)
    by_bin, by_row, by_column = products.strides
    lags = as_strided(products, (static, _TILE, LAGS), (by_bin, by_row + by_column, by_column))
    for begin in range(0, count, _TILE):
        some = frames[begin : begin + _TILE + LAGS]
        room[: len(some)] = some
        room[len(some) :] = 0
        by_static = room.transpose(1, 0, 2)
        np.matmul(by_static[:, :_TILE], by_static[:, 1:].transpose(0, 2, 1), out=products)
        found += lags.sum(axis=1, dtype=np.float64).T.astype(np.int64)
    return found


def across(before: Frames, after: Frames) -> Counts:
    """Sum the products of frames with those after a seam, by lag from 1 and static bin, shape ``(8, static)``.

    Args:
        before: The last frames before the seam, eight at most, shape ``(frames, static, width)``.
        after: The first ones after it.

    Raises:
        ValueError: If the sums do not fit into 64 bits.
    """
    found = np.zeros((LAGS, before.shape[1]), np.int64)
    if not len(before) or not len(after):
        return found
    most = before.max(axis=0), after.max(axis=0)
    largest = float(most[0].max()) * float(most[1].max()) * before.shape[2]
    if largest >= _FLOAT64:
        return lagged(np.concatenate([before, after])) - lagged(before) - lagged(after)
    both = np.nonzero((most[0] > 0) & (most[1] > 0))
    if len(both[0]) < SPARSE * most[0].size:
        # Of few photons most pixels have none on one side of the seam.
        left, right = (some[:, both[0], both[1]].astype(np.int64) for some in (before, after))
        products = np.zeros((before.shape[1], len(before), len(after)), np.int64)
        np.add.at(products, both[0], np.einsum("ap,bp->pab", left, right))
    else:
        kind = np.float32 if largest < _FLOAT32 else np.float64
        dense = [some.astype(kind).transpose(1, 0, 2) for some in (before, after)]
        products = np.matmul(dense[0], dense[1].transpose(0, 2, 1)).astype(np.int64)
    for row in range(len(before)):
        for column in range(min(len(after), LAGS - (len(before) - 1 - row))):
            found[len(before) - 1 - row + column] += products[:, row, column]
    return found
