"""What an analysis declares of its features: when one merits a closer look.

In a running scan an agent of its own watches for them, called like the analysis with ``-alarms`` behind it. What it
sees is marked on curve, map and trend, told by the page (as a notification and a sound, where these are on), may start
a flow, and is suggested as a pause. Unlike other agents it is on at once. A person turns it off, or lets it pause.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral, Real
from typing import cast

_FEWEST = 5
_NOVEL = 6.0
# The first one cannot be left out.
_NUMBERS = ("sure", "low", "high", "drift", "novelty")


@dataclass(frozen=True)
class Alarm:
    """When a feature merits a closer look: beyond a limit, drifting, or unlike all before.

    Attributes:
        feature: Its name; each one whose uncertainty is known if left out.
        low: Lowest value, in the feature's unit.
        high: Highest value.
        sure: By so many of its standard deviations must it be beyond a limit.
        drift: Change over the last ``baseline`` results in percent of their mean: by a straight line, and by more than
            four standard deviations of it.
        novelty: So many standard deviations from the median of the run's first ``baseline`` results: theirs, by their
            median absolute deviation, or the feature's own uncertainty, if that is larger. 6 if nothing else is said.
        baseline: Results that are compared with; at least 5.
    """

    feature: str = ""
    low: float | None = None
    high: float | None = None
    sure: float = 0.0
    drift: float | None = None
    novelty: float | None = None
    baseline: int = 20

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            ValueError: If a number is not allowed, or limits are given without a feature.
        """
        numbers = (*((name, getattr(self, name)) for name in _NUMBERS), ("baseline", self.baseline))
        for message in (_no_number(name, value) for name, value in numbers):
            if message:
                raise ValueError(message)
        limits = [one for one in (self.low, self.high) if one is not None]
        if limits and not self.feature:
            message = "limits are those of one feature. Give its name: feature"
            raise ValueError(message)
        if not all(map(math.isfinite, limits)) or (len(limits) == 2 and limits[0] >= limits[1]):
            message = f"the limits are {self.low} and {self.high}. Write finite numbers, the lower one first"
            raise ValueError(message)
        if not 0 <= self.sure < math.inf:
            message = f"sure is {self.sure:g}. Allowed: 0 and more, in standard deviations"
            raise ValueError(message)
        for name, value in (("drift", self.drift), ("novelty", self.novelty)):
            if value is not None and not 0 < value < math.inf:
                message = f"{name} is {value:g}. Allowed: above 0"
                raise ValueError(message)
        if self.baseline < _FEWEST:
            message = f"baseline is {self.baseline} results. Allowed: {_FEWEST} and more"
            raise ValueError(message)
        if not limits and self.drift is None and self.novelty is None:
            object.__setattr__(self, "novelty", _NOVEL)


def _no_number(name: str, value: object) -> str:
    """Say that a value is no number, as a file's 1e-3 is none; empty if it is one, or is left out."""
    if value is None and name in _NUMBERS[1:]:
        return ""
    kind = Integral if name == "baseline" else Real
    # A truth is a whole number to Python, and none to people.
    if not isinstance(value, bool) and isinstance(value, kind):
        return ""
    return f"{name} is {value!r:.40}. Allowed: a {'whole ' if kind is Integral else ''}number"


def alarms_of(analysis: object) -> tuple[Alarm, ...]:
    """Return the alarms that an analysis declares; what is none in a stranger's attribute is left out."""
    declared: object = getattr(analysis, "alarms", ())
    several = cast("Iterable[object]", declared) if isinstance(declared, Iterable) else ()
    return tuple(one for one in several if isinstance(one, Alarm))


def watcher_of(label: str) -> str:
    """Return what the agent is called that watches the alarms of the analysis of that label."""
    return f"{label}-alarms"
