"""Two-time correlation of the newest burst: how its dynamics change with age.

A burst is cut into slots of some frames, whose counts are added. For a dynamic bin with static bins s,
C(t1, t2) = sum P_s(t1, t2) / sum (I_s(t1) I_s(t2) / n_s): P_s is the sum of products of the counts of each pixel in
both slots, I_s a slot's counts and n_s the bin's good pixels. Sums are whole numbers, so their order says nothing. A
cut at an age is the same ratio over all pairs of slots with one delay whose middle lies in a part of the burst (Sutton
et al., Opt. Express 11, 2268, 2003).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.core.result import Feature
from steering.xpcs.bins import Bins
from steering.xpcs.fit import fit_curves
from steering.xpcs.products import Counts, Frames
from steering.xpcs.slots import Slot

# A burst is cut into so many parts of its age.
AGES = 4
_FEWEST = 3


@dataclass(frozen=True, eq=False)
class TwoTime:
    """Sums of the newest burst.

    Attributes:
        slots: Numbers of the slots that are whole, rising, shape ``(slots,)``.
        products: Sums of products by dynamic bin and two slots, shape ``(dynamic, slots, slots)``.
        expected: What they would be if nothing were correlated, of that shape.
    """

    slots: NDArray[np.int64]
    products: Floats
    expected: Floats


def two_time_of(slots: Sequence[tuple[int, Slot]], length: int, good: Counts, bins: Bins) -> TwoTime | None:
    """Correlate the slots that are whole; nothing if they are too few.

    Args:
        slots: Number and counts of each, rising; all of the same good pixels.
        length: Frames of a whole one.
        good: Those pixels of each static bin, shape ``(static,)``.
        bins: The bins of pixels.
    """
    whole = [(number, slot) for number, slot in slots if slot.frames == length]
    if len(whole) < _FEWEST:
        return None
    count, some = len(bins.q), len(whole)
    products, expected = np.zeros((count, some, some)), np.zeros((count, some, some))
    frames: list[Frames] = [slot.counts for _, slot in whole]
    for static, dynamic in enumerate(bins.dynamic.tolist()):
        counts = np.stack([one[static] for one in frames]).astype(np.float64)
        light = counts.sum(axis=1)
        products[dynamic] += counts @ counts.T
        # A bin without one good pixel has no light.
        expected[dynamic] += np.outer(light, light) / max(int(good[static]), 1)
    return TwoTime(np.array([number for number, _ in whole]), products, expected)


def two_time_arrays(found: TwoTime, best: int, seconds: float, fixed: Mapping[str, float]) -> dict[str, Any]:
    """Lay out correlations and cuts at ages as variables of a dataset.

    Args:
        found: The sums.
        best: The dynamic bin whose correlations are laid out whole, and whose cuts are fitted.
        seconds: Time of a slot.
        fixed: Parameters of the fits that are not fitted.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = found.products / found.expected
    times = (found.slots + 0.5) * seconds
    delays, ages, cuts = _cuts(found)
    seen = {"units": "1"}
    arrays: dict[str, Any] = {
        "two_time": (("time", "later"), ratio[best].astype(np.float32), {**seen, "q_bin": best}),
        "time": ("time", times, {"units": "s"}),
        "later": ("later", times, {"units": "s"}),
        "age": ("age_bin", ages * seconds, {"units": "s"}),
        "slot_delay": ("slot_delay", delays * seconds, {"units": "s"}),
        "g2_at_age": (("age_bin", "slot_delay"), cuts[:, best], seen),
        "g2_by_age": (("age_bin", "q_bin", "slot_delay"), cuts, seen),
    }
    if len(delays) >= _FEWEST:
        curves = cuts[:, best].T
        fit = fit_curves(delays * seconds, curves, np.full(curves.shape, np.nan), fixed)
        arrays["tau0_at_age"] = ("age_bin", fit.values["tau0"], {"units": "s"})
        arrays["tau0_at_age_error"] = ("age_bin", fit.errors["tau0"], {"units": "s"})
    return arrays


def ageing_of(data: xr.Dataset) -> dict[str, Feature]:
    """Say by how much tau0 changes from the first to the last age, in percent; nothing if it is not known."""
    if "tau0_at_age" not in data:
        return {}
    tau0, error = data["tau0_at_age"].values, data["tau0_at_age_error"].values
    use = np.flatnonzero(np.isfinite(tau0) & np.isfinite(error) & (tau0 > 0))
    if len(use) < 2:
        return {}
    first, last = int(use[0]), int(use[-1])
    ratio = tau0[last] / tau0[first]
    spread = ratio * float(np.hypot(error[last] / tau0[last], error[first] / tau0[first]))
    return {"ageing": Feature(100 * float(ratio - 1), 100 * spread, "%")}


def _cuts(found: TwoTime) -> tuple[Floats, Floats, Floats]:
    """Average along the delays, in each part of the burst by itself; a slot with itself says nothing of dynamics."""
    first, last = int(found.slots[0]), int(found.slots[-1])
    one, other = np.triu_indices(len(found.slots), 1)
    apart = found.slots[other] - found.slots[one]
    middle = (found.slots[other] + found.slots[one] + 1) / 2
    part = np.minimum(((middle - first) * AGES / (last + 1 - first)).astype(np.int64), AGES - 1)
    # Delays that each part has room for.
    most = max((last + 1 - first) // AGES, 1)
    use = apart <= most
    place = part[use] * most + apart[use] - 1
    shape = (AGES, most)
    sums = [
        np.stack([np.bincount(place, table[one[use], other[use]], AGES * most).reshape(shape) for table in tables], 1)
        for tables in (found.products, found.expected)
    ]
    with np.errstate(invalid="ignore", divide="ignore"):
        cuts = sums[0] / sums[1]
    ages = first + (np.arange(AGES) + 0.5) * (last + 1 - first) / AGES
    return np.arange(1, most + 1, dtype=np.float64), ages, cuts
