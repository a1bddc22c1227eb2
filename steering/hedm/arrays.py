"""What is shown and kept of spots: a table of spots, one of frames, and for each sweep how wide its spots are."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.hedm.angles import Angles
from steering.hedm.run import MASKED, OMEGA, Run
from steering.hedm.spots import Spots
from steering.hedm.sweeps import Sweeps
from steering.spots.lit import Numbers

# So many spots are listed, the newest ones.
MOST_LISTED = 20_000


def spot_arrays(spots: Spots, angles: Angles, chosen: Numbers) -> dict[str, Any]:
    """Lay out spots along ``spot``.

    Args:
        spots: All of them.
        angles: Of them.
        chosen: Places of those that are listed.
    """

    def along(values: NDArray[Any], units: str) -> tuple[str, NDArray[Any], dict[str, str]]:
        return "spot", values[chosen], {"units": units}

    return {
        "spot_intensity": along(spots.intensity, "counts"),
        "spot_intensity_error": along(np.sqrt(spots.intensity), "counts"),
        "maximum": along(spots.maximum, "counts"),
        "row": along(spots.row, "px"),
        "column": along(spots.column, "px"),
        "two_theta" if angles.units == "deg" else "radius": along(angles.radius, angles.units),
        "eta": along(angles.eta, "deg"),
        "omega": along(spots.omega, "deg"),
        "radial_width": along(angles.radius_width, angles.units),
        "eta_width": along(angles.eta_width, "deg"),
        "omega_width": along(spots.omega_width, "deg"),
        "pixels": along(spots.pixels, "px"),
        "frames": along(spots.frames, "frames"),
        "first_frame": along(spots.first, "1"),
        "sweep_of_spot": along(spots.sweep, "1"),
    }


def frame_arrays(runs: tuple[Run, ...], sweep: Numbers) -> dict[str, Any]:
    """Lay out frames along ``frame``: what is known of each, and how many blobs it has."""
    known = np.concatenate([run.frames for run in runs])
    return {
        "blobs": ("frame", np.concatenate([run.sizes for run in runs]), {"units": "1"}),
        "frame_omega": ("frame", known[:, OMEGA], {"units": "deg"}),
        "frame_masked": ("frame", known[:, MASKED], {"units": "1"}),
        "sweep_of_frame": ("frame", sweep, {"units": "1"}),
    }


def sweep_arrays(sweeps: Sweeps, slow: tuple[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Lay out sweeps along ``sweep``, and how wide their spots are along ``width``.

    Args:
        sweeps: Compared.
        slow: Name and unit of the slow axis; an empty name if there is none.

    Returns:
        Variables and coordinates.
    """
    variables = {
        "share_of_wider_spots": (("sweep", "width"), sweeps.wider, {"units": "1"}),
        "median_eta_width": ("sweep", sweeps.width, {"units": "deg"}),
        "median_eta_width_error": ("sweep", sweeps.width_error, {"units": "deg"}),
        "rare_share": ("sweep", sweeps.rare, {"units": "%"}),
        "rare_excess": ("sweep", sweeps.excess, {"units": "1"}),
        "spots": ("sweep", sweeps.spots, {"units": "1"}),
    }
    coordinates: dict[str, Any] = {"width": ("width", sweeps.edges, {"units": "deg", "long_name": "azimuthal width"})}
    if slow[0]:
        coordinates[slow[0]] = ("sweep", sweeps.slow, {"units": slow[1]})
    else:
        coordinates["number"] = ("sweep", sweeps.number, {"units": "1"})
    return variables, coordinates
