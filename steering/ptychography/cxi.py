"""Files of CXI, the coherent X-ray imaging data bank's layout: frames with positions, and objects with their probes.

Frames stand at ``/entry_1/data_1/data`` (a link to the detector), where the beam was at
``/entry_1/data_1/translation`` in metres (x, y, z), and which pixels are no counts at ``detector_1/mask``. An object
stands at ``/entry_1/image_1/data``, and its probe at ``/entry_1/instrument_1/source_1/illumination``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.core.errors import SteeringError
from steering.geometry.geometry import Geometry
from steering.ptychography.projections import Wave

_DETECTOR, _SOURCE = "entry_1/instrument_1/detector_1", "entry_1/instrument_1/source_1"
_DATA, _TRANSLATION = "entry_1/data_1/data", "entry_1/data_1/translation"
_GEOMETRY = "entry_1/sample_1/geometry_1/translation"
_OBJECT, _PROBE = "entry_1/image_1", f"{_SOURCE}/illumination"
_VERSION = 160
_MICROMETRES = 1e6
# Energy in joules times wavelength in metres.
_PLANCK_LIGHT = 1.986445857e-25
_Read = TypeVar("_Read")


@dataclass(frozen=True, eq=False)
class Image:
    """An object on its lattice.

    Attributes:
        transmission: Complex, NaN where there was no light, shape ``(rows, columns)``.
        rows: Where its rows are on the sample, in micrometres, shape ``(rows,)``.
        columns: Likewise its columns.
    """

    transmission: Wave
    rows: Floats
    columns: Floats


@dataclass(frozen=True, eq=False)
class CxiScan:
    """What a file holds of a scan.

    Attributes:
        frames: Counts, shape ``(frames, rows, columns)``, the direct beam in the middle.
        positions: Of the beam on the sample in micrometres, (y, x), shape ``(frames, 2)``.
        geometry: Of the detector, its PONI in the middle; ``None`` if the file does not say all of it.
        mask: True for pixels that are no counts, shape ``(rows, columns)``; ``None`` if there is none.
        probe: Its modes, shape ``(modes, rows, columns)``; ``None`` if there is none.
        object: Of an earlier reconstruction; ``None`` if there is none.
    """

    frames: NDArray[Any]
    positions: Floats
    geometry: Geometry | None = None
    mask: NDArray[np.bool_] | None = None
    probe: Wave | None = None
    object: Image | None = None


def is_ptychography(data: xr.Dataset) -> bool:
    """Say whether a result is a reconstruction."""
    names = {"object_amplitude", "object_phase", "probe_amplitude", "probe_phase"}
    return names <= set(data.variables) and data["object_phase"].ndim == 2 and data["probe_phase"].ndim == 3


def probe_of(data: xr.Dataset) -> Wave:
    """Return the probe of a result, shape ``(modes, rows, columns)``."""
    return _wave(data, "probe")


def image_of(data: xr.Dataset) -> Image:
    """Return the object of a result."""
    rows, columns = (np.asarray(data[name].values, np.float64) for name in data["object_phase"].dims)
    return Image(_wave(data, "object"), rows, columns)


def write_scan(path: Path | str, scan: CxiScan) -> None:
    """Write frames with their positions into a new file.

    Raises:
        SteeringError: If the file is there already or cannot be written, or the numbers of frames and positions differ.
    """
    if scan.frames.ndim != 3 or scan.positions.shape != (len(scan.frames), 2):
        message = (
            f"Frames of shape {scan.frames.shape} and positions of shape {scan.positions.shape} do not fit. "
            "Give (frames, rows, columns) and (frames, 2)."
        )
        raise SteeringError(message)
    try:
        with h5py.File(path, "x") as made:
            _write_scan(made, scan)
    except OSError as error:
        message = f"{path} cannot be written: {error}. Choose another name, or see that you may write there."
        raise SteeringError(message) from error


def write_reconstruction(file: Any, data: xr.Dataset) -> None:
    """Write object and probe of a result into an open HDF5 file.

    Args:
        file: As h5py opens it.
        data: For which :func:`is_ptychography` is true.
    """
    file["cxi_version"] = _VERSION
    _write_image(file, image_of(data))
    file[_PROBE] = probe_of(data)


def read_scan(path: Path | str) -> CxiScan:
    """Read frames with their positions.

    Raises:
        SteeringError: If the file cannot be read, or has not this layout.
    """
    return _opened(
        path, _read_scan, f"It needs /{_DATA}, (frames, rows, columns), and /{_TRANSLATION}, (frames, 3) in m."
    )


def read_probe(path: Path | str) -> Wave:
    """Read a probe: of a CXI file, or a complex array of NumPy's.

    Returns:
        Its modes, shape ``(modes, rows, columns)``.

    Raises:
        SteeringError: If there is none in the file.
    """
    need = f"Give a CXI file that has /{_PROBE}, or a complex array of shape (modes, rows, columns) in a .npy."
    if Path(path).suffix == ".npy":
        try:
            return _as_probe(np.load(path, allow_pickle=False))
        except (OSError, ValueError, EOFError) as error:
            message = f"{path} holds no probe: {error}. {need}"
            raise SteeringError(message) from error
    return _opened(path, _probe_in, need)


def _opened(path: Path | str, read: Callable[[Any], _Read], need: str) -> _Read:
    try:
        with h5py.File(path, "r") as file:
            return read(file)
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        message = f"{path} cannot be read as CXI: {error}. {need}"
        raise SteeringError(message) from error


def _probe_in(file: Any) -> Wave:
    return _as_probe(np.asarray(file[_PROBE][()]))


def _wave(data: xr.Dataset, name: str) -> Wave:
    amplitude, phase = (np.asarray(data[f"{name}_{part}"].values, np.float64) for part in ("amplitude", "phase"))
    return (amplitude * np.exp(1j * phase)).astype(np.complex64)


def _write_image(file: Any, one: Image) -> None:
    image = file.create_group(_OBJECT)
    image.attrs["description"] = "complex transmission; NaN where there was no light"
    image["data"] = one.transmission
    image["data_space"], image["data_type"] = "real", "transmission"
    for axis, place in (("y", one.rows), ("x", one.columns)):
        image[axis] = place / _MICROMETRES
        image[axis].attrs["units"] = "m"


def _write_scan(file: Any, scan: CxiScan) -> None:
    file["cxi_version"] = _VERSION
    detector = file.create_group(_DETECTOR)
    # Zeros take no room, and one frame is read without the others.
    detector.create_dataset(
        "data",
        data=scan.frames,
        chunks=(1, *scan.frames.shape[1:]),
        compression="gzip",
        compression_opts=1,
        shuffle=True,
    )
    if scan.mask is not None:
        detector["mask"] = scan.mask.astype(np.uint32)
    metres = np.zeros((len(scan.frames), 3))
    metres[:, :2] = scan.positions[:, ::-1] / _MICROMETRES
    file[_GEOMETRY] = metres
    detector["translation"] = h5py.SoftLink(f"/{_GEOMETRY}")
    file[_TRANSLATION] = h5py.SoftLink(f"/{_GEOMETRY}")
    file[_DATA] = h5py.SoftLink(f"/{_DETECTOR}/data")
    if scan.geometry is not None:
        detector["distance"] = scan.geometry.distance
        detector["y_pixel_size"], detector["x_pixel_size"] = scan.geometry.pixel1, scan.geometry.pixel2
        file[f"{_SOURCE}/energy"] = _PLANCK_LIGHT / scan.geometry.wavelength
    if scan.probe is not None:
        file[_PROBE] = scan.probe
    if scan.object is not None:
        _write_image(file, scan.object)


def _read_scan(file: Any) -> CxiScan:
    frames = np.asarray(file[_DATA][()])
    place = next((one for one in (_TRANSLATION, _GEOMETRY) if one in file), _TRANSLATION)
    metres = np.asarray(file[place][()], np.float64)
    if frames.ndim != 3 or metres.ndim != 2 or len(metres) != len(frames) or metres.shape[1] < 2:
        message = f"its frames have the shape {frames.shape}, and its positions {metres.shape}"
        raise ValueError(message)
    mask = np.asarray(file[f"{_DETECTOR}/mask"][()]) != 0 if f"{_DETECTOR}/mask" in file else None
    probe = _probe_in(file) if _PROBE in file else None
    geometry, image = _read_geometry(file, frames.shape[1:]), _image_in(file)
    return CxiScan(frames, metres[:, 1::-1] * _MICROMETRES, geometry, mask, probe, image)


def _image_in(file: Any) -> Image | None:
    """Read an object that says where it is; nothing of another one."""
    if not all(f"{_OBJECT}/{name}" in file for name in ("data", "x", "y")):
        return None
    image = np.asarray(file[f"{_OBJECT}/data"][()])
    rows, columns = (np.asarray(file[f"{_OBJECT}/{axis}"][()], np.float64) * _MICROMETRES for axis in "yx")
    if image.dtype.kind != "c" or image.shape != (len(rows), len(columns)):
        message = f"its object has the shape {image.shape}, and {len(rows)} and {len(columns)} positions"
        raise ValueError(message)
    return Image(image.astype(np.complex64), rows, columns)


def _read_geometry(file: Any, shape: tuple[int, ...]) -> Geometry | None:
    places = [f"{_DETECTOR}/{name}" for name in ("distance", "y_pixel_size", "x_pixel_size")] + [f"{_SOURCE}/energy"]
    if not all(place in file for place in places):
        return None
    distance, high, wide, energy = (float(np.asarray(file[place][()]).reshape(-1)[0]) for place in places)
    return Geometry(
        distance=distance, poni1=shape[0] / 2 * high, poni2=shape[1] / 2 * wide, pixel1=high, pixel2=wide,
        wavelength=_PLANCK_LIGHT / energy,
    )  # fmt: skip


def _as_probe(values: NDArray[Any]) -> Wave:
    """Take an array for the modes of a probe.

    Raises:
        ValueError: If it is none.
    """
    if values.dtype.kind != "c" or values.ndim not in (2, 3) or not values.size or not np.isfinite(values).all():
        message = f"an array of {values.dtype} and shape {values.shape} is no probe of finite complex numbers"
        raise ValueError(message)
    return values.reshape(-1, *values.shape[-2:]).astype(np.complex64)
