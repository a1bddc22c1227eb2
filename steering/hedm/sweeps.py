"""Sweeps compared with each other: how wide the spots of each are, and how many of them are rare."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.core.result import Feature
from steering.hedm.angles import Angles
from steering.hedm.features import median_of
from steering.hedm.indicator import FEWEST, baseline_of
from steering.hedm.run import SLOW, Run
from steering.hedm.spots import Parts, Spots
from steering.spots.lit import Numbers

_MOST_SWEEPS = 12
_WIDTHS = 40
_FEWEST_SPOTS = 5
_FEWEST_FRAMES = 3
_UNKNOWN = Feature(float("nan"), float("nan"), "1")


@dataclass(frozen=True, eq=False)
class Sweeps:
    """The sweeps that have enough spots: the first ones and the newest ones.

    Attributes:
        number: Of each, shape ``(sweeps,)``.
        slow: Position of the slow axis.
        spots: How many spots have a width.
        width: Median azimuthal width in degrees.
        width_error: Its standard error.
        rare: Share of rare spots in percent; NaN in the baseline and where it is not known.
        excess: By how many standard deviations that is above the baseline's.
        edges: Widths in degrees, shape ``(widths,)``.
        wider: Which share of spots is wider than each, shape ``(sweeps, widths)``.
        newest: What is said of the newest sweep: the share of rare spots, and its excess.
    """

    number: Numbers
    slow: Floats
    spots: Numbers
    width: Floats
    width_error: Floats
    rare: Floats
    excess: Floats
    edges: Floats
    wider: Floats
    newest: tuple[Feature, Feature]


def whole(spots: Spots, runs: Sequence[Run], parts: Parts) -> NDArray[np.bool_]:
    """Say which spots do not touch the first or last frame of their wedge, where they may be cut off.

    In a sweep of one or two frames all do, and there all count.

    Args:
        spots: All of them.
        runs: Their frames.
        parts: Where each frame belongs.
    """
    frames = np.concatenate([np.arange(run.start, run.stop) for run in runs])
    _, begins, counts = np.unique(parts.wedge, return_index=True, return_counts=True)
    first, last = frames[begins], frames[begins + counts - 1]
    inside = (spots.first > first[spots.wedge]) & (spots.first + spots.frames - 1 < last[spots.wedge])
    return inside | (np.bincount(parts.sweep)[spots.sweep] < _FEWEST_FRAMES)


def compared(
    spots: Spots, angles: Angles, good: NDArray[np.bool_], runs: Sequence[Run], sweep: Numbers, baseline: int
) -> Sweeps:
    """Compare sweeps.

    Args:
        spots: All of them.
        angles: Of them.
        good: Which are large enough and whole.
        runs: Their frames.
        sweep: Sweep of each frame.
        baseline: So many of the first sweeps with enough spots are the baseline.
    """
    count = np.bincount(spots.sweep[good], minlength=int(sweep.max()) + 1)
    enough = np.flatnonzero(count >= _FEWEST_SPOTS)
    first = np.flatnonzero(good & np.isin(spots.sweep, enough[:baseline]))
    rates = spots.intensity / np.where(spots.exposure > 0, spots.exposure, 1.0)
    usual = baseline_of(angles.eta_width[first], rates[first])
    shown = np.concatenate([enough[:1], enough[1:][1 - _MOST_SWEEPS :]])
    members = [np.flatnonzero(good & (spots.sweep == one)) for one in shown.tolist()]
    widths: list[Floats] = [angles.eta_width[one] for one in members]
    judged = [
        usual.judged(angles.eta_width[one], rates[one])
        if usual is not None and number not in enough[:baseline] and len(one) >= FEWEST
        else (_UNKNOWN, _UNKNOWN)
        for number, one in zip(shown.tolist(), members, strict=True)
    ]
    top = float(np.quantile(np.concatenate(widths), 0.99)) if widths else 0.0
    edges = np.linspace(0, top or 1.0, _WIDTHS)
    wider = np.array([[float((some > edge).mean()) for edge in edges.tolist()] for some in widths])
    medians = np.array([median_of(some) for some in widths]).reshape(-1, 2)
    slow = np.concatenate([run.frames[:, SLOW] for run in runs])
    at = np.array([float(slow[sweep == one].mean()) for one in shown.tolist()])
    return Sweeps(
        shown, at, count[shown], medians[:, 0], medians[:, 1],
        np.array([share.value for share, _ in judged]), np.array([excess.value for _, excess in judged]),
        edges, wider.reshape(-1, _WIDTHS), judged[-1] if judged else (_UNKNOWN, _UNKNOWN),
    )  # fmt: skip
