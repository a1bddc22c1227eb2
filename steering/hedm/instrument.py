"""hexrd's file of an instrument (``.hexrd``, HDF5), as a geometry in pyFAI's convention and a distortion.

hexrd's laboratory has x along the columns, y against the rows, and z against the beam; ours has axis 1 along the rows,
axis 2 along the columns and axis 3 along the beam. The turns about the three axes follow from the panel's own axes.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from steering.core.block import Floats
from steering.core.errors import SteeringError
from steering.geometry.geometry import Geometry
from steering.hedm.distortion import Distortion
from steering.spots.turns import rotation_of

_KEV_METRES = 12.398419843320026e-10
_METRES = 1e-3
# Takes hexrd's x, y, z to our axes 1, 2, 3.
OURS = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
_GE = "GE_41RT"


@dataclass(frozen=True)
class Instrument:
    """A panel and the light that comes to it.

    Attributes:
        geometry: Where the panel stands.
        shape: Rows and columns.
        distortion: Of the panel; nothing if there is none.
    """

    geometry: Geometry
    shape: tuple[int, int]
    distortion: Distortion | None = None


def read_instrument(path: Path | str, panel: str = "") -> Instrument:
    """Read a file of an instrument.

    Args:
        path: The file.
        panel: Which of its detectors; the only one if left out.

    Raises:
        SteeringError: If it cannot be read, has no such panel, or one that we do not know.
    """
    try:
        with h5py.File(path, "r") as opened:
            file: Any = opened
            return _read(file["instrument"], _named(sorted(map(str, file["instrument/detectors"])), panel))
    except (OSError, KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
        message = f"{path} cannot be read as an instrument of hexrd ({error}). Give its file .hexrd."
        raise SteeringError(message) from error


def geometry_of_panel(
    turned: Floats, middle: Floats, shape: tuple[int, int], pixels: tuple[float, float], wavelength: float
) -> Geometry:
    """Make a geometry of a panel's axes.

    Args:
        turned: The panel's axes as columns, in hexrd's laboratory.
        middle: Where its middle is there, in metres.
        shape: Rows and columns.
        pixels: Height and width of a pixel in metres.
        wavelength: In metres.
    """
    # The panel's rows, columns and normal, along our axes.
    axes = OURS @ turned @ OURS.T
    rot2 = math.asin(float(np.clip(axes[2, 0], -1, 1)))
    rot1 = math.atan2(-float(axes[2, 1]), float(axes[2, 2]))
    rot3 = math.atan2(float(axes[1, 0]), float(axes[0, 0]))
    up, left, distance = (axes.T @ OURS @ middle).tolist()
    return Geometry(
        distance=distance, poni1=shape[0] * pixels[0] / 2 - up, poni2=shape[1] * pixels[1] / 2 - left,
        pixel1=pixels[0], pixel2=pixels[1], wavelength=wavelength, rot1=rot1, rot2=rot2, rot3=rot3,
    )  # fmt: skip


def _named(panels: list[str], wanted: str) -> str:
    """Choose a panel.

    Raises:
        ValueError: If it is not clear which.
    """
    if wanted not in panels and (wanted or len(panels) != 1):
        message = f"say which of its panels: {', '.join(panels)}"
        raise ValueError(message)
    return wanted or panels[0]


def _read(file: Any, name: str) -> Instrument:
    def number(place: str) -> float:
        return float(np.asarray(file[place][()]).reshape(-1)[0])

    beam = [number(f"beam/vector/{angle}") for angle in ("azimuth", "polar_angle")]
    if any(abs(angle - 90) > 1e-6 for angle in beam) or abs(number("oscillation_stage/chi")) > 1e-9:
        message = f"its beam has angles of {beam} deg. Allowed: 90 deg each, and a stage with chi 0"
        raise ValueError(message)
    panel = file[f"detectors/{name}"]
    shape = (int(number(f"detectors/{name}/pixels/rows")), int(number(f"detectors/{name}/pixels/columns")))
    high, wide = (float(one) * _METRES for one in np.asarray(panel["pixels/size"][()]).reshape(-1)[:2])
    turned = rotation_of(np.asarray(panel["transform/tilt"][()], np.float64))
    middle = np.asarray(panel["transform/translation"][()], np.float64) * _METRES
    geometry = geometry_of_panel(turned, middle, shape, (high, wide), _KEV_METRES / number("beam/energy"))
    return Instrument(geometry, shape, _distortion(panel))


def _distortion(panel: Any) -> Distortion | None:
    if "distortion" not in panel:
        return None
    function = panel["distortion/function_name"][()]
    kind = function.decode() if isinstance(function, bytes) else str(function)
    if kind != _GE:
        message = f"its panel has the distortion {kind:.40}. Known: {_GE}"
        raise ValueError(message)
    one, two, three, four, five, six = np.asarray(panel["distortion/parameters"][()], np.float64).reshape(-1).tolist()
    return Distortion((one, two, three, four, five, six))
