"""What is shown and kept of spots: a table of spots, one of frames, and for each sweep how wide its spots are."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.hedm.angles import Angles
from steering.hedm.features import median_of
from steering.hedm.lit import Numbers
from steering.hedm.run import MASKED, OMEGA, SLOW, Run
from steering.hedm.spots import Spots

# So many spots are listed, the newest ones, and so many sweeps are compared.
MOST_LISTED = 20_000
_MOST_SWEEPS = 12
_WIDTHS = 40
_FEWEST_SPOTS = 5


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
        "sweep_of_spot": along(spots.wedge, "1"),
    }


def frame_arrays(runs: tuple[Run, ...], wedges: Numbers) -> dict[str, Any]:
    """Lay out frames along ``frame``: what is known of each, and how many blobs it has."""
    known = np.concatenate([run.frames for run in runs])
    return {
        "blobs": ("frame", np.concatenate([run.sizes for run in runs]), {"units": "1"}),
        "frame_omega": ("frame", known[:, OMEGA], {"units": "deg"}),
        "frame_masked": ("frame", known[:, MASKED], {"units": "1"}),
        "sweep_of_frame": ("frame", wedges, {"units": "1"}),
    }


def sweep_arrays(
    spots: Spots,
    angles: Angles,
    large: NDArray[np.bool_],
    runs: tuple[Run, ...],
    wedges: Numbers,
    slow: tuple[str, str],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Compare the sweeps that have enough spots, the first and the newest ones of them.

    Args:
        spots: All of them.
        angles: Of them.
        large: Which are large enough to have widths.
        runs: Their frames.
        wedges: Sweep of each frame.
        slow: Name and unit of the slow axis; an empty name if there is none.

    Returns:
        Variables and coordinates.
    """
    count = np.bincount(spots.wedge[large], minlength=int(wedges.max()) + 1)
    enough = np.flatnonzero(count >= _FEWEST_SPOTS)
    enough = np.concatenate([enough[:1], enough[1:][1 - _MOST_SWEEPS :]])
    members = [np.flatnonzero(large & (spots.wedge == one)) for one in enough.tolist()]
    widths: list[Floats] = [angles.eta_width[one] for one in members]
    top = float(np.quantile(np.concatenate(widths), 0.99)) if widths else 0.0
    edges = np.linspace(0, top or 1.0, _WIDTHS)
    wider = [[float((some > edge).mean()) for edge in edges.tolist()] for some in widths]
    medians = np.array([median_of(some) for some in widths]).reshape(-1, 2)
    known = np.concatenate([run.frames for run in runs])
    variables = {
        "share_of_wider_spots": (("sweep", "width"), np.reshape(np.array(wider), (-1, _WIDTHS)), {"units": "1"}),
        "median_eta_width": ("sweep", medians[:, 0], {"units": "deg"}),
        "median_eta_width_error": ("sweep", medians[:, 1], {"units": "deg"}),
        "spots": ("sweep", count[enough], {"units": "1"}),
    }
    coordinates: dict[str, Any] = {"width": ("width", edges, {"units": "deg", "long_name": "azimuthal width"})}
    if slow[0]:
        at = [float(known[wedges == one, SLOW].mean()) for one in enough.tolist()]
        coordinates[slow[0]] = ("sweep", np.array(at), {"units": slow[1]})
    else:
        coordinates["number"] = ("sweep", enough, {"units": "1"})
    return variables, coordinates
