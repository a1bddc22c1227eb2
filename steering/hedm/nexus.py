"""HEDM results in HDF5: tables of spots, frames and sweeps at ``/hedm``, written, and read back as they were.

NeXus has no definition of such tables, so they are an ``NXprocess`` of ours with units; each array stands in the group
of the dimension that it goes along.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from steering.core.errors import SteeringError

_PLACE, _DIMS, _COORDINATE = "hedm", "dims", "coordinate"
_OURS = (_DIMS, _COORDINATE, "NX_class")


def is_hedm(data: xr.Dataset) -> bool:
    """Say whether a result is one of HEDM: spots with places and angles of rotation."""
    return {"row", "column", "omega", "eta_width", "spot_intensity"} <= set(map(str, data.data_vars))


def write_hedm(file: Any, data: xr.Dataset) -> None:
    """Write a result into an open HDF5 file.

    Args:
        file: As h5py opens it.
        data: For which :func:`is_hedm` is true.
    """
    top = file.create_group(_PLACE)
    top.attrs["NX_class"] = "NXprocess"
    _note(top, data.attrs)
    for name, variable in data.variables.items():
        values: NDArray[Any] = np.asarray(variable.values)
        if values.dtype.kind not in "iufb":
            continue
        group = top.require_group(f"{variable.dims[0]}s" if variable.dims else "numbers")
        group.attrs["NX_class"] = "NXcollection"
        made = group.create_dataset(str(name).replace("/", "-"), data=values)
        _note(made, variable.attrs)
        made.attrs[_DIMS] = [str(one) for one in variable.dims]
        made.attrs[_COORDINATE] = name in data.coords


def read_hedm(path: Path | str) -> xr.Dataset:
    """Read a result that :func:`write_hedm` has written, as it was.

    Raises:
        SteeringError: If the file cannot be read, or has no such tables.
    """
    try:
        with h5py.File(path, "r") as opened:
            file: Any = opened
            found: dict[str, Any] = {}
            coordinates: list[str] = []
            for group in file[_PLACE].values():
                for name, kept in group.items():
                    dims = tuple(str(one) for one in kept.attrs[_DIMS])
                    found[str(name)] = (dims, np.asarray(kept[()]), _attributes(kept))
                    coordinates += [str(name)] if kept.attrs[_COORDINATE] else []
            return xr.Dataset(found, attrs=_attributes(file[_PLACE])).set_coords(coordinates)
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        message = f"{path} holds no tables of HEDM ({error}). Give an export of a run with hedm."
        raise SteeringError(message) from error


def _note(place: Any, attributes: Mapping[Any, Any]) -> None:
    for key, value in attributes.items():
        place.attrs[str(key)] = value if isinstance(value, str | int | float) else json.dumps(value, default=str)


def _attributes(place: Any) -> dict[str, Any]:
    """Return attributes as they were: plain numbers and texts."""
    return {
        str(key): value.item() if isinstance(value, np.generic) else value
        for key, value in place.attrs.items()
        if key not in _OURS
    }
