"""Tables of spots for other programs: hexrd's ``spots_*.out``, and the peaks of MIDAS (``Result_*.csv``).

Both get what was measured. Indices and predictions, which belong to a grain, are 0 and ``nan`` in hexrd's table of all
spots, as they are not known here; :func:`steering.hedm.grain_table.write_hexrd_grain` writes that of a grain.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.core.errors import SteeringError, cause
from steering.geometry.geometry import Geometry

_HEXRD = (
    "ID", "PID", "H", "K", "L", "sum(int)", "max(int)", "pred tth", "pred eta", "pred ome", "meas tth", "meas eta",
    "meas ome", "pred X", "pred Y", "meas X", "meas Y",
)  # fmt: skip
# The names are MIDAS' own, as they are written there. Its programs go by the place of a column, and refuse a table that
# has fewer: the last three are the sum of the counts, whether a mask cuts the spot, and how bad its fit is.
_MIDAS = (
    "SpotID IntegratedIntensity Omega(degrees) YCen(px) ZCen(px) IMax MinOme(degrees) MaxOme(degress) SigmaR SigmaEta "
    "NrPx NrPxTot Radius(px) Eta(degrees) RawSumIntensity maskTouched FitRMSE"
)
_NEEDED = {"row", "column", "omega", "eta", "spot_intensity", "maximum", "pixels", "eta_width", "omega_width"}
_MM = 1e3


def write_hexrd(path: Path | str, data: xr.Dataset, geometry: Geometry, shape: tuple[int, int]) -> None:
    """Write spots as hexrd does: angles in radians, places in mm from the middle of the panel, y against the rows.

    Args:
        path: A new file.
        data: A result of ``hedm`` that was made with the geometry.
        geometry: Of the detector.
        shape: Rows and columns of a frame.

    Raises:
        SteeringError: If there are no spots with angles, or the file cannot be written.
    """
    columns = columns_of(data, "two_theta")
    count = len(columns["row"])
    unknown = np.full(count, np.nan)
    x, y = places_of(columns["row"], columns["column"], geometry, shape)
    measured = [np.radians(one) for one in (columns["two_theta"], -columns["eta"], columns["omega"])]
    whole = [np.arange(count), *[np.zeros(count)] * 4]
    numbers = [columns["spot_intensity"], columns["maximum"], *[unknown] * 3, *measured, unknown, unknown, x, y]
    write_table(Path(path), whole, numbers)


def places_of(row: Floats, column: Floats, geometry: Geometry, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Return where pixels are in hexrd's frame: x and y in mm from the middle of the panel."""
    x = (column - (shape[1] - 1) / 2) * geometry.pixel2 * _MM
    y = ((shape[0] - 1) / 2 - row) * geometry.pixel1 * _MM
    return x, y


def write_table(path: Path, whole: Sequence[NDArray[Any]], numbers: Sequence[Floats]) -> None:
    """Write hexrd's table of five columns of whole numbers and twelve of others.

    Raises:
        SteeringError: If the file cannot be written.
    """
    rows = zip(*whole, *numbers, strict=True)
    lines = (" ".join([f"{int(one):<7d}" for one in row[:5]] + [f"{one:.16e}" for one in row[5:]]) for row in rows)
    _written(path, ["# " + " ".join(name.ljust(24) for name in _HEXRD), *lines])


def write_midas(path: Path | str, data: xr.Dataset, centre: tuple[float, float]) -> None:
    """Write spots as MIDAS lists merged peaks: y along the columns, z along the rows, eta from z, negative to the left.

    Args:
        path: A new file.
        data: A result of ``hedm``.
        centre: Row and column where the beam meets the detector, in pixels.

    Raises:
        SteeringError: If there are no spots, or the file cannot be written.
    """
    columns = columns_of(data)
    y, z = centre[1] - columns["column"], columns["row"] - centre[0]
    radius = np.hypot(y, z)
    eta = np.degrees(np.arctan2(-y, z))
    # MIDAS tells the widths of a peak along and across its radius, in pixels and degrees.
    radial = columns["radial_width"] if "radius" in data else _along_radius(columns, radius)
    half = np.sqrt(3) * columns["omega_width"]
    numbers = [
        np.arange(1, len(radius) + 1), columns["spot_intensity"], columns["omega"], columns["column"], columns["row"],
        columns["maximum"], columns["omega"] - half, columns["omega"] + half, radial, columns["eta_width"],
        columns["pixels"], columns["pixels"], radius, eta, columns["spot_intensity"], *[np.zeros(len(radius))] * 2,
    ]  # fmt: skip
    rows = zip(*numbers, strict=True)
    _written(Path(path), [_MIDAS, *(" ".join([f"{int(row[0])}"] + [f"{one:.6f}" for one in row[1:]]) for row in rows)])


def _along_radius(columns: dict[str, Floats], radius: Floats) -> Floats:
    """Turn widths in two theta into pixels, as the radius changes with it: to first order tan(two theta) / radius."""
    angle = np.radians(columns["two_theta"])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.radians(columns["radial_width"]) * radius / (np.sin(angle) * np.cos(angle))


def columns_of(data: xr.Dataset, *more: str) -> dict[str, Floats]:
    """Return the columns of the spots of a result of ``hedm``, and those that are asked for besides.

    Raises:
        SteeringError: If some are missing.
    """
    missing = sorted((_NEEDED | set(more)) - set(map(str, data.variables)))
    if missing:
        message = f"The result has no {', '.join(missing)}. Give a result of hedm; angles need a geometry."
        raise SteeringError(message)
    return {str(name): np.asarray(one.values, np.float64) for name, one in data.items() if one.dims == ("spot",)}


def _written(path: Path, lines: list[str]) -> None:
    """Write a file that is not there yet.

    Raises:
        SteeringError: If it cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
    except OSError as error:
        message = f"{path} cannot be written: {cause(error)}. Choose a new name in a folder that is yours."
        raise SteeringError(message) from error
