"""A reconstructed volume as NXtomoproc, the NeXus definition for the final result of tomography.

No analysis of ours makes one; one from outside says that its result is one: ``attrs["definition"]`` of its dataset is
``NXtomoproc``, and one of its variables has the dimensions x, y and z, in any order, with positions along each.
"""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

_DEFINITION = "NXtomoproc"
_ENTRY = "tomoproc"
_AXES = ("x", "y", "z")
_UNKNOWN = "unknown"


def is_volume(data: xr.Dataset) -> bool:
    """Say whether a result says of itself that it is a reconstructed volume."""
    return data.attrs.get("definition") == _DEFINITION


def write_volume(file: Any, data: xr.Dataset, said: Mapping[str, str]) -> None:
    """Write a volume into an open HDF5 file, in an entry of its own; why there is none is an attribute of that entry.

    Args:
        file: As h5py opens it.
        data: For which :func:`is_volume` is true.
        said: ``title``, ``run``, ``sample``, ``program`` and ``version``; what is empty becomes ``unknown``.
    """
    entry = _group(file, _ENTRY, "NXentry")
    volumes = [name for name, one in data.data_vars.items() if set(one.dims) == set(_AXES)]
    without = [axis for axis in _AXES if axis not in data.coords or data[axis].dims != (axis,)]
    if len(volumes) != 1 or without:
        # What was measured is worth more than this entry.
        entry.attrs["missing"] = (
            f"{len(volumes)} arrays have the dimensions x, y and z, and {', '.join(without) or 'none'} of these has no "
            "positions; allowed is one array, with positions along each"
        )
        return
    entry["title"], entry["definition"] = said.get("title") or _UNKNOWN, _DEFINITION
    entry.attrs["default"] = "data"
    source = _group(_group(entry, "instrument", "NXinstrument"), "source", "NXsource")
    # All three have to be there, whatever is known.
    source["type"], source["name"], source["probe"] = _UNKNOWN, _UNKNOWN, "x-ray"
    _group(entry, "sample", "NXsample")["name"] = said.get("sample") or _UNKNOWN
    process = _group(entry, "reconstruction", "NXprocess")
    process["program"], process["version"] = said.get("program") or _UNKNOWN, said.get("version") or _UNKNOWN
    process["date"] = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    _group(process, "parameters", "NXparameters")["raw_file"] = f"run {said.get('run') or _UNKNOWN}"
    place = _group(entry, "data", "NXdata")
    place.attrs["signal"], place.attrs["axes"] = "data", list(_AXES)
    volume = data[volumes[0]].transpose(*_AXES)
    _put(place, "data", volume.values, volume.attrs)
    place["data"].attrs["long_name"] = str(volumes[0])
    # The definition has them; what is written is neither turned nor scaled.
    for name, value in (("transform", "none"), ("offset", 0.0), ("scaling", 1.0)):
        place["data"].attrs[name] = value
    for axis in _AXES:
        _put(place, axis, np.asarray(data[axis].values, np.float64), data[axis].attrs)


def _put(place: Any, name: str, values: NDArray[Any], attributes: Mapping[Any, Any]) -> None:
    place.create_dataset(name, data=values).attrs["units"] = str(attributes.get("units", _UNKNOWN))


def _group(parent: Any, name: str, kind: str) -> Any:
    made = parent.create_group(name)
    made.attrs["NX_class"] = kind
    return made
