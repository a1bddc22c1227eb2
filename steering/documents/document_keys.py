"""What the data keys of a descriptor, and the values of an event, say."""

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

IMAGE_DIMENSIONS = 2


def image_shape(told: Mapping[str, Any]) -> list[int] | None:
    """Return the shape of an event's frames; nothing for what holds no frames, or is in the event itself."""
    shape = cast("Sequence[Any]", told.get("shape") or ())
    if not told.get("external") or len(shape) < IMAGE_DIMENSIONS:
        return None
    # A length that is not known before the file is open is written as null.
    return [max(int(length), 1) if isinstance(length, int) else 1 for length in shape]


def imaging_devices(descriptor: Mapping[str, Any]) -> list[str]:
    """Name the devices of a stream that have frames, in the order of its data keys; a document that is odd has none."""
    keys, devices = descriptor.get("data_keys"), descriptor.get("object_keys")
    if not isinstance(keys, Mapping) or not isinstance(devices, Mapping):
        return []
    images = [key for key, told in cast("Mapping[str, object]", keys).items() if _has_frames(told)]
    owners = {
        key: str(device)
        for device, its in cast("Mapping[Any, Any]", devices).items()
        if isinstance(its, list | tuple)
        for key in cast("Sequence[Any]", its)
        if isinstance(key, str)
    }
    return list(dict.fromkeys(owners[key] for key in images if key in owners))


def _has_frames(told: object) -> bool:
    try:
        return isinstance(told, Mapping) and image_shape(cast("Mapping[str, Any]", told)) is not None
    except TypeError:
        return False


def bytes_of_frame(shape: Sequence[int], told: Mapping[str, Any]) -> int:
    """Say how large a frame is, in bytes; 0 if its description does not tell."""
    try:
        return math.prod(shape[-IMAGE_DIMENSIONS:]) * np.dtype(told["dtype_numpy"]).itemsize
    except (KeyError, TypeError, ValueError):
        return 0


def numbers_of(value: object) -> NDArray[np.float64] | None:
    """Return a list of numbers, one for each frame of an event; nothing for what is none."""
    if not isinstance(value, list | tuple | np.ndarray):
        return None
    try:
        found = np.asarray(cast("Any", value), dtype=np.float64)
    except (OverflowError, ValueError, TypeError):
        return None
    return found if found.ndim == 1 else None


def number_of(value: object) -> float | None:
    """Return a scalar as a number; nothing for texts, tables and what no float holds."""
    if isinstance(value, list | tuple | np.ndarray):
        values = cast("Sequence[object]", np.ravel(cast("Any", value)).tolist())
        # A waveform of one element, as classic ophyd reads many a PV.
        value = values[0] if len(values) == 1 else None
    if not isinstance(value, Real):
        return None
    try:
        return float(value)
    except (OverflowError, ValueError, TypeError):
        return None
