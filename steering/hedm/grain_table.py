"""The table of one grain for hexrd (``spots_*.out``): which reflections it should show, and which spots these are."""

from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.core.errors import SteeringError
from steering.hedm.forward import Hits, hits_of
from steering.hedm.grains import Grain
from steering.hedm.instrument import Instrument
from steering.hedm.spot_files import columns_of, places_of, write_table
from steering.spots.crystal import Crystal
from steering.spots.lit import Numbers

# hexrd's number of a reflection that has no spot.
_NO_SPOT = -999
_TURN = 360.0


def write_hexrd_grain(
    path: Path | str, data: xr.Dataset, grain: Grain, crystal: Crystal, instrument: Instrument,
    shortest: float = 1.0, within: tuple[float, float] = (3.0, 1.0),
) -> int:  # fmt: skip
    """Write the reflections of a grain as hexrd does, each with the spot that is nearest to where it should be.

    Args:
        path: A new file.
        data: A result of ``hedm`` that was made with the geometry; its frames are one rotation, of one state.
        grain: As :func:`steering.hedm.grains.read_grains` reads it.
        crystal: Whose grain it is.
        instrument: With the panel.
        shortest: Smallest distance of planes, in angstrom.
        within: How far a spot may be away, in pixels and in degrees of omega.

    Returns:
        How many of the reflections have a spot.

    Raises:
        SteeringError: If there are no spots with angles, sweeps show the same angles, or the file cannot be written.
    """
    spots = columns_of(data, "two_theta")
    indices, _ = crystal.reflections(shortest)
    hits = hits_of([grain], indices, instrument)
    hits = hits.chosen(hits.on(instrument.shape) & _swept(hits.omega, data))
    spot = _nearest(hits, spots, within)
    found = spot >= 0
    measured = {name: np.where(found, one[spot] if len(one) else np.nan, np.nan) for name, one in spots.items()}
    # Both angles of rotation are of one turn.
    turns = np.where(found, np.round((measured["omega"] - hits.omega) / _TURN), 0)
    number = np.where(found, np.cumsum(found) - 1, _NO_SPOT)
    length: Floats = np.linalg.norm(indices @ crystal.reciprocal().T, axis=1)
    _, planes = np.unique(np.round(length, 9), return_inverse=True)
    whole = [number, planes[hits.reflection], *indices[hits.reflection].T]
    predicted = [np.radians(one) for one in (hits.two_theta, hits.eta, hits.omega + _TURN * turns)]
    angles = [np.radians(one) for one in (measured["two_theta"], -measured["eta"], measured["omega"])]
    there, seen = (
        places_of(row, column, instrument.geometry, instrument.shape)
        for row, column in ((hits.row, hits.column), (measured["row"], measured["column"]))
    )
    numbers = [measured["spot_intensity"], measured["maximum"], *predicted, *angles, *there, *seen]
    write_table(Path(path), whole, numbers)
    return int(found.sum())


def _swept(omega: Floats, data: xr.Dataset) -> NDArray[np.bool_]:
    """Say which angles the frames have seen: half a step around each.

    Raises:
        SteeringError: If several sweeps have seen the same: which of them shows the grain is not known.
    """
    from scipy.spatial import KDTree

    known = np.isfinite(data["frame_omega"].values)
    frames, sweep = _wrapped(data["frame_omega"].values[known]), data["sweep_of_frame"].values[known]
    order = np.argsort(frames)
    steps = np.diff(frames[order])
    step = float(np.median(steps[steps > 0])) if (steps > 0).any() else 1.0
    if ((steps < step / 2) & (np.diff(sweep[order]) != 0)).any():
        message = (
            "Several sweeps of the result show the same angles, such as those of a pull. Make a result of the frames "
            "of one of them."
        )
        raise SteeringError(message)
    if not len(frames):
        return np.zeros(len(omega), np.bool_)
    away, _ = KDTree(frames[:, None], boxsize=_TURN).query(_wrapped(omega)[:, None])
    return np.asarray(away <= step / 2)


def _nearest(hits: Hits, spots: dict[str, Floats], within: tuple[float, float]) -> Numbers:
    """Find the spot of each reflection; -1 for none."""
    from scipy.spatial import KDTree

    use = np.flatnonzero(np.isfinite(spots["omega"]))
    if not len(use) or not len(hits.row):
        return np.full(len(hits.row), -1)
    near, turn = within[0], _TURN / within[1]
    given = np.stack(
        [spots["row"][use] / near, spots["column"][use] / near, _wrapped(spots["omega"][use], within[1])], 1
    )
    wanted = np.stack([hits.row / near, hits.column / near, _wrapped(hits.omega, within[1])], 1)
    # Only the angle goes around.
    away, place = KDTree(given, boxsize=[0, 0, turn]).query(wanted, p=np.inf, distance_upper_bound=1.0)
    return np.where(np.isfinite(away), use[np.minimum(place, len(use) - 1)], -1)


def _wrapped(omega: Floats, unit: float = 1.0) -> Floats:
    """Write angles in a unit of so many degrees, from 0 to below a turn; one a rounding error below 0 is 0 too."""
    turn = _TURN / unit
    found = np.asarray(omega % _TURN / unit, np.float64)
    return np.where(found < turn, found, 0.0)
