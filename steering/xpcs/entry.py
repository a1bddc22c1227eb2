"""What NXxpcs asks of an entry besides the curves: beam, detector, maps of the bins, and how curves are stored."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from steering.geometry.geometry import Geometry

_KEV_METRES = 12.398419843320026e-10
_CURVES = {"g2": "g2", "g2_error": "g2_derr", "lag": "delay_difference"}
_MAPS = {
    "dynamic_roi_map": "dynamic_roi_map",
    "static_roi_map": "static_roi_map",
    "dynamic_v_list_dim0": "dynamic_q_list",
}


def write_entry(file: Any, chosen: Mapping[str, Any], frame_time: float, number: int) -> None:
    """Write into ``/entry`` of an open HDF5 file what NXxpcs asks for, as far as it is known.

    Args:
        file: With the curves and maps of a result at ``/xpcs``, and perhaps a second time at ``/entry/data``.
        chosen: Parameters of the analysis, with the geometry.
        frame_time: Seconds from frame to frame; 0 if that is not known.
        number: Of the scan.
    """
    entry = file["entry"]
    entry["scan_number"] = number
    instrument = _group(entry, "instrument", "NXinstrument")
    beam, detector = _group(instrument, "incident_beam", "NXbeam"), _group(instrument, "detector_1", "NXdetector")
    detector["description"] = "detector_1"
    told = chosen.get("geometry")
    stands = None if told is None else Geometry.of(told)
    numbers: list[tuple[Any, str, float | None, str]] = [
        (beam, "incident_energy", None if stands is None else _KEV_METRES / stands.wavelength, "keV"),
        (detector, "frame_time", frame_time or None, "s"),
        # A time from frame to frame that somebody gave says nothing of how long each was exposed.
        (detector, "count_time", (frame_time or None) if chosen.get("period") is None else None, "s"),
    ]
    if stands is not None:
        row, column = beam_on(stands)
        numbers += [
            (detector, "distance", stands.distance, "m"),
            (detector, "x_pixel_size", stands.pixel2, "m"),
            (detector, "y_pixel_size", stands.pixel1, "m"),
            (detector, "beam_center_x", column, "pixel"),
            (detector, "beam_center_y", row, "pixel"),
        ]
    for place, name, value, units in numbers:
        if value is not None:
            place[name] = value
            place[name].attrs["units"] = units
    asked = ("incident_energy", "frame_time", "count_time", "beam_center_x", "beam_center_y")
    missing = [name for name in asked if name not in beam and name not in detector]
    if missing:
        instrument.attrs["missing"] = f"not known: {', '.join(missing)}"
    _link(file, "entry/data", "entry/data", _CURVES, {"storage_mode": "one_array"})
    if "xpcs/qmap" in file:
        _group(instrument, "masks", "NXnote")
        _link(file, "xpcs/qmap", "entry/instrument/masks", _MAPS, {"units": "au"})


def beam_on(stands: Geometry) -> tuple[float, float]:
    """Say where the direct beam meets a detector's plane: row and column, 0 the middle of the first pixel."""
    at = [np.array(stands.places(*pixel), np.float64).reshape(3)[:2] for pixel in ((0, 0), (1, 0), (0, 1))]
    row, column = np.linalg.solve(np.stack([at[1] - at[0], at[2] - at[0]], axis=1), -at[0]).tolist()
    return row, column


def _link(file: Any, source: str, place: str, names: Mapping[str, str], attributes: Mapping[str, str]) -> None:
    for name, other in names.items():
        if f"{source}/{name}" not in file:
            continue
        if f"{place}/{other}" not in file:
            file[f"{place}/{other}"] = file[f"{source}/{name}"]
        for key, value in attributes.items():
            # A unit that is there is better.
            file[f"{place}/{other}"].attrs.setdefault(key, value)


def _group(parent: Any, name: str, kind: str) -> Any:
    made = parent.require_group(name)
    made.attrs["NX_class"] = kind
    return made
