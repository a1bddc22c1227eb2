"""Which reflections of known grains are there: how much of each grain is still seen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.core.result import Feature
from steering.hedm.forward import Hits
from steering.hedm.spots import Spots
from steering.spots.lit import Numbers


@dataclass(frozen=True, eq=False)
class Completeness:
    """Of grains, in their order.

    Attributes:
        expected: How many reflections the newest sweep should show, shape ``(grains,)``.
        found: How many of them there are.
    """

    expected: Numbers
    found: Numbers

    @property
    def share(self) -> Floats:
        """Share of the reflections that are there, in percent; NaN for a grain of which none is expected."""
        with np.errstate(invalid="ignore"):
            return 100 * self.found / np.where(self.expected > 0, self.expected, np.nan)

    @property
    def feature(self) -> Feature | None:
        """The share over all grains; nothing if none is expected."""
        expected, found = int(self.expected.sum()), int(self.found.sum())
        if not expected:
            return None
        share = found / expected
        # At 0 and 100 % one reflection more or less is what is not known.
        error = max(float(np.sqrt(share * (1 - share) / expected)), 1 / expected)
        return Feature(100 * share, 100 * error, "%")


def completeness_of(
    hits: Hits, grains: int, spots: Spots, chosen: Numbers, omega: Floats, within: tuple[float, float]
) -> Completeness:
    """Look for a spot at each place where a reflection should be.

    Args:
        hits: Those that the panel sees.
        grains: How many grains there are.
        spots: All of them.
        chosen: Places of those that are looked at: the newest sweep's.
        omega: Angles of the sweep's frames in degrees.
        within: How far a spot may be away, in pixels and in degrees of omega.
    """
    none = Completeness(np.zeros(grains, np.int64), np.zeros(grains, np.int64))
    known = omega[np.isfinite(omega)]
    if not len(known) or not len(hits.row):
        return none
    low, high = float(known.min()), float(known.max())
    # A hit within the sweep, whole turns aside.
    at = low + (hits.omega - low) % 360
    swept = np.flatnonzero(at <= high)
    expected = np.bincount(hits.grain[swept], minlength=grains)
    use = chosen[np.isfinite(spots.omega[chosen])]
    if not len(use) or not len(swept):
        return Completeness(expected, none.found)
    there = _near(
        np.stack([hits.row[swept] / within[0], hits.column[swept] / within[0], at[swept] / within[1]], 1),
        np.stack([spots.row[use] / within[0], spots.column[use] / within[0], spots.omega[use] / within[1]], 1),
    )
    return Completeness(expected, np.bincount(hits.grain[swept[there]], minlength=grains))


def _near(wanted: Floats, given: Floats) -> NDArray[np.bool_]:
    """Say which points have another one within 1 along each axis."""
    from scipy.spatial import KDTree

    away, _ = KDTree(given).query(wanted, p=np.inf, distance_upper_bound=1.0)
    return np.isfinite(away)
