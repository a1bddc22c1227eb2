"""Pixels above a threshold: all that is looked at of a frame.

Of a frame that is nearly empty only these are touched one by one; the others cost one comparison each. A frame with too
many of them holds no single spots: it is called crowded, left out, and counted.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.core.pixels import Bad, invalid, top_of

Numbers: TypeAlias = NDArray[np.int64]

# More counts has no pixel of a counting detector (20 bits), and sums of their moments stay exact in 64 bits.
MOST_COUNTS = 1 << 20
MOST_PIXELS = 1 << 18
_INT64 = 1 << 62
_WORD, _LAYERS = 8, 32
# For a frame's own level so many of its pixels are enough.
_LOOKED_AT = 1 << 16


@dataclass(frozen=True)
class Cut:
    """What is a bright pixel.

    Attributes:
        threshold: Counts above the background; a pixel must have more.
        dark: Counts of each pixel without beam, shape ``(rows, columns)``; nothing if there is none.
        level: Whether the median of each frame is taken off besides.
        region: First and last row, first and last column that are looked at, the last ones excluded.
    """

    threshold: float
    dark: Numbers | None = None
    level: bool = False
    region: tuple[tuple[int, int], tuple[int, int]] | None = None


@dataclass(frozen=True, eq=False)
class Lit:
    """The bright pixels of a block of frames, in the order of frame, row and column.

    Attributes:
        frame: Index in the block, shape ``(pixels,)``.
        row: Of each.
        column: Of each.
        count: Counts above the background, whole numbers from 1.
        crowded: Whether a frame had too many, shape ``(frames,)``; it has none here then.
        masked: Share of each frame's pixels that are no counts.
        shape: Rows and columns of a frame.
    """

    frame: Numbers
    row: Numbers
    column: Numbers
    count: Numbers
    crowded: NDArray[np.bool_]
    masked: Floats
    shape: tuple[int, int]


def most_pixels(shape: tuple[int, int]) -> int:
    """Say how many bright pixels a frame of a shape may have: more would not be summed exactly."""
    return max(min(MOST_PIXELS, _INT64 // (MOST_COUNTS * max(*shape, 1) ** 2)), 1)


def lit_of(frames: NDArray[Any], bad: Bad, cut: Cut) -> Lit:
    """Find the bright pixels.

    Args:
        frames: Counts, shape ``(frames, rows, columns)``.
        bad: Which of them are no counts, beside their markers.
        cut: What is bright.

    Raises:
        ValueError: If the dark has another shape than the frames.
    """
    shape = (int(frames.shape[1]), int(frames.shape[2]))
    if cut.dark is not None and cut.dark.shape != shape:
        message = (
            f"the dark has shape {cut.dark.shape}, but the frames have shape {shape}. Give one of the same detector"
        )
        raise ValueError(message)
    most = most_pixels(shape)
    crowded, masked = np.zeros(len(frames), bool), np.zeros(len(frames))
    places: list[Numbers] = []
    counts: list[Numbers] = []
    for number, frame in enumerate(frames):
        at, count, wrong = _of_frame(frame, bad, cut, most)
        crowded[number] = len(at) > most
        masked[number] = wrong / max(frame.size, 1)
        places.append(at[: 0 if crowded[number] else len(at)])
        counts.append(count[: len(places[-1])])
    number = np.repeat(np.arange(len(frames)), [len(one) for one in places])
    row, column = np.divmod(np.concatenate(places), max(shape[1], 1))
    return Lit(number, row, column, np.concatenate(counts), crowded, masked, shape)


def _of_frame(frame: NDArray[Any], bad: Bad, cut: Cut, most: int) -> tuple[Numbers, Numbers, int]:
    """Find the bright pixels of one frame.

    Returns:
        Their places in the flattened frame, their counts above the background, and how many pixels are no counts. Of a
        crowded frame one more place than is allowed, and no counts.
    """
    flat = np.ascontiguousarray(frame).reshape(-1)
    # In unsigned pixels what is no count is above the threshold, and told below, where there are few of them.
    none = bad.mask if flat.dtype.kind == "u" else invalid(frame, bad)
    mask = None if none is None else none.reshape(-1)
    floor = _level(flat, mask, cut.dark) if cut.level else 0.0
    bright = _above(flat, cut, floor)
    at = _true_places(bright)
    wrong = 0 if mask is None else int(np.count_nonzero(mask))
    if len(at) > most:
        # Those of the gaps of a large detector, and what lies beside the region, crowd no frame.
        counts = _counted(flat, bad)
        none = bright & ~counts if mask is None else bright & ~counts & ~mask
        wrong += int(np.count_nonzero(none))
        bright &= counts if mask is None else counts & ~mask
        if cut.region is not None:
            bright &= _inside(cut.region, frame.shape).reshape(-1)
        if np.count_nonzero(bright) > most:
            return at[: most + 1], at[:0], wrong
        at = _true_places(bright)
    value = flat[at]
    counted = _counted(value, bad)
    if mask is not None:
        masked = mask[at]
        wrong += int(np.count_nonzero(~counted & ~masked))
        counted &= ~masked
    else:
        wrong += int(np.count_nonzero(~counted))
    at, value = at[counted], value[counted]
    if cut.region is not None:
        (top, bottom), (left, right) = cut.region
        row, column = np.divmod(at, frame.shape[1])
        inside = (row >= top) & (row < bottom) & (column >= left) & (column < right)
        at, value = at[inside], value[inside]
    under = floor if cut.dark is None else cut.dark.reshape(-1)[at] + floor
    # Where the background is no whole number, what is left of a count may round to nothing.
    return at, np.maximum(np.rint(value - under), 1).astype(np.int64), wrong


def _inside(region: tuple[tuple[int, int], tuple[int, int]], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Say which pixels of a frame are in a region, of the frame's shape."""
    inside = np.zeros(shape, bool)
    (top, bottom), (left, right) = region
    inside[top:bottom, left:right] = True
    return inside


def _above(flat: NDArray[Any], cut: Cut, floor: float) -> NDArray[np.bool_]:
    """Say where a frame exceeds the threshold."""
    wanted = cut.threshold + floor
    if cut.dark is not None:
        limit: Any = cut.dark.reshape(-1) + wanted
        if flat.dtype.kind in "ui":
            # A comparison of two narrow types is several times as fast as one with floats.
            kind = np.iinfo(flat.dtype)
            limit = np.clip(np.floor(limit), kind.min, kind.max).astype(flat.dtype)
    elif flat.dtype.kind in "ui":
        kind = np.iinfo(flat.dtype)
        limit = flat.dtype.type(int(np.clip(np.floor(wanted), kind.min, kind.max)))
    else:
        limit = wanted
    return flat > limit


def _true_places(lit: NDArray[np.bool_]) -> Numbers:
    """Find what is true of a long array in which little is: eight at a time, and many eights in one look."""
    if lit.size % (_WORD * _LAYERS):
        return np.flatnonzero(lit)
    layers = lit.view(np.uint64).reshape(_LAYERS, -1)
    somewhere = np.flatnonzero(np.bitwise_or.reduce(layers, axis=0))
    layer, place = np.nonzero(layers[:, somewhere])
    words = layer * layers.shape[1] + somewhere[place]
    word, inside = np.nonzero(lit.reshape(-1, _WORD)[words])
    return words[word] * _WORD + inside


def _level(flat: NDArray[Any], mask: NDArray[np.bool_] | None, dark: Numbers | None) -> float:
    """Take the median of what a frame has above the dark, of pixels spread over it."""
    step = max(flat.size // _LOOKED_AT, 1)
    some = flat[::step] if dark is None else flat[::step] - dark.reshape(-1)[::step]
    if mask is not None:
        some = some[~mask[::step]]
    if flat.dtype.kind == "f":
        some = some[np.isfinite(some)]
    return float(np.median(some)) if some.size else 0.0


def _counted(value: NDArray[Any], bad: Bad) -> NDArray[np.bool_]:
    """Say which of some values above a threshold are counts, and no markers."""
    top: float = MOST_COUNTS
    if value.dtype.kind == "u":
        known = top_of(value.dtype, bad.saturated)
        top = min(top, known if known is not None else top)
        return value <= top
    return (value <= top) & (value < bad.saturated)
