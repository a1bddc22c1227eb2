"""Judges how the features of a run go by an alarm: which newest value merits a closer look."""

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from steering.contract.alarm import Alarm
from steering.core.result import Feature

# Median absolute deviation to standard deviation, of normal noise.
_NORMAL = 1.4826
# A slope counts if it is so many standard deviations.
_CLEAR = 4.0


@dataclass
class _Track:
    """How one feature went in a run.

    Attributes:
        first: Its first values.
        last: Its newest values.
        alarmed: Whether the newest one merited a look.
    """

    first: list[float]
    last: deque[float]
    alarmed: bool = False


class Judge:
    """Follows the features of one run that an alarm is about.

    After an alarm it waits until the feature is back before it gives another one.
    """

    def __init__(self, alarm: Alarm) -> None:
        """Judge by ``alarm``."""
        self._alarm = alarm
        self._tracks: dict[str, _Track] = {}

    def look(self, name: str, feature: Feature) -> str:
        """Say why a feature merits a look now, and did not before; empty if there is nothing to say."""
        if not self._is_watched(name, feature):
            return ""
        track = self._tracks.setdefault(name, _Track([], deque(maxlen=self._alarm.baseline)))
        why = self._why(feature, track)
        if len(track.first) < self._alarm.baseline:
            track.first.append(feature.value)
        track.last.append(feature.value)
        fresh, track.alarmed = bool(why) and not track.alarmed, bool(why)
        return why if fresh else ""

    def _is_watched(self, name: str, feature: Feature) -> bool:
        if not math.isfinite(feature.value):
            return False
        return name == self._alarm.feature if self._alarm.feature else 0 < feature.uncertainty < math.inf

    def _why(self, feature: Feature, track: _Track) -> str:
        """Say why the newest value merits a look; empty if it does not."""
        units = "" if feature.units == "1" else f" {feature.units}"
        shown = f"is {feature.value:.4g}{units}"
        # An unknown uncertainty is none that a limit could wait for.
        margin = self._alarm.sure * feature.uncertainty if math.isfinite(feature.uncertainty) else 0.0
        low, high = self._alarm.low, self._alarm.high
        if low is not None and feature.value + margin < low:
            return f"{shown}, below {low:g}{units}"
        if high is not None and feature.value - margin > high:
            return f"{shown}, above {high:g}{units}"
        return self._new(feature, track.first, shown) or self._drifts([*track.last, feature.value], shown)

    def _new(self, feature: Feature, first: list[float], shown: str) -> str:
        if self._alarm.novelty is None or len(first) < self._alarm.baseline:
            return ""
        middle = float(np.median(first))
        spread = _NORMAL * float(np.median(np.abs(np.array(first) - middle)))
        known = max(spread, feature.uncertainty if math.isfinite(feature.uncertainty) else 0.0)
        away = abs(feature.value - middle)
        if not away > self._alarm.novelty * known or not away:
            return ""
        apart = "" if not known else f", {away / known:.1f} standard deviations"
        return f"{shown}{apart} from the {middle:.4g} of the first {self._alarm.baseline} results"

    def _drifts(self, newest: list[float], shown: str) -> str:
        baseline = self._alarm.baseline
        if self._alarm.drift is None or len(newest) < baseline:
            return ""
        values = np.array(newest[-baseline:])
        along = np.linspace(-0.5, 0.5, len(values))
        slope = float(along @ (values - values.mean())) / float(along @ along)
        left = values - values.mean() - slope * along
        error = math.sqrt(float(left @ left) / (len(values) - 2) / float(along @ along))
        mean = abs(float(values.mean()))
        if not mean or abs(slope) <= _CLEAR * error or 100 * abs(slope) / mean <= self._alarm.drift:
            return ""
        change = 100 * slope / mean
        said = f"{change:+.2g}" if abs(change) < 10 else f"{change:+.0f}"
        return f"{shown}; it changed by {said} % over the last {baseline} results"
