"""Recentre: once a whole range has been seen, spend the rest of the scan around the peak that is in it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from steering.core.action import SetParameter
from steering.core.agent import Suggestion
from steering.core.parameter import Parameter
from steering.core.result import Result

# After a change, another is suggested only if it would move by more than this part.
_CENTRE_DEAD_BAND = 0.25
_RANGE_DEAD_BAND = 0.3
# The peak must stand out from the background by so many standard deviations of its own intensity.
_SIGNIFICANCE = 5.0


class Recentre:
    """Suggests centre and range of a rocking scan from its curve.

    It waits until the measured angles cover the range, so that it cannot settle on the first of several peaks, and
    suggests nothing while the curve has no significant peak with both flanks.
    """

    name = "recentre"

    def __init__(self, axis: str = "th", widths: float = 3.6, coverage: float = 0.9) -> None:
        """Choose how much of the curve to keep.

        Args:
            axis: Angle in the curve.
            widths: Range to suggest, in full widths at half maximum.
            coverage: Part of the present range that must have been measured.
        """
        self._axis = axis
        self._widths = widths
        self._coverage = coverage
        self._waiting: tuple[Suggestion, ...] = ()
        # What was suggested last, and what held then: until that changes, the suggestion counts as followed.
        self._run = ""
        self._asked: dict[str, tuple[float, float]] = {}
        self._held: dict[str, float] = {}

    def ingest(self, result: Result, parameters: Sequence[Parameter]) -> None:
        """Take in a newer result and the parameters with their values in force."""
        self._waiting = ()
        if result.provenance.run != self._run:
            self._run, self._asked = result.provenance.run, {}
        known = {item.name: self._as_asked(item) for item in parameters}
        features = result.outcome.features
        if not {"centre", "range"} <= known.keys() or not {"peak", "fwhm", "maximum"} <= features.keys():
            return
        if self._covered(result, known) and self._significant(result):
            self._waiting = self._wanted(result, known)

    def suggest(self) -> Sequence[Suggestion]:
        """Return what to do now; each suggestion once."""
        waiting, self._waiting = self._waiting, ()
        for suggestion in waiting:
            if isinstance(suggestion.action, SetParameter):
                name = suggestion.action.parameter
                self._asked[name] = (self._held[name], suggestion.action.value)
        return waiting

    def _as_asked(self, parameter: Parameter) -> Parameter:
        self._held[parameter.name] = parameter.value
        held, asked = self._asked.get(parameter.name, (math.nan, math.nan))
        return replace(parameter, value=asked) if parameter.value == held else parameter

    def _covered(self, result: Result, known: Mapping[str, Parameter]) -> bool:
        positions = result.outcome.data[self._axis].values
        centre, width = known["centre"].value, known["range"].value
        low, high = centre - width / 2, centre + width / 2
        seen = positions[(positions >= low - 1e-9) & (positions <= high + 1e-9)]
        return len(seen) > 1 and float(seen.max() - seen.min()) >= self._coverage * width

    @staticmethod
    def _significant(result: Result) -> bool:
        intensity = result.outcome.data["intensity"].values
        maximum = result.outcome.features["maximum"]
        background = float(np.median(intensity))
        return maximum.value - background > _SIGNIFICANCE * maximum.uncertainty

    def _wanted(self, result: Result, known: Mapping[str, Parameter]) -> tuple[Suggestion, ...]:
        features = result.outcome.features
        fwhm = features["fwhm"].value
        middle = features.get("centre_of_mass", features["peak"]).value
        centre, width = known["centre"], known["range"]
        if "step" in known:
            # On the grid that is there: new points fall between or onto old ones, and none is measured twice.
            step = known["step"].value
            middle = centre.value + round((middle - centre.value) / step) * step
            fitting = 2 * step * math.ceil(self._widths * fwhm / (2 * step))
        else:
            fitting = self._widths * fwhm
        new_centre, new_width = _reachable(centre, middle), _reachable(width, fitting)
        moved = abs(new_centre - centre.value) > _CENTRE_DEAD_BAND * fwhm
        resized = abs(new_width - width.value) > _RANGE_DEAD_BAND * width.value
        if not moved and not resized:
            return ()
        units = centre.units
        why = f"the peak is at {features['peak'].value:.4f} {units}, {fwhm:.4f} {units} wide"
        found: list[Suggestion] = []
        if moved:
            found.append(Suggestion(SetParameter("centre", new_centre), f"go to the peak: {why}", result.basis))
        if resized:
            found.append(Suggestion(SetParameter("range", new_width), f"{self._widths:g} widths: {why}", result.basis))
        return tuple(found)


def _reachable(parameter: Parameter, value: float) -> float:
    """Come as near to a value as the parameter's limits and largest step allow, rounded to its decimals."""
    low = max(parameter.low, parameter.value - parameter.largest_step)
    high = min(parameter.high, parameter.value + parameter.largest_step)
    rounded = round(min(max(value, low), high), parameter.decimals)
    return min(max(rounded, low), high)
