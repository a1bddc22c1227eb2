"""What is shown and kept of bursts: curves, their fits, and the light by q and by time."""

from typing import Any

import numpy as np

from steering.core.block import Floats
from steering.xpcs.bins import Bins
from steering.xpcs.chain import Chain
from steering.xpcs.curves import Curves
from steering.xpcs.fit import NAMES, UNITS, Fit


def arrays_of(curves: Curves, delays: Floats, fit: Fit | None) -> dict[str, Any]:
    """Lay out curves and fits as variables of a dataset, along ``q_bin`` and ``delay``."""
    found: dict[str, Any] = {
        "g2": (("q_bin", "delay"), curves.g2.T, {"units": "1", "long_name": "g2"}),
        "g2_error": (("q_bin", "delay"), curves.error.T, {"units": "1"}),
        "lag": ("delay", curves.lags, {"units": "frames"}),
    }
    if fit is not None:
        found["g2_fit"] = (("q_bin", "delay"), fit.curve(delays).T, {"units": "1"})
        for name in NAMES:
            found[name] = ("q_bin", fit.values[name], {"units": UNITS[name]})
            found[f"{name}_error"] = ("q_bin", fit.errors[name], {"units": UNITS[name]})
    return found


def light_of(bursts: list[list[Chain]], bins: Bins, period: float, segment: int) -> dict[str, Any]:
    """Mean counts a pixel and frame: by q over the bursts, and by time in the newest burst."""
    newest, count = bursts[-1], len(bins.q)
    counts, seen = np.zeros(count), np.zeros(count)
    for chain in (one for chains in bursts for one in chains):
        counts += np.bincount(bins.dynamic, chain.levels[0].total, count)
        seen += np.bincount(bins.dynamic, chain.good * chain.levels[0].count, count)
    places = sorted({place for chain in newest for place in chain.segments})
    light, pixels, at = np.zeros(len(places)), np.zeros(len(places)), {place: one for one, place in enumerate(places)}
    for chain in newest:
        for place, (frames, caught) in chain.segments.items():
            light[at[place]] += caught
            pixels[at[place]] += frames * float(chain.good.sum())
    times = (np.array(places, np.float64) + 0.5) * segment * period
    with np.errstate(invalid="ignore", divide="ignore"):
        units = {"units": "counts/px"}
        return {
            "intensity": ("q_bin", counts / seen, units),
            "intensity_error": ("q_bin", np.sqrt(counts) / seen, units),
            "intensity_in_time": ("segment", light / pixels, units),
            "intensity_in_time_error": ("segment", np.sqrt(np.maximum(light, 1)) / pixels, units),
            "segment_time": ("segment", times, {"units": "s"}),
        }
