"""Which pixels of a frame are no counts: gaps, dead, masked and saturated pixels.

Detectors write a marker where they have no count. These are known here:

* In unsigned pixels of 16 bits and more the largest number, in those of 32 bits and more the one below too (Eiger:
  gaps, dead and overflowing pixels; a saturated pixel of any camera).
* In signed pixels -1 and -2 (Pilatus: gaps and dead pixels), in a frame that has nothing below them: one that does was
  corrected for its background, and -1 is a count there.
* In floats whatever is no finite number.

What else is no count a file's own mask says, or a person's, or the number of counts from which a detector is saturated.
"""

import zlib
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Bools: TypeAlias = NDArray[np.bool_]

_MARKING_BYTES, _DOUBLY_MARKING_BYTES = 2, 4
_LOWEST_MARKER = -2


@dataclass(frozen=True)
class MaskBits:
    """A mask that travels with its blocks.

    Attributes:
        shape: Rows and columns.
        packed: Its bits, True for bad pixels, packed and compressed.
    """

    shape: tuple[int, int]
    packed: bytes

    @classmethod
    def of(cls, bad: NDArray[Any]) -> "MaskBits":
        """Pack an array of shape ``(rows, columns)``; what is not zero is bad.

        Raises:
            ValueError: If it has another number of dimensions.
        """
        if bad.ndim != 2:
            message = f"A mask has shape (rows, columns), not {bad.shape}."
            raise ValueError(message)
        return cls((int(bad.shape[0]), int(bad.shape[1])), zlib.compress(np.packbits(bad != 0).tobytes()))

    def bad(self) -> Bools:
        """Unpack it: True for bad pixels."""
        size = self.shape[0] * self.shape[1]
        bits = np.unpackbits(np.frombuffer(zlib.decompress(self.packed), np.uint8), count=size)
        return bits.astype(bool).reshape(self.shape)


@dataclass(frozen=True)
class MaskFile:
    """A mask in a file: NumPy's, an image, or a dataset of an HDF5 file. What is not zero is bad.

    Attributes:
        path: The file, on a filesystem that the worker sees.
        dataset: In an HDF5 file; empty for others.
    """

    path: str
    dataset: str = ""


Mask: TypeAlias = MaskBits | MaskFile


@dataclass(frozen=True)
class Pixels:
    """What is known of a detector's pixels beside what its files say.

    Attributes:
        masks: Bad pixels; a pixel that is bad in one of them is bad.
        saturated: Counts from which on a pixel is saturated.
    """

    masks: tuple[Mask, ...] = ()
    saturated: float = float("inf")


COUNTS_ONLY = Pixels()


@dataclass(frozen=True, eq=False)
class Bad:
    """What is known of a frame's pixels, at hand.

    Attributes:
        mask: True for bad pixels, shape ``(rows, columns)``; ``None`` if there is no mask.
        saturated: Counts from which on a pixel is saturated.
    """

    mask: Bools | None = None
    saturated: float = float("inf")

    def __post_init__(self) -> None:
        """Forget a mask that masks nothing."""
        if self.mask is not None and not self.mask.any():
            object.__setattr__(self, "mask", None)


NOTHING_BAD = Bad()


def top_of(dtype: "np.dtype[Any]", saturated: float = float("inf")) -> int | None:
    """Return the largest number that is a count in unsigned pixels of a type; nothing if each is."""
    kind = np.iinfo(dtype)
    top = int(kind.max)
    if dtype.itemsize >= _DOUBLY_MARKING_BYTES:
        top -= 2
    elif dtype.itemsize >= _MARKING_BYTES:
        top -= 1
    if saturated <= top:
        # The largest whole number below it.
        top = max(int(np.ceil(saturated)) - 1, -1)
    return None if top == int(kind.max) else top


def invalid(frames: NDArray[Any], bad: Bad = NOTHING_BAD) -> Bools | None:
    """Say which pixels are no counts.

    Args:
        frames: Of shape ``(..., rows, columns)``.
        bad: What is known of them beside their markers.

    Returns:
        True for each that is none, in the shape of the frames; nothing if there is none such.
    """
    found = _marked(frames, bad.saturated)
    if bad.mask is not None:
        found = np.broadcast_to(bad.mask, frames.shape) if found is None else found | bad.mask
    return found


def _marked(frames: NDArray[Any], saturated: float) -> Bools | None:
    kind = frames.dtype.kind
    if not frames.size or kind == "b":
        return None
    if kind == "u":
        top = top_of(frames.dtype, saturated)
        return None if top is None or int(frames.max()) <= top else frames > top
    if kind == "f":
        found = ~np.isfinite(frames) | (frames >= saturated)
        return found if found.any() else None
    if kind != "i":
        return None
    found = frames >= saturated if np.isfinite(saturated) else np.zeros(frames.shape, bool)
    lowest = frames.min(axis=(-2, -1), keepdims=True)
    marking = (lowest < 0) & (lowest >= _LOWEST_MARKER)
    if marking.any():
        found |= (frames < 0) & marking
    return found if found.any() else None


def cleaned(frames: NDArray[Any], bad: Bad = NOTHING_BAD) -> NDArray[Any]:
    """Return frames of which only counts are left.

    Returns:
        The frames themselves if each pixel is a count; else a masked array (:mod:`numpy.ma`), whose masked pixels hold
        zeros for whoever does not look at the mask.
    """
    found = invalid(frames, bad)
    if found is None:
        return frames
    return np.ma.MaskedArray(np.where(found, frames.dtype.type(0), frames), found)
