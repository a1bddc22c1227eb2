"""Watch: a feature that merits a closer look is said, and the scan paused for it."""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from steering.core.action import Pause
from steering.core.agent import Suggestion
from steering.core.parameter import Parameter
from steering.core.result import Feature, Result

# Median absolute deviation to standard deviation, of normal noise.
_NORMAL = 1.4826
# A slope counts if it is so many standard deviations.
_CLEAR = 4.0
_FEWEST = 5
_NOVEL = 6.0


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


class Watch:
    """Watches features, and suggests to pause when one leaves its limits, drifts, or is unlike all before.

    Each newer result of a run with more frames counts once. After an alarm it waits until the feature is back before it
    gives another one.
    """

    name = "watch"

    def __init__(
        self,
        feature: str = "",
        low: float | None = None,
        high: float | None = None,
        drift: float | None = None,
        novelty: float | None = None,
        baseline: int = 20,
    ) -> None:
        """Choose what is watched, and when it merits a look.

        Args:
            feature: Name of a feature of the analysis, as its results call it; each one whose uncertainty is known if
                left out.
            low: Lowest value, in the feature's unit.
            high: Highest value.
            drift: Change over the last ``baseline`` results in percent of their mean: by a straight line, and by more
                than four standard deviations of it.
            novelty: So many standard deviations from the median of the run's first ``baseline`` results: theirs, by
                their median absolute deviation, or the feature's own uncertainty, if that is larger. 6 if nothing else
                is said.
            baseline: Results that are compared with; at least 5.

        Raises:
            ValueError: If a number is not allowed, or limits are given without a feature.
        """
        limits = [one for one in (low, high) if one is not None]
        if limits and not feature:
            message = "limits are those of one feature. Give its name: feature"
            raise ValueError(message)
        if not all(map(math.isfinite, limits)) or (len(limits) == 2 and limits[0] >= limits[1]):
            message = f"the limits are {low} and {high}. Write finite numbers, the lower one first"
            raise ValueError(message)
        for name, value in (("drift", drift), ("novelty", novelty)):
            if value is not None and not 0 < value < math.inf:
                message = f"{name} is {value:g}. Allowed: above 0"
                raise ValueError(message)
        if baseline < _FEWEST:
            message = f"baseline is {baseline} results. Allowed: {_FEWEST} and more"
            raise ValueError(message)
        self._feature = feature
        self._low, self._high, self._drift, self._novelty = low, high, drift, novelty
        if not limits and drift is None and novelty is None:
            self._novelty = _NOVEL
        self._baseline = baseline
        self._run, self._frames = "", 0
        self._tracks: dict[str, _Track] = {}
        self._waiting: Suggestion | None = None

    def ingest(self, result: Result, parameters: Sequence[Parameter]) -> None:
        """Look at a newer result."""
        del parameters
        source = result.provenance
        if source.run != self._run:
            self._run, self._frames = source.run, 0
            self._tracks = {}
        if source.frames <= self._frames:
            return
        self._frames = source.frames
        reasons = [
            f"{name} {why}"
            for name, feature in result.outcome.features.items()
            if self._is_watched(name, feature) and (why := self._look(name, feature))
        ]
        # What is past again needs no look any more.
        self._waiting = Suggestion(Pause(), "; ".join(reasons), result.basis) if reasons else None

    def suggest(self) -> Sequence[Suggestion]:
        """Return what to do now; each suggestion once."""
        waiting, self._waiting = self._waiting, None
        return () if waiting is None else (waiting,)

    def _is_watched(self, name: str, feature: Feature) -> bool:
        if not math.isfinite(feature.value):
            return False
        return name == self._feature if self._feature else 0 < feature.uncertainty < math.inf

    def _look(self, name: str, feature: Feature) -> str:
        """Say why a feature merits a look now, and did not before; empty if there is nothing to say."""
        track = self._tracks.setdefault(name, _Track([], deque(maxlen=self._baseline)))
        why = self._why(feature, track)
        if len(track.first) < self._baseline:
            track.first.append(feature.value)
        track.last.append(feature.value)
        fresh, track.alarmed = bool(why) and not track.alarmed, bool(why)
        return why if fresh else ""

    def _why(self, feature: Feature, track: _Track) -> str:
        """Say why the newest value merits a look; empty if it does not."""
        value, units = feature.value, "" if feature.units == "1" else f" {feature.units}"
        shown = f"is {value:.4g}{units}"
        if self._low is not None and value < self._low:
            return f"{shown}, below {self._low:g}{units}"
        if self._high is not None and value > self._high:
            return f"{shown}, above {self._high:g}{units}"
        return self._new(feature, track.first, shown) or self._drifts([*track.last, value], shown)

    def _new(self, feature: Feature, first: list[float], shown: str) -> str:
        if self._novelty is None or len(first) < self._baseline:
            return ""
        middle = float(np.median(first))
        spread = _NORMAL * float(np.median(np.abs(np.array(first) - middle)))
        known = max(spread, feature.uncertainty if math.isfinite(feature.uncertainty) else 0.0)
        away = abs(feature.value - middle)
        if not away > self._novelty * known or not away:
            return ""
        apart = "" if not known else f", {away / known:.1f} standard deviations"
        return f"{shown}{apart} from the {middle:.4g} of the first {self._baseline} results"

    def _drifts(self, newest: list[float], shown: str) -> str:
        if self._drift is None or len(newest) < self._baseline:
            return ""
        values = np.array(newest[-self._baseline :])
        along = np.linspace(-0.5, 0.5, len(values))
        slope = float(along @ (values - values.mean())) / float(along @ along)
        left = values - values.mean() - slope * along
        error = math.sqrt(float(left @ left) / (len(values) - 2) / float(along @ along))
        mean = abs(float(values.mean()))
        if not mean or abs(slope) <= _CLEAR * error or 100 * abs(slope) / mean <= self._drift:
            return ""
        return f"{shown}; it changed by {100 * slope / mean:+.2g} % over the last {self._baseline} results"
