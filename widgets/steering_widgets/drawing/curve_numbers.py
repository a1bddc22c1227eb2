"""What a curve says in numbers, and which of its features is marked in it."""

import math
from collections.abc import Mapping

import ipywidgets
import numpy as np
import xarray as xr

from steering.core.result import Feature, Result
from steering_widgets.drawing.curve_data import Curve
from steering_widgets.parts.calm import Calm
from steering_widgets.parts.units import shown_unit
from steering_widgets.parts.wording import escape, feature_text, title

PEAK, WIDTH, CENTRE_OF_MASS, FIT_CENTRE = "peak", "fwhm", "centre_of_mass", "fit_centre"
# Listed even while the data do not allow them yet, so that their absence is said and not just seen.
EXPECTED = (PEAK, WIDTH, CENTRE_OF_MASS)
HIGHEST, MASS, FITTED = "Highest point", "Centre of mass", "Middle of the fit"
# The fit where there is one: the highest sample of a coarse scan may be half a step beside the peak.
BEST = "Best known"
MARKS = (BEST, FITTED, MASS, HIGHEST)
_FEATURES = {HIGHEST: PEAK, MASS: CENTRE_OF_MASS, FITTED: FIT_CENTRE}

_DRAWN = (
    ' <span class="st-drawn" role="img" aria-label="drawn" title="The dashed line stands here">'
    "\N{BLACK LEFT-POINTING TRIANGLE}</span>"
)


class CurveNumbers:
    """The features of a curve with their uncertainties.

    Attributes:
        widget: What is displayed.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self.widget = ipywidgets.HTML()
        self.widget.add_class("st-numbers")
        self._text = Calm(self._write, "")

    def show(self, result: Result, mark: str) -> None:
        """Show the features of a result, and which of them is drawn: ``mark``, which :func:`meant` has given."""
        features, marked = result.outcome.features, _FEATURES.get(mark, "")
        names = [*EXPECTED, *(name for name in features if name not in EXPECTED)]
        cells: list[str] = []
        for name in names:
            feature = features.get(name)
            text = feature_text(feature) if feature is not None else "not known yet"
            hint = "" if feature is not None else ' class="st-faint"'
            words = f"{title(name)}, highest point" if name == PEAK else title(name)
            shown = escape(words) + (_DRAWN if name == marked else "")
            cells.append(f"<div><dt>{shown}</dt><dd{hint}>{escape(text)}</dd></div>")
        text = f'<dl class="st-features">{"".join(cells)}</dl>'
        self._text.put(text, text)

    def settle(self) -> None:
        """Write what was put off, once it is due."""
        self._text.settle()

    def clear(self) -> None:
        """Say that there are none."""
        text = '<div class="st-faint">The curve appears with the first frames of a rocking scan.</div>'
        self._text.put(text, text)

    def _write(self, text: str) -> None:
        if self.widget.value != text:
            self.widget.value = text


def meant(mark: str, features: Mapping[str, Feature], data: xr.Dataset) -> str:
    """Say which place is marked: for :data:`BEST` the first of fit, centre of mass and highest point that is known.

    Args:
        mark: One of :data:`MARKS`.
        features: Of the result.
        data: Of the result.
    """
    if mark != BEST:
        return mark
    known = (one for one in (FITTED, MASS) if math.isfinite(place_of(one, features, data)))
    return next(known, HIGHEST)


def place_of(mark: str, features: Mapping[str, Feature], data: xr.Dataset) -> float:
    """Say where a mark stands, in the axis' unit; NaN where that is not known.

    Args:
        mark: What :func:`meant` has given.
        features: Of the result.
        data: Of the result.
    """
    feature = feature_of(mark, features)
    if feature is None and mark == FITTED:
        # Results of before the fit was a feature.
        return float(data.attrs.get("fit_centre", math.nan))
    return feature.value if feature is not None else math.nan


def feature_of(mark: str, features: Mapping[str, Feature]) -> Feature | None:
    """Give the feature that a mark stands at; ``mark`` is what :func:`meant` has given."""
    return features.get(_FEATURES.get(mark, ""))


def half_height(data: xr.Dataset) -> float:
    """Return the level at which the width is taken: half-way between the lowest and the highest point."""
    values = data["intensity"].values
    return float(np.nanmin(values) + np.nanmax(values)) / 2 if values.size else math.nan


def point_text(curve: Curve, frame: int) -> str:
    """Write a point of a curve with its uncertainty; empty if the frame is none of its points."""
    found = np.flatnonzero(curve.frames == frame)
    if not found.size:
        return ""
    at = int(found[0])
    feature = Feature(float(curve.values[at]), float(curve.errors[at]), curve.value_units)
    return f"Frame {frame}: {curve.axis} {curve.positions[at]:.6g} {shown_unit(curve.units)}, {feature_text(feature)}."
