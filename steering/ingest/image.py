"""One frame, as an NTNDArray carries it."""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.readers.codecs import CodecError, decode
from steering.readers.epochs import unix_seconds

# Order of the scalar types in EPICS' pvData; a compressed frame names its own by this number.
_SCALAR_TYPES = ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8")
_IMAGE_DIMENSIONS = 2
_LARGEST_BYTES = 1 << 30


class ImageError(ValueError):
    """A frame that cannot be used. The message is one sentence."""


@dataclass(frozen=True)
class Image:
    """A frame.

    Attributes:
        pixels: Array of shape ``(rows, columns)``.
        number: The detector's number of it (``uniqueId``).
        time: Unix time in seconds of the end of its exposure; that of its arrival if the frame has none.
        timed: Whether the detector gave it that time.
        columns: Its scalar attributes: positions, counters.
    """

    pixels: NDArray[Any]
    number: int
    time: float
    timed: bool = True
    columns: dict[str, float] = field(default_factory=dict[str, float])


def read_image(value: Any) -> Image | None:
    """Read the structure of an NTNDArray; ``None`` if it holds no frame yet.

    Raises:
        ImageError: If it is malformed.
    """
    try:
        data = value["value"]
        dimensions = [int(entry["size"]) for entry in value["dimension"]]
        if data is None or not dimensions:
            return None
        name = str(value["codec.name"])
        number = int(value["uniqueId"])
        shape = tuple(reversed(dimensions))
        content = np.asarray(data)
        dtype = _original(value["codec.parameters"]) if name else content.dtype
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"A structure is no NTNDArray ({type(error).__name__}: {error})."
        raise ImageError(message) from error
    grey = tuple(size for size in shape if size != 1) if len(shape) > _IMAGE_DIMENSIONS else shape
    if len(grey) != _IMAGE_DIMENSIONS or min(grey) < 1 or dtype.kind not in "biuf":
        message = f"Frame {number} has shape {shape} and type {dtype}; allowed are numbers in (rows, columns)."
        raise ImageError(message)
    if grey[0] * grey[1] * dtype.itemsize > _LARGEST_BYTES:
        message = f"Frame {number} claims to be {grey[0]} x {grey[1]} pixels; frames up to 1 GiB are allowed."
        raise ImageError(message)
    try:
        pixels = decode(name, content.view(np.uint8), grey, dtype)
    except CodecError as error:
        message = f"Frame {number} cannot be read: {error}."
        raise ImageError(message) from error
    stamp = _time(value)
    return Image(pixels, number, stamp or time.time(), stamp is not None, dict(_scalars(value["attribute"])))


def _original(parameters: Any) -> np.dtype[Any]:
    number = int(parameters if parameters is not None else -1)
    if not 0 <= number < len(_SCALAR_TYPES):
        message = f"codec.parameters is {parameters!r:.40}, not the number of a scalar type"
        raise ValueError(message)
    return np.dtype(_SCALAR_TYPES[number])


def _time(value: Any) -> float | None:
    for name in ("dataTimeStamp", "timeStamp"):
        written = float(value[f"{name}.secondsPastEpoch"]) + 1e-9 * float(value[f"{name}.nanoseconds"])
        found = float(unix_seconds(written))
        if not math.isnan(found):
            return found
    return None


def _scalars(attributes: Iterable[Any]) -> Iterable[tuple[str, float]]:
    for entry in attributes:
        held: Any = entry["value"]
        # Some servers wrap each attribute in a structure of its own.
        held = held["value"] if hasattr(held, "todict") and "value" in held else held
        if isinstance(held, int | float):
            yield str(entry["name"]), float(held)
