"""XPCS results in files of the layout NXxpcs, as APS 8-ID writes it: written, and read back as they were.

Curves stand at ``/xpcs/multitau`` by delay and q, the q of the bins at ``/xpcs/qmap``, I(q) at ``/xpcs/temporal_mean``,
I(t) at ``/xpcs/spatial_mean``, and the time from frame to frame at ``/entry/instrument/detector_1/frame_time``. 8-ID
gives delays in frames and has no units; what we add so that nothing is lost (times in seconds, fits, errors of the
light) has names of its own beside that, and other programs pass it over.
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
from steering.xpcs.bins import Bins, Grid, make_bins
from steering.xpcs.entry import write_entry
from steering.xpcs.qmap import write_qmap

_G2, _LAG, _Q = "xpcs/multitau/normalized_g2", "xpcs/multitau/delay_list", "xpcs/qmap/dynamic_v_list_dim0"
_FRAME_TIME = "entry/instrument/detector_1/frame_time"
_IN_TIME = "xpcs/spatial_mean/intensity_vs_time"
_FIT = "xpcs/multitau/fit"
_CURVES = ("q_bin", "delay")
# Where a variable stands, its dimensions, and its unit in a file that does not say it. Curves stand there by delay.
_PLACES: dict[str, tuple[str, tuple[str, ...], str]] = {
    "g2": (_G2, _CURVES, "1"),
    "g2_error": (f"{_G2}_err", _CURVES, "1"),
    "lag": (_LAG, ("delay",), "frames"),
    "delay": ("xpcs/multitau/delay_time", ("delay",), "s"),
    "q": (_Q, ("q_bin",), "1/angstrom"),
    "intensity": ("xpcs/temporal_mean/scattering_1d", ("q_bin",), "counts/px"),
    "intensity_error": ("xpcs/temporal_mean/scattering_1d_err", ("q_bin",), "counts/px"),
    "intensity_in_time": (_IN_TIME, ("segment",), "counts/px"),
    "intensity_in_time_error": (f"{_IN_TIME}_err", ("segment",), "counts/px"),
    "segment_time": ("xpcs/spatial_mean/segment_time", ("segment",), "s"),
}
_COORDINATES = ("q", "delay")


def is_xpcs(data: xr.Dataset) -> bool:
    """Say whether a result is one of XPCS: curves by q and delay, with their lags."""
    return {"g2", "lag", "q", "delay"} <= set(data.variables) and data["g2"].dims == _CURVES


def write_xpcs(file: Any, data: xr.Dataset, chosen: Mapping[str, Any] | None = None, number: int = 0) -> None:
    """Write a result into an open HDF5 file that has ``/entry``.

    Args:
        file: As h5py opens it.
        data: For which :func:`is_xpcs` is true.
        chosen: Parameters of the analysis: the maps of the bins are made anew of them.
        number: Of the scan.
    """
    file["entry/definition"] = "NXxpcs"
    file.create_group("xpcs").attrs["NX_class"] = "NXprocess"
    lags, delays = (np.asarray(data[name].values, np.float64) for name in ("lag", "delay"))
    period = float(delays[0] / lags[0]) if len(lags) else 0.0
    for name in map(str, data.variables):
        if data[name].dtype.kind not in "iufb":
            continue
        standard = _stands(data, name)
        place = _PLACES[name][0] if standard else f"{_FIT}/{name.replace('/', '-')}"
        made = file.create_dataset(place, data=_stored(data, name, period) if standard else data[name].values)
        _note(made, data[name].attrs)
        if not standard:
            made.attrs["dims"] = [str(one) for one in data[name].dims]
    _note(file["xpcs/multitau"], data.attrs)
    if chosen is not None and {"frame_rows", "frame_columns"} <= set(data.attrs):
        try:
            bins = _bins_of(data, chosen)
        except (ValueError, TypeError, KeyError) as error:
            # Such as a file of maps that is gone: what was measured is worth more than where.
            file["xpcs/qmap"].attrs["missing"] = f"the maps of the bins could not be made: {error}"
        else:
            write_qmap(file, *bins.maps())
    write_entry(file, chosen or {}, period, number)


def _bins_of(data: xr.Dataset, chosen: Mapping[str, Any]) -> Bins:
    """Make the bins of a result anew.

    Raises:
        ValueError: If they cannot be made, or are other ones now.
    """
    bins = make_bins(Grid.of(chosen), (int(data.attrs["frame_rows"]), int(data.attrs["frame_columns"])))
    if data.attrs.get("bins_mark", bins.mark) != bins.mark:
        message = "their file was written anew since"
        raise ValueError(message)
    return bins


def read_xpcs(path: Path | str) -> xr.Dataset:
    """Read a result from a file of the layout NXxpcs, ours or that of APS 8-ID.

    Returns:
        ``g2`` and ``g2_error`` of shape ``(q_bin, delay)`` with coordinates ``q`` (1/angstrom, unless the file says
        another unit) and ``delay`` (s; in frames if the file does not say their time), ``lag`` in frames, ``intensity``
        along ``q_bin`` and ``intensity_in_time`` along ``segment`` where their numbers fit. What we wrote is as it was.

    Raises:
        SteeringError: If the file cannot be read, or has not this layout.
    """
    try:
        with h5py.File(path, "r") as file:
            return _read(file)
    except OSError as error:
        message = f"{path} cannot be read as HDF5: {error}. Give a result file of XPCS."
        raise SteeringError(message) from error
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        message = f"{path} has not the layout of NXxpcs: {error}. It needs /{_G2}, /{_LAG} and /{_Q}, which fit."
        raise SteeringError(message) from error


def _stands(data: xr.Dataset, name: str) -> bool:
    """Say whether a variable has a place in the layout, and the dimensions that belong there."""
    return name in _PLACES and data[name].dims == _PLACES[name][1]


def _note(place: Any, attributes: Mapping[Any, Any]) -> None:
    for key, value in attributes.items():
        place.attrs[str(key)] = value if isinstance(value, str | int | float) else json.dumps(value, default=str)


def _stored(data: xr.Dataset, name: str, period: float) -> NDArray[Any]:
    """Return a variable's values as the layout has them."""
    values = np.asarray(data[name].values)
    if name == "intensity_in_time":
        known = "segment_time" in data and _stands(data, "segment_time")
        times = np.asarray(data["segment_time"].values, np.float64) if known else np.arange(values.size)
        return np.stack([times / period if period else times, values])
    if name == "intensity":
        # A row of a table there.
        return values[None]
    return values.T


def _read(file: Any) -> xr.Dataset:
    if not {_G2, _LAG, _Q} <= {place for place in (_G2, _LAG, _Q) if place in file}:
        missing = [f"/{place}" for place in (_G2, _LAG, _Q) if place not in file]
        message = f"it lacks {' and '.join(missing)}"
        raise KeyError(message)
    found: dict[str, Any] = {}
    for name, (place, dims, units) in _PLACES.items():
        if place in file:
            values = np.asarray(file[place][()])
            found[name] = (dims, _loaded(name, values, dims), _attributes(file[place]) or {"units": units})
    # 8-ID's own I(q) is that of the static bins, which are more.
    for name in ("intensity", "intensity_error"):
        if name in found and len(found[name][1]) != len(found["q"][1]):
            del found[name]
    _fill_times(file, found)
    for name, kept in file[_FIT].items() if _FIT in file else ():
        attributes = _attributes(kept)
        dims = tuple(str(one) for one in attributes.pop("dims"))
        found[str(name)] = (dims, np.asarray(kept[()]), attributes)
    return xr.Dataset(found, attrs=_attributes(file["xpcs/multitau"])).set_coords(_COORDINATES)


def _loaded(name: str, values: NDArray[Any], dims: tuple[str, ...]) -> NDArray[Any]:
    if name == "intensity_in_time":
        return values[-1] if values.ndim == 2 else values
    if len(dims) == 1:
        return values.reshape(-1)
    return values.T


def _fill_times(file: Any, found: dict[str, Any]) -> None:
    """Make times of numbers of frames, in a file that has only these."""
    period = float(np.asarray(file[_FRAME_TIME][()]).reshape(-1)[0]) if _FRAME_TIME in file else 0.0
    units = {"units": "s" if period else "frames"}
    if "delay" not in found:
        found["delay"] = (("delay",), found["lag"][1] * (period or 1.0), units)
    if "segment_time" not in found and "intensity_in_time" in found:
        table = np.asarray(file[_IN_TIME][()])
        whole = table.ndim == 2 and len(table) == 2
        frames: NDArray[Any] = table[0] if whole else np.arange(len(found["intensity_in_time"][1]))
        found["segment_time"] = (("segment",), frames * (period or 1.0), units)


def _attributes(place: Any) -> dict[str, Any]:
    """Return attributes as they were: plain numbers and texts."""
    plain: dict[str, Any] = {}
    for key, value in place.attrs.items():
        if key != "NX_class":
            plain[str(key)] = value.item() if isinstance(value, np.generic) else value
    return plain
