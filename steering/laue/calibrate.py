"""Where a panel stands, refined from a pattern of a crystal that is known, such as silicon or germanium.

Turning crystal and panel together about the beam changes no spot. So eight numbers are found, the panel's rotation and
translation and two turns of the crystal. Then both are turned until the panel's middle is as far around the beam as it
was: how far that is must be known from elsewhere.
"""

from dataclasses import dataclass, replace

import numpy as np

from steering.core.block import Floats
from steering.core.errors import SteeringError
from steering.laue.forward import directions_of
from steering.laue.indexing import Optics, matched
from steering.laue.panel import Panel, Three, reflected
from steering.laue.strain import rotation_between
from steering.spots.lit import Numbers
from steering.spots.turns import rotation_of, turn_of

_FEWEST = 10
_ROUNDS = 6
_PANEL, _UNKNOWNS = 6, 8


@dataclass(frozen=True, eq=False)
class Calibration:
    """A panel that was refined.

    Attributes:
        panel: Where it stands.
        error: Standard deviations of its rotation in rad and translation in mm, shape ``(6,)``.
        turn: Takes the crystal's axes to the laboratory's, shape ``(3, 3)``.
        spots: How many spots it rests on.
        off: Root of the mean squared distance of spots to where they should be, in pixels.
    """

    panel: Panel
    error: Floats
    turn: Floats
    spots: int
    off: float


def refine_panel(
    optics: Optics, reciprocal: Floats, turn: Floats, rows: Floats, columns: Floats, within: float = 1.5
) -> Calibration:
    """Refine a panel.

    Args:
        optics: With the panel as it is thought to stand, and its ``near.last`` for what is near enough at the end.
        reciprocal: Reciprocal edges of the crystal as columns, in its own axes, without strain.
        turn: About how it lies: takes its axes to the laboratory's.
        rows: Of the spots, in pixels.
        columns: Likewise.
        within: How far spots may be off at first, in degrees.

    Raises:
        SteeringError: If too few spots are where they should be.
    """
    found = Calibration(optics.panel, np.full(_PANEL, np.nan), turn, 0, np.nan)
    for angle in np.geomspace(max(within, optics.near.last), optics.near.last, _ROUNDS).tolist():
        now = replace(optics, panel=found.panel)
        pattern = now.pattern(found.turn @ reciprocal)
        seen = found.panel.directions(rows, columns)
        expected, spots = matched(pattern.directions, seen, angle)
        if len(spots) < _FEWEST:
            message = (
                f"only {len(spots)} of {len(rows)} spots are within {angle:.2g} deg of where the crystal should have "
                f"them. A calibration needs {_FEWEST}: give its orientation, or the panel, more exactly."
            )
            raise SteeringError(message)
        begun = rotation_between(pattern.directions[expected], seen[spots], np.ones(len(spots))) @ found.turn
        found = _fitted(found.panel, reciprocal, begun, pattern.indices[expected], (rows[spots], columns[spots]))
    return found


def _fitted(panel: Panel, reciprocal: Floats, turn: Floats, indices: Numbers, at: tuple[Floats, Floats]) -> Calibration:
    from scipy.optimize import least_squares

    begin = np.array([*panel.rotation, *panel.translation, 0.0, 0.0])

    def moved(numbers: Floats) -> tuple[Panel, Floats]:
        there = replace(panel, rotation=_three(numbers[:3]), translation=_three(numbers[3:6]))
        return there, rotation_of(np.array([numbers[6], numbers[7], 0.0])) @ turn

    def off(numbers: Floats) -> Floats:
        there, turned = moved(numbers)
        row, column = there.pixels(reflected(directions_of(indices, turned @ reciprocal)))
        # Light that misses the panel's plane is as far off as can be.
        return np.nan_to_num(np.concatenate([row - at[0], column - at[1]]), nan=float(max(panel.shape)))

    # A pixel is a few 1e-4 of the distance: turns are that much smaller than lengths.
    far = float(np.linalg.norm(panel.translation))
    done = least_squares(off, begin, x_scale=np.array([1.0] * 3 + [far] * 3 + [1.0] * 2))
    scatter = float(np.sum(np.square(done.fun))) / max(len(done.fun) - _UNKNOWNS, 1)
    error = np.sqrt(np.diag(np.linalg.pinv(done.jac.T @ done.jac)) * scatter)[:_PANEL]
    there, turned = _as_far_around(panel, *moved(done.x))
    return Calibration(there, error, turned, len(indices), float(np.sqrt(2 * np.mean(np.square(done.fun)))))


def _as_far_around(before: Panel, after: Panel, turn: Floats) -> tuple[Panel, Floats]:
    """Turn a panel and a crystal about the beam until the panel's middle is as far around it as before."""
    was, now = (np.arctan2(*_middle(one)[1::-1]) for one in (before, after))
    back = rotation_of(np.array([0.0, 0.0, was - now]))
    return replace(after, rotation=_three(turn_of(back @ rotation_of(np.array(after.rotation))))), back @ turn


def _middle(panel: Panel) -> Floats:
    return rotation_of(np.array(panel.rotation)) @ panel.translation


def _three(numbers: Floats) -> Three:
    one, two, three = numbers.tolist()
    return one, two, three
