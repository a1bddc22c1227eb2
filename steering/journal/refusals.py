"""Which refusals are written into the run one by one, and how many are not.

Each event of a run takes the plan a few milliseconds between two points. Whoever is refused again and again would so
slow down the scan, and fill its record. So each person has so many refusals written, and then so many a second; the
next one that is written says how many were not.
"""

import time
from dataclasses import dataclass, replace

from steering.core.proposal import Ruling


@dataclass(frozen=True)
class Allowance:
    """How many refusals of one person are written.

    Attributes:
        rate: So many a second.
        burst: So many at once.
    """

    rate: float
    burst: float


STEERING = Allowance(5.0, 200.0)
WATCHING = Allowance(0.25, 50.0)


class Refusals:
    """Counts the refusals of one scan. Used under its docket's lock."""

    def __init__(self) -> None:
        """Begin with none."""
        self._left: dict[str, tuple[float, float]] = {}
        self._unwritten: dict[str, tuple[int, Ruling]] = {}

    def written(self, person: str, ruling: Ruling, allowance: Allowance) -> Ruling | None:
        """Return a refusal as it is to be written, or nothing if it is only counted.

        Args:
            person: Who asked; for an agent, the person it acts for.
            ruling: The refusal.
            allowance: Of that person now.
        """
        now = time.monotonic()
        left, at = self._left.get(person, (allowance.burst, now))
        left = min(left + (now - at) * allowance.rate, allowance.burst)
        if left < 1:
            self._left[person] = left, now
            count, _ = self._unwritten.get(person, (0, ruling))
            self._unwritten[person] = count + 1, ruling
            return None
        self._left[person] = left - 1, now
        count, _ = self._unwritten.pop(person, (0, ruling))
        return _counted(ruling, count)

    def rest(self) -> list[Ruling]:
        """Return, of each person of whom some were only counted, the last one, which says so; count anew."""
        held, self._unwritten = self._unwritten, {}
        return [_counted(ruling, count - 1) for count, ruling in held.values()]


def _counted(ruling: Ruling, count: int) -> Ruling:
    if not count:
        return ruling
    more = "1 more was" if count == 1 else f"{count} more were"
    return replace(ruling, reason=f"{ruling.reason} {more} refused since the last one that is written here.")
