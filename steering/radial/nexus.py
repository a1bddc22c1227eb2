"""Curves of azimuthal integration in files of the layout NXcanSAS 1.1: written, and read back.

It is an entry of its own (``SASentry``) beside ours, with the curve of all frames as ``SASdata``: Q, I and Idev. Where
the detector stood and the wavelength are beside it (``SASinstrument``).
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr

from steering.core.errors import SteeringError
from steering.geometry.geometry import Geometry

# SasView's reader fails on any other entry that comes before this one, and files are read in the order of names.
_ENTRY = "cansas"
_METRES_AN_ANGSTROM = 1e-10
_NAME = "radial"


def is_radial(data: xr.Dataset, chosen: Mapping[str, Any]) -> bool:
    """Say whether a result is a curve of azimuthal integration along q, or along an angle of a known wavelength."""
    return (
        {"intensity", "intensity_error", "of"} <= set(data.variables)
        and chosen.get("geometry") is not None
        and data["intensity"].dims in (("curve", "q"), ("curve", "two_theta"))
    )


def write_nxcansas(file: Any, data: xr.Dataset, chosen: Mapping[str, Any], said: Mapping[str, str]) -> None:
    """Write the curve of all frames into an open HDF5 file.

    Points that no pixel saw are left out.

    Args:
        file: As h5py opens it.
        data: For which :func:`is_radial` is true.
        chosen: Parameters of the analysis, with the geometry.
        said: ``title``, ``run``, ``sample`` and ``program``; what is empty is not written.
    """
    stands = Geometry.of(chosen["geometry"])
    along = str(data["intensity"].dims[1])
    q = np.asarray(data[along].values, np.float64)
    if along == "two_theta":
        q = 4 * math.pi * np.sin(np.radians(q) / 2) * _METRES_AN_ANGSTROM / stands.wavelength
    intensity, error = (np.asarray(data[name].values[0], np.float64) for name in ("intensity", "intensity_error"))
    known = np.isfinite(intensity) & np.isfinite(error)
    entry = _group(file, _ENTRY, "NXentry", "SASentry")
    entry.attrs["version"] = "1.1"
    entry.attrs["default"] = "sasdata"
    entry["definition"] = "NXcanSAS"
    # Both have to be there, whatever is known.
    entry["title"], entry["run"] = said.get("title") or said.get("run") or _NAME, said.get("run") or "unknown"
    place = _group(entry, "sasdata", "NXdata", "SASdata")
    place.attrs["signal"], place.attrs["I_axes"] = "I", "Q"
    place.attrs["axes"] = ["Q"]
    place.attrs["Q_indices"] = np.array([0])
    made = place.create_dataset("Q", data=q[known])
    made.attrs["units"] = "1/angstrom"
    # Counts are on no absolute scale, and the definition has no other word for that.
    for name, values in (("I", intensity), ("Idev", error)):
        made = place.create_dataset(name, data=values[known])
        made.attrs["units"] = "arbitrary"
        made.attrs["counted_in"] = str(data["intensity"].attrs["units"])
    place["I"].attrs["uncertainties"] = "Idev"
    _write_instrument(entry, stands)
    if said.get("sample"):
        _group(entry, "sassample", "NXsample", "SASsample")["name"] = said["sample"]
    process = _group(entry, "sasprocess", "NXprocess", "SASprocess")
    process["name"] = said.get("program") or _NAME


def read_nxcansas(path: Path | str) -> xr.Dataset:
    """Read the first curve of a file of the layout NXcanSAS, ours or another's.

    Returns:
        ``intensity`` and, if the file has it, ``intensity_error`` along ``q``, with the file's units.

    Raises:
        SteeringError: If the file cannot be read, or has not this layout.
    """
    try:
        with h5py.File(path, "r") as file:
            return _read(file)
    except OSError as error:
        message = f"{path} cannot be read as HDF5: {error}. Give a file of the layout NXcanSAS."
        raise SteeringError(message) from error
    except (KeyError, ValueError, TypeError) as error:
        message = f"{path} has not the layout NXcanSAS: {error}. It needs a SASentry with a SASdata of Q and I."
        raise SteeringError(message) from error


def _read(file: Any) -> xr.Dataset:
    place = _first(_first(file, "SASentry"), "SASdata")
    q, intensity = place["Q"], place["I"]
    if q.shape != intensity.shape or q.ndim != 1:
        message = f"Q has shape {q.shape} and I {intensity.shape}"
        raise ValueError(message)
    found = {"intensity": ("q", intensity[()], {"units": _units(intensity)})}
    error = _text(intensity.attrs.get("uncertainties", "Idev"))
    if error in place:
        found["intensity_error"] = ("q", place[error][()], {"units": _units(place[error])})
    return xr.Dataset(found, {"q": ("q", q[()], {"units": _units(q)})})


def _first(parent: Any, kind: str) -> Any:
    found: list[Any] = [one for one in parent.values() if _text(one.attrs.get("canSAS_class")) == kind]
    if found:
        return found[0]
    message = f"{parent.name} has no {kind}"
    raise KeyError(message)


def _units(dataset: Any) -> str:
    return _text(dataset.attrs.get("units", "unknown"))


def _text(value: Any) -> str:
    """Return an attribute as text: other programs write texts of a fixed length, which h5py gives as bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _write_instrument(entry: Any, stands: Geometry) -> None:
    instrument = _group(entry, "sasinstrument", "NXinstrument", "SASinstrument")
    source = _group(instrument, "sassource", "NXsource", "SASsource")
    detector = _group(instrument, "sasdetector", "NXdetector", "SASdetector")
    detector["name"] = "detector"
    numbers = (
        (source, "incident_wavelength", stands.wavelength / _METRES_AN_ANGSTROM, "angstrom"),
        (detector, "SDD", stands.distance, "m"),
        (detector, "x_pixel_size", stands.pixel2, "m"),
        (detector, "y_pixel_size", stands.pixel1, "m"),
        (detector, "yaw", stands.rot1, "rad"),
        (detector, "pitch", stands.rot2, "rad"),
        (detector, "roll", stands.rot3, "rad"),
    )
    for group, name, value, units in numbers:
        group[name] = value
        group[name].attrs["units"] = units


def _group(parent: Any, name: str, kind: str, role: str) -> Any:
    group = parent.create_group(name)
    group.attrs["NX_class"], group.attrs["canSAS_class"] = kind, role
    return group
