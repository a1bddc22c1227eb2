"""Recentre: once a whole range has been seen, spend the rest of the scan around the peak that is in it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from steering.core.action import SetParameter
from steering.core.agent import Suggestion
from steering.core.block import Floats
from steering.core.parameter import Parameter
from steering.core.result import Result

# A new path is suggested only if it would move the centre by more than this part of the width, or the range by more
# than this part of itself.
_CENTRE_DEAD_BAND = 0.25
_RANGE_DEAD_BAND = 0.3
# A point stands out if it is above the background by so many standard deviations of its own intensity.
_SIGNIFICANCE = 5.0
# Read-back angles lie a little beside the path's: so much of a step more may lie between two samples.
_SLACK = 0.5


@dataclass(frozen=True)
class _Ask:
    """A change that was suggested: what held then, and what was asked for."""

    held: float
    value: float


@dataclass(frozen=True)
class _Goal:
    """Where a parameter is to go, in one step or more, and why."""

    parameter: str
    value: float
    reason: str


class Recentre:
    """Suggests centre and range of a rocking scan from its curve.

    It waits until the measured angles leave no gap in the range, so that it cannot settle on the first of several
    peaks, and suggests nothing unless the curve has a peak with both flanks that stands clearly out: its highest sample
    is more than five standard deviations above the background (the median), and either a second sample lies above half
    the maximum or both neighbours stand out too, so that one hot frame is no peak.

    What it suggests is within each parameter's limits and largest step, so a guard accepts it if nobody else steers.
    What the largest step forbids at once goes in several, each after the one before has been followed. The range
    narrows before the centre moves, and widens after: so no path on the way reaches where neither end of the way does.
    """

    name = "recentre"
    steers = ("centre", "range")

    def __init__(self, axis: str = "", widths: float = 3.0, coverage: float = 0.9) -> None:
        """Choose how much of the curve to keep.

        Args:
            axis: Axis of the curve; that which the analysis says it measured along if left out.
            widths: Range to suggest, in full widths at half maximum. With 3 the recorded scan of 34-ID-C ends after 63
                of 201 points, four of them lost while the decision is on its way, and after 77 at most wherever its
                coarse pass falls; with 4 after 75, but more than 80 where the coarse pass takes the peak for wider.
            coverage: How much of the present range must have been measured: the longest stretch without a sample is at
                most the rest of it, or one step if that is longer.

        Raises:
            ValueError: If the widths are not above 0 or the coverage is not between 0 and 1.
        """
        if not (widths > 0 and 0 < coverage < 1):
            message = f"widths = {widths:g} and coverage = {coverage:g}: allowed are widths above 0, coverage 0 to 1"
            raise ValueError(message)
        self._axis = axis
        self._widths = widths
        self._coverage = coverage
        self._run = ""
        # A suggestion counts as followed until somebody sets something else, so none is made twice.
        self._asked: dict[str, _Ask] = {}
        self._goals: tuple[_Goal, ...] = ()
        self._waiting: dict[str, tuple[Suggestion, _Ask]] = {}

    def ingest(self, result: Result, parameters: Sequence[Parameter]) -> None:
        """Take in a newer result and the parameters with their values in force."""
        known = {item.name: item for item in parameters}
        self._waiting = {}
        if result.provenance.run != self._run:
            self._run, self._asked, self._goals = result.provenance.run, {}, ()
        if any(known[name].value not in (ask.held, ask.value) for name, ask in self._asked.items() if name in known):
            self._asked, self._goals = {}, ()
        features, data = result.outcome.features, result.outcome.data
        axis = self._axis or _axis_of(result)
        if not {"centre", "range"} <= known.keys() or not {"peak", "fwhm"} <= features.keys() or axis not in data:
            return
        self._goals = tuple(goal for goal in self._goals if self._expected(known[goal.parameter]) != goal.value)
        if not self._goals and self._covered(data[axis].values, known) and _stands_out(result):
            self._goals = self._decide(result, known)
        for goal in self._goals:
            parameter, expected = known[goal.parameter], self._expected(known[goal.parameter])
            value = _reachable(parameter, expected, goal.value)
            if value != expected:
                suggestion = Suggestion(SetParameter(parameter.name, value), goal.reason, result.basis)
                self._waiting[parameter.name] = (suggestion, _Ask(parameter.value, value))
            if value != goal.value:
                break

    def suggest(self) -> Sequence[Suggestion]:
        """Return what to do now; each suggestion once."""
        waiting, self._waiting = self._waiting, {}
        self._asked |= {name: ask for name, (_, ask) in waiting.items()}
        return tuple(suggestion for suggestion, _ in waiting.values())

    def _expected(self, parameter: Parameter) -> float:
        """Return the value that holds once what was suggested is followed."""
        ask = self._asked.get(parameter.name)
        return parameter.value if ask is None else ask.value

    def _covered(self, positions: Floats, known: Mapping[str, Parameter]) -> bool:
        centre, width = self._expected(known["centre"]), self._expected(known["range"])
        step = self._expected(known["step"]) if "step" in known else 0.0
        low, high = centre - width / 2, centre + width / 2
        inside = positions[(positions > low) & (positions < high)]
        gaps = np.diff(np.sort(np.concatenate([[low], inside, [high]])))
        return float(gaps.max()) <= max((1 - self._coverage) * width, (1 + _SLACK) * step) * (1 + 1e-6)

    def _decide(self, result: Result, known: Mapping[str, Parameter]) -> tuple[_Goal, ...]:
        """Say which parameters are to go where, in this order."""
        features = result.outcome.features
        fwhm, units = features["fwhm"].value, known["centre"].units
        centre, width = self._expected(known["centre"]), self._expected(known["range"])
        place = "centre_of_mass" if "centre_of_mass" in features else "peak"
        found = middle = features[place].value
        fitting = self._widths * fwhm
        if "step" in known:
            # On the grid that is there: new points fall between or onto old ones.
            step = self._expected(known["step"])
            middle = centre + round((middle - centre) / step) * step
            fitting = 2 * step * math.ceil(fitting / (2 * step))
        middle, fitting = _allowed(known["centre"], middle), _allowed(known["range"], fitting)
        # One reason is enough for a new path, and then both go to their best: later, the other would cost another path.
        if abs(middle - centre) <= _CENTRE_DEAD_BAND * fwhm and abs(fitting - width) <= _RANGE_DEAD_BAND * width:
            return ()
        move = _Goal("centre", middle, f"its {place.replace('_', ' ')} is at {found:.4f} {units}")
        resize = _Goal("range", fitting, f"{self._widths:g} widths of the peak, which is {fwhm:.4f} {units} wide")
        goals = (resize, move) if fitting < width else (move, resize)
        return tuple(goal for goal in goals if goal.value != self._expected(known[goal.parameter]))


def _axis_of(result: Result) -> str:
    """Name what a curve was measured along; empty if there is no curve."""
    data = result.outcome.data
    named = str(result.provenance.parameters.get("axis", ""))
    if named or "intensity" not in data:
        return named
    names = [str(name) for name in data.coords]
    return next((name for name in names if data[name].dims == data["intensity"].dims), "")


def _stands_out(result: Result) -> bool:
    """Say whether the highest sample is part of a peak; see the class."""
    data = result.outcome.data
    intensity, error = data["intensity"].values, data["intensity_error"].values
    above = intensity - float(np.median(intensity))
    top = int(np.argmax(intensity))
    clear = above > _SIGNIFICANCE * error
    sampled = int(np.sum(above > above[top] / 2)) > 1
    return bool(clear[top]) and (sampled or bool(clear[max(top - 1, 0) : top + 2].all()))


def _allowed(parameter: Parameter, value: float) -> float:
    """Clip a value to a parameter's limits, rounded to its decimals."""
    return min(max(round(float(value), parameter.decimals), parameter.low), parameter.high)


def _reachable(parameter: Parameter, expected: float, goal: float) -> float:
    """Come as near to a goal as the largest step allows.

    The step counts from the value in force as well as from the one that is expected: whether an earlier suggestion has
    been accepted is not known yet.
    """
    low = max(parameter.value, expected) - parameter.largest_step
    high = min(parameter.value, expected) + parameter.largest_step
    if low <= goal <= high:
        return goal
    return min(max(_allowed(parameter, min(max(goal, low), high)), low), high)
