"""Fits of correlation curves: g2 = baseline + contrast exp(-2 (t / tau0)^stretching), the Siegert relation."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats

NAMES = ("contrast", "tau0", "stretching", "baseline")
UNITS = {"contrast": "1", "tau0": "s", "stretching": "1", "baseline": "1"}
# Those of tau0 are a tenth of the first lag and ten times the last.
_BOUNDS = {"contrast": (0.0, 2.0), "stretching": (0.2, 3.0), "baseline": (0.8, 1.2)}
_FEWEST = 5
# Parts of the largest singular value below this are rounding errors.
_SMALLEST = 1e-10


@dataclass(frozen=True, eq=False)
class Fit:
    """Parameters of each curve: value and one standard deviation, NaN where there is none.

    Attributes:
        values: By name, each of shape ``(curves,)``.
        errors: Likewise; 0 for what was fixed, NaN for what the curve does not determine.
    """

    values: Mapping[str, Floats]
    errors: Mapping[str, Floats]

    def curve(self, delays: Floats) -> Floats:
        """Give the fitted curves, shape ``(delays, curves)``."""
        return model(delays[:, None], *(self.values[name] for name in NAMES))


def model(delays: Floats, contrast: Any, tau0: Any, stretching: Any, baseline: Any) -> Floats:
    """Give g2 at delays; all arguments may be arrays."""
    return baseline + contrast * np.exp(-2 * (delays / tau0) ** stretching)


def fit_curves(
    delays: Floats,
    g2: Floats,
    error: Floats,
    fixed: Mapping[str, float],
    shared: Collection[str] = (),
    bounds: Mapping[str, tuple[float, float]] | None = None,
) -> Fit:
    """Fit all curves; where nothing is shared each by itself.

    Args:
        delays: In seconds, shape ``(lags,)``.
        g2: Shape ``(lags, curves)``.
        error: Of that shape; a curve in which none is known is fitted without weights.
        fixed: Values of parameters that are not fitted.
        shared: Names of parameters that all curves have in common.
        bounds: Lowest and highest value of parameters, tau0 in seconds, where they are not to be ours.
    """
    count = g2.shape[1]
    within = {**_BOUNDS, "tau0": (float(delays[0]) / 10, float(delays[-1]) * 10), **(bounds or {})}
    values = {name: np.full(count, np.nan) for name in NAMES}
    errors = {name: np.full(count, np.nan) for name in NAMES}
    usable = [one for one in range(count) if np.isfinite(g2[:, one]).sum() >= _FEWEST]
    groups = [usable] if shared and usable else [[one] for one in usable]
    for group in groups:
        found = _fit(delays, g2[:, group], error[:, group], fixed, shared, within)
        if found is not None:
            for name in NAMES:
                values[name][group], errors[name][group] = found[0][name], found[1][name]
    return Fit(values, errors)


def _fit(
    delays: Floats,
    g2: Floats,
    error: Floats,
    fixed: Mapping[str, float],
    shared: Collection[str],
    bounds: Mapping[str, tuple[float, float]],
) -> tuple[dict[str, Floats], dict[str, Floats]] | None:
    """Fit some curves together; nothing if that does not converge."""
    from scipy import optimize

    count = g2.shape[1]
    good = np.isfinite(g2)
    known = np.isfinite(error) & (error > 0)
    weighted = bool((known | ~good).all())
    weights = np.where(good, 1 / np.where(known, error, 1.0) if weighted else 1.0, 0.0)
    wanted = np.where(good, g2, 0.0)
    # tau0 is fitted as its logarithm.
    low, high = {name: one for name, (one, _) in bounds.items()}, {name: one for name, (_, one) in bounds.items()}
    low["tau0"], high["tau0"] = math.log(low["tau0"]), math.log(high["tau0"])
    places: dict[str, NDArray[np.int64]] = {}
    start: list[float] = []
    limits: list[tuple[float, float]] = []
    guess = _guess(delays, g2)
    for name in NAMES:
        if name in fixed:
            continue
        one = name in shared
        places[name] = np.full(count, len(start)) if one else np.arange(len(start), len(start) + count)
        first = [float(np.mean(guess[name]))] if one else guess[name].tolist()
        margin = 1e-6 * (high[name] - low[name])
        start += [min(max(value, low[name] + margin), high[name] - margin) for value in first]
        limits += [(low[name], high[name])] * len(first)

    def spread(vector: Floats) -> dict[str, Any]:
        found: dict[str, Any] = {name: vector[place] for name, place in places.items()}
        if "tau0" in found:
            found["tau0"] = np.exp(found["tau0"])
        return {name: np.full(count, value) for name, value in fixed.items()} | found

    def residuals(vector: Floats) -> Floats:
        return ((model(delays[:, None], **spread(vector)) - wanted) * weights).ravel()

    values = spread(np.array(start))
    if not start:
        return values, {name: np.zeros(count) for name in NAMES}
    fit = cast("Any", optimize).least_squares
    done = fit(residuals, start, bounds=tuple(zip(*limits, strict=True)), max_nfev=200)
    left = int(good.sum()) - len(start)
    if not done.success or left < 1:
        return None
    scale = 1.0 if weighted else float(2 * done.cost / left)
    variance = _variances(np.asarray(done.jac, np.float64)) * scale
    values = spread(done.x)
    errors = {name: np.zeros(count) for name in fixed}
    errors |= {name: np.sqrt(variance[place]) for name, place in places.items()}
    if "tau0" in places:
        errors["tau0"] = errors["tau0"] * values["tau0"]
    return values, errors


def _variances(slopes: Floats) -> Floats:
    """Return the variances of parameters, of residuals with variance 1; NaN where the residuals do not depend on them.

    A curve without contrast has no decay: nothing is known of its time then, which is not to be an error of 0.

    Args:
        slopes: Derivatives of the residuals by the parameters, shape ``(residuals, parameters)``.
    """
    length = np.linalg.norm(slopes, axis=0)
    felt = length > 0
    # Each in its own measure: what a weak one says is no rounding error of a strong one.
    _, sizes, axes = np.linalg.svd(slopes / np.where(felt, length, 1.0), full_matrices=False)
    held = sizes > _SMALLEST * sizes.max()
    variance = ((axes[held] / sizes[held, None]) ** 2).sum(axis=0) / np.where(felt, length, 1.0) ** 2
    open_ends = (axes[~held] ** 2).sum(axis=0) > _SMALLEST
    return np.where(felt & ~open_ends, variance, np.nan)


def _guess(delays: Floats, g2: Floats) -> dict[str, Floats]:
    """Begin near: the last lags are the baseline, the first the contrast, and tau0 is where half is left."""
    tail = max(len(delays) // 8, 1)
    filled = np.where(np.isfinite(g2), g2, 1.0)
    baseline = np.clip(np.median(filled[-tail:], axis=0), 0.9, 1.1)
    contrast = np.maximum(filled[:2].max(axis=0) - baseline, 1e-3)
    below = (filled - baseline) < contrast / 2
    half = delays[np.where(below.any(axis=0), below.argmax(axis=0), len(delays) - 1)]
    return {
        "contrast": contrast,
        "tau0": np.log(half * 2 / np.log(2)),
        "stretching": np.ones(g2.shape[1]),
        "baseline": baseline,
    }
