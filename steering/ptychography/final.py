"""A final reconstruction by pty-chi, from where the live one has ended: what it is given, and what comes back.

The way leads over two files of CXI, so pty-chi, which brings PyTorch, may stand on another machine. Its positions are
in pixels of the object, from the middle of an object of even sides (``ObjectPosOriginCoordsMethods.SUPPORT``, the
default of its version 2.2).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.core.errors import SteeringError
from steering.core.pixels import NOTHING_BAD, Bad
from steering.geometry.geometry import Geometry
from steering.ptychography.cxi import CxiScan, Image, image_of, is_ptychography, probe_of, read_scan, write_scan
from steering.ptychography.lattice import Lattice, pixel_of
from steering.ptychography.patterns import Window
from steering.ptychography.projections import Wave

_METRES = 1e-6
_LIT = 0.02
_EXTRA = 'pip install "steering[ptychi]"'


def write_start(
    path: Path | str, data: xr.Dataset, chosen: Mapping[str, Any], frames: NDArray[Any], bad: Bad = NOTHING_BAD
) -> None:
    """Write what a final reconstruction begins with: frames, positions, and the live object and probe.

    Args:
        path: A new file.
        data: Result of ``ptychography``.
        chosen: Parameters of that analysis, with the geometry.
        frames: Counts of all frames of the run, shape ``(frames, rows, columns)``, by their number.
        bad: Pixels that are no counts, beside those that the detector marked itself; needed where the analysis has left
            parts out (``region``, ``masked``).

    Raises:
        SteeringError: If there is no object or geometry, frames are missing, or the file cannot be written.
    """
    if not is_ptychography(data) or chosen.get("geometry") is None:
        message = "The result has no object, or no geometry of the detector. Give a result of ptychography with both."
        raise SteeringError(message)
    if bad.mask is None and (chosen.get("region") or chosen.get("masked")):
        message = "The analysis left parts of the detector out. Give them as bad, true for pixels that are no counts."
        raise SteeringError(message)
    number = np.asarray(data["frame"].values, np.int64)
    if not len(number) or number[-1] >= len(frames):
        message = f"{len(frames)} frames were given, and the result is of frames up to {max(number, default=0)}."
        raise SteeringError(message + " Give all frames of the run.")
    window = Window(chosen.get("centre"), int(chosen.get("size") or 0), int(chosen.get("binning") or 1))
    counts = window.counts(frames[number], bad)
    wrong = np.atleast_1d(np.isnan(counts).any(axis=0))
    positions = np.stack([data[f"{axis}_of_frame"].values for axis in data["object_phase"].dims], axis=1)
    whole = np.nan_to_num(counts).astype(np.float32)
    write_scan(path, CxiScan(whole, positions, _binned(chosen, window, whole), wrong, probe_of(data), image_of(data)))


@dataclass(frozen=True, eq=False)
class Start:
    """What pty-chi's task is given.

    Attributes:
        counts: Shape ``(frames, rows, columns)``, the direct beam in the middle.
        valid: True for pixels that are counts, shape ``(rows, columns)``.
        object: Shape ``(1, rows, columns)``, of even sides; 1 where nothing is known.
        probe: Shape ``(1, modes, rows, columns)``.
        positions: Rows and columns in pixels of the object, from its middle, shape ``(frames, 2)``.
        pixel: Height and width of the object's pixel in metres.
        wavelength: In metres.
        lattice: Where the object is.
    """

    counts: NDArray[np.float32]
    valid: NDArray[np.bool_]
    object: Wave
    probe: Wave
    positions: Floats
    pixel: tuple[float, float]
    wavelength: float
    lattice: Lattice


def start_of(scan: CxiScan) -> Start:
    """Turn what a file holds into what pty-chi's task is given.

    Raises:
        SteeringError: If the file has no probe or no geometry.
    """
    if scan.probe is None or scan.geometry is None:
        missing = "probe" if scan.probe is None else "geometry of the detector"
        message = f"The file has no {missing}. Write it with write_start, from a result of ptychography."
        raise SteeringError(message)
    rows, columns = scan.frames.shape[1:]
    pixel = pixel_of(scan.geometry, rows, columns, 1)
    lattice = Lattice.of(scan.positions, pixel, (rows, columns))
    # An odd side would have its middle rounded to the even number beside it.
    shape = [side + side % 2 for side in lattice.shape]
    guess = np.ones(shape, np.complex64)
    if scan.object is not None:
        _lay(guess, scan.object, lattice)
    middle = (np.asarray(shape) - (rows, columns)) / 2
    positions = lattice.places + lattice.between - middle
    valid = np.ones((rows, columns), np.bool_) if scan.mask is None else ~scan.mask
    metres = pixel[0] * _METRES, pixel[1] * _METRES
    wavelength = scan.geometry.wavelength
    counts = scan.frames.astype(np.float32)
    return Start(counts, valid, guess[None], scan.probe[None], positions, metres, wavelength, lattice)


def reconstruct_finally(path: Path | str, made: Path | str, epochs: int = 100, positions: bool = False) -> xr.Dataset:  # noqa: FBT001, FBT002  (a choice by name, as all are)
    """Have pty-chi reconstruct what :func:`write_start` has written, by least squares of the likelihood (LSQ-ML).

    It takes a graphics card if there is one.

    Args:
        path: That file.
        made: A new file of CXI for what comes of it.
        epochs: So many times each frame is taken.
        positions: Whether they are corrected too.

    Returns:
        Object and probe with the names and units that a result of ``ptychography`` has, along ``sy`` and ``sx``.

    Raises:
        SteeringError: If pty-chi is not installed, or a file cannot be read or written.
    """
    scan = read_scan(path)
    start = start_of(scan)
    try:
        # It ships no types, and is not where we are checked.
        api, tasks = (cast("Any", import_module(name)) for name in ("ptychi.api", "ptychi.api.task"))
    except ImportError as error:
        message = f"A final reconstruction needs pty-chi ({error}). {_EXTRA} installs it, with PyTorch (1.2 to 5.7 GB)."
        raise SteeringError(message) from error
    options: Any = api.LSQMLOptions()
    options.data_options.wavelength_m = start.wavelength
    options.object_options.pixel_size_m = start.pixel[1]
    options.object_options.pixel_size_aspect_ratio = start.pixel[1] / start.pixel[0]
    for one in (options.object_options, options.probe_options):
        one.optimizable = True
    options.probe_position_options.optimizable = positions
    options.opr_mode_weight_options.optimizable = False
    options.reconstructor_options.num_epochs = epochs
    options.reconstructor_options.batch_size = min(100, len(start.counts))
    task: Any = tasks.PtychographyTask(
        options,
        diffraction_data=start.counts,
        object_data=start.object,
        probe_data=start.probe,
        probe_position_y_px=start.positions[:, 0].astype(np.float32),
        probe_position_x_px=start.positions[:, 1].astype(np.float32),
        valid_pixel_mask=start.valid,
    )
    task.run()
    object_, probe = (np.asarray(task.get_data_to_cpu(name, as_numpy=True)) for name in ("object", "probe"))
    asked = task.get_probe_positions_y, task.get_probe_positions_x
    moves = np.stack([np.asarray(one(as_numpy=True)) for one in asked], axis=1) - start.positions
    places = scan.positions + moves * np.asarray(start.lattice.pixel)
    image = _image(start.lattice, object_[0], probe[0])
    write_scan(made, CxiScan(scan.frames, places, scan.geometry, scan.mask, probe[0].astype(np.complex64), image))
    return read_final(made)


def read_final(path: Path | str, axes: tuple[str, str] = ("sy", "sx")) -> xr.Dataset:
    """Read object and probe of a file as a result of ``ptychography`` has them.

    Args:
        path: Of CXI, such as one that :func:`reconstruct_finally` has made.
        axes: What the slow and the fast axis are called.

    Raises:
        SteeringError: If it cannot be read, or has no object and probe.
    """
    scan = read_scan(path)
    if scan.object is None or scan.probe is None:
        message = f"{path} has no object with positions, or no probe. Give a file of reconstruct_finally."
        raise SteeringError(message)
    micrometres, dims = {"units": "um"}, ("mode", *(f"probe_{axis}" for axis in axes))
    steps = [float(np.diff(one[:2])[0]) for one in (scan.object.rows, scan.object.columns)]
    sides: dict[str, Any] = {
        name: (name, (np.arange(size) - size // 2) * step, micrometres)
        for name, size, step in zip(dims[1:], scan.probe.shape[1:], steps, strict=True)
    }
    variables: dict[str, Any] = {}
    waves = ("object", axes, scan.object.transmission, "1"), ("probe", dims, scan.probe, "sqrt(counts)")
    for name, along, wave, units in waves:
        variables[f"{name}_amplitude"] = along, np.abs(wave).astype(np.float32), {"units": units}
        variables[f"{name}_phase"] = along, np.angle(wave).astype(np.float32), {"units": "rad"}
    variables |= {f"{axis}_of_frame": ("frame", scan.positions[:, at], micrometres) for at, axis in enumerate(axes)}
    places = zip(axes, (scan.object.rows, scan.object.columns), strict=True)
    return xr.Dataset(variables, {name: (name, place, micrometres) for name, place in places} | sides)


def _binned(chosen: Mapping[str, Any], window: Window, counts: NDArray[Any]) -> Geometry:
    """Return the geometry of a pattern: of its bins, the direct beam in its middle."""
    told = Geometry.of(chosen["geometry"])
    high, wide = told.pixel1 * window.binning, told.pixel2 * window.binning
    rows, columns = counts.shape[1:]
    return Geometry(
        distance=told.distance, poni1=rows / 2 * high, poni2=columns / 2 * wide, pixel1=high, pixel2=wide,
        wavelength=told.wavelength,
    )  # fmt: skip


def _lay(guess: Wave, image: Image, lattice: Lattice) -> None:
    """Lay an earlier object onto a lattice, where it has light."""
    first = round(float(image.rows[0]) / lattice.pixel[0]) - lattice.corner[0]
    column = round(float(image.columns[0]) / lattice.pixel[1]) - lattice.corner[1]
    rows, columns = image.transmission.shape
    if min(first, column) < 0 or first + rows > guess.shape[0] or column + columns > guess.shape[1]:
        # That of another scan: the frames are not there.
        return
    part = guess[first : first + rows, column : column + columns]
    lit = np.isfinite(image.transmission)
    part[lit] = image.transmission[lit]


def _image(lattice: Lattice, found: NDArray[Any], probe: NDArray[Any]) -> Image:
    """Say where what was found is on the sample; what no light reached is not known."""
    rows, columns = lattice.shape
    light = np.zeros((rows, columns))
    shining = np.square(np.abs(probe)).sum(axis=0)
    for y, x in lattice.places.tolist():
        light[y : y + probe.shape[1], x : x + probe.shape[2]] += shining
    lit = light > _LIT * float(light.max())
    known = np.where(lit, found[:rows, :columns], complex(np.nan, np.nan)).astype(np.complex64)
    return Image(known, lattice.along(0), lattice.along(1))
