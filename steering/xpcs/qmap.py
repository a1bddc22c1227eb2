"""Maps of bins from a file, as programs for XPCS write them before a beamtime: which pixel belongs to which bin."""

import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.core.errors import SteeringError
from steering.readers.paths import local_path

# Where the maps stand: in a result of 8-ID, in a file of the maps alone, and in one of years ago.
_PLACES = (
    ("xpcs/qmap", "static_roi_map", "dynamic_roi_map", "dynamic_v_list_dim0", "dynamic_v_list_dim1"),
    ("qmap", "static_roi_map", "dynamic_roi_map", "dynamic_v_list_dim0", "dynamic_v_list_dim1"),
    ("entry/qmap", "static_roi_map", "dynamic_roi_map", "dynamic_v_list_dim0", "dynamic_v_list_dim1"),
    ("data", "staticMap", "dynamicMap", "dqval", "dphival"),
)


def read_qmap(path: str | Path, shape: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Read maps of bins.

    Args:
        path: HDF5 file with ``static_roi_map``, ``dynamic_roi_map``, ``dynamic_v_list_dim0`` and perhaps ``mask`` in
            ``/qmap`` or ``/xpcs/qmap``, or with ``staticMap``, ``dynamicMap`` and ``dqval`` in ``/data``.
        shape: Rows and columns of a frame; maps of a frame that was turned by a quarter are turned back.

    Returns:
        Static and dynamic bin of each pixel of the flattened frame, from 1, 0 for none; and q of each dynamic bin in
        1/angstrom, NaN where the file does not say it.

    Raises:
        ValueError: If the file cannot be read, or its maps are not of such frames.
    """
    found = local_path(str(path))
    if found is None:
        message = f"the file of the maps of bins {path} is not seen here"
        raise ValueError(message)
    try:
        with h5py.File(found, "r") as file:
            return _read(file, str(path), shape)
    except (OSError, KeyError, TypeError, SteeringError) as error:
        message = f"the maps of bins in {path} cannot be read ({error})"
        raise ValueError(message) from error


def write_qmap(file: Any, static: NDArray[Any], dynamic: NDArray[Any]) -> None:
    """Write maps of bins into ``/xpcs/qmap`` of an open HDF5 file, with the mask that belongs to them."""
    maps: dict[str, NDArray[Any]] = {"static_roi_map": static, "dynamic_roi_map": dynamic, "mask": static > 0}
    for name, values in maps.items():
        kept = values.astype(np.uint32)
        file.create_dataset(f"xpcs/qmap/{name}", data=kept, compression="gzip", compression_opts=1)


def _read(file: Any, path: str, shape: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    place = next((one for one in _PLACES if one[0] in file and one[1] in file[one[0]]), None)
    if place is None:
        wanted = ", ".join(f"/{one[0]}/{one[1]}" for one in _PLACES)
        message = f"the file {path} holds no maps of bins. It needs one of {wanted}"
        raise ValueError(message)
    group = file[place[0]]
    mask = _map(group, "mask", path, shape) if "mask" in group else np.ones(shape[0] * shape[1], np.int64)
    static, dynamic = (_map(group, name, path, shape) for name in place[1:3])
    # A pixel counts that is in both, and is not masked.
    good = (static > 0) & (dynamic > 0) & (mask > 0)
    static, dynamic = np.where(good, static, 0), np.where(good, dynamic, 0)
    return static, dynamic, _values(group, place, int(dynamic.max()))


def _map(group: Any, name: str, path: str, shape: tuple[int, int]) -> NDArray[np.int64]:
    values = np.squeeze(np.asarray(group[name][()]))
    if values.shape == shape[::-1] and shape[0] != shape[1]:
        values = values.T
    if values.shape != shape:
        message = f"{name} of {path} is of {values.shape} px, but the frames are of {shape[0]} x {shape[1]} px"
        raise ValueError(message)
    return values.astype(np.int64).ravel()


def _values(group: Any, place: tuple[str, ...], count: int) -> Floats:
    """Give q of each dynamic bin; bins may be cut by angle too, and those without pixels have no number."""
    known = np.ravel(group[place[3]][()]).astype(np.float64) if place[3] in group else np.empty(0)
    angles = max(int(np.size(group[place[4]][()])), 1) if place[4] in group else 1
    if "dynamic_index_mapping" in group:
        numbers = np.ravel(group["dynamic_index_mapping"][()]).astype(np.int64)
    else:
        numbers = np.arange(count)
    if len(known) >= count and angles * len(known) != len(numbers):
        # A value for each bin.
        angles = 1
    found = np.full(count, math.nan)
    for bin_, number in enumerate(numbers[:count]):
        if 0 <= number // angles < len(known):
            found[bin_] = known[number // angles]
    return found
