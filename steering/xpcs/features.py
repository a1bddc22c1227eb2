"""What a scan is steered on: decay, contrast, how well they are known, and whether the beam does damage."""

import numpy as np
import xarray as xr

from steering.core.block import Floats
from steering.core.result import Feature
from steering.moments.drift import drift_of
from steering.xpcs.curves import Curves
from steering.xpcs.fit import NAMES, UNITS, Fit


def features_of(data: xr.Dataset, curves: Curves, fit: Fit | None) -> dict[str, Feature]:
    """Name numbers to steer on; curves are those of the q whose first lag is known best. What is not known is left out.

    Args:
        data: With ``intensity``, ``intensity_in_time`` and the coordinate ``q``.
        curves: Of the bursts.
        fit: Of the curves.
    """
    found = {"bursts": Feature(float(curves.bursts), 0.0, "1")}
    found["intensity"] = Feature(float(data["intensity"].mean()), float("nan"), "counts/px")
    found |= _damage(data)
    found |= _of_curves(data, curves, fit) if len(curves.lags) else {}
    return {name: one for name, one in found.items() if np.isfinite(one.value)}


def best_of(curves: Curves) -> int:
    """Say of which dynamic bin the first lag is known best."""
    error = np.nan_to_num(curves.error[0], nan=np.inf)
    return int(np.argmin(error)) if np.isfinite(error).any() else 0


def _of_curves(data: xr.Dataset, curves: Curves, fit: Fit | None) -> dict[str, Feature]:
    """Say how the curve of the best known q begins and decays, and how the decay depends on q."""
    found: dict[str, Feature] = {}
    at = best_of(curves)
    error = float(curves.error[0, at])
    found["g2_first"] = Feature(float(curves.g2[0, at]), float(curves.error[0, at]), "1")
    signal = float(curves.g2[0, at]) - 1.0
    if signal > 0 and np.isfinite(error):
        found["g2_error"] = Feature(100 * error / signal, float("nan"), "%")
    if fit is not None:
        for name in NAMES:
            found[name] = Feature(float(fit.values[name][at]), float(fit.errors[name][at]), UNITS[name])
        found |= _diffusion(data["q"].values, fit, str(data["q"].attrs["units"]))
    return found


def _damage(data: xr.Dataset) -> dict[str, Feature]:
    """Say by how much the light changed from the first to the last segment of the newest burst.

    Speckle itself flickers, so what the segments scatter counts where that is more than counting says.
    """
    found = drift_of(data["intensity_in_time"].values, data["intensity_in_time_error"].values)
    return {} if found is None else {"damage": Feature(*found, "%")}


def _diffusion(q: Floats, fit: Fit, units: str) -> dict[str, Feature]:
    """Fit 1 / tau0 = D q^2, and the exponent of tau0 over q."""
    tau0, error = fit.values["tau0"], fit.errors["tau0"]
    use = np.isfinite(tau0) & np.isfinite(error) & (error > 0) & (error < tau0) & (q > 0)
    if use.sum() < 3:
        return {}
    relative = error[use] / tau0[use]
    each = 1 / (tau0[use] * q[use] ** 2)
    weight = 1 / (each * relative) ** 2
    squared = "angstrom^2/s" if units == "1/angstrom" else f"{units}^-2/s"
    rate = Feature(float(np.average(each, weights=weight)), float(1 / np.sqrt(weight.sum())), squared)
    along, weight = np.log(q[use]), 1 / relative**2
    middle = np.average(along, weights=weight)
    inertia = float(np.sum(weight * (along - middle) ** 2))
    slope = float(np.sum(weight * (along - middle) * np.log(tau0[use]))) / inertia
    return {"diffusion": rate, "q_exponent": Feature(slope, float(1 / np.sqrt(inertia)), "1")}
