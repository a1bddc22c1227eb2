"""How often somebody may ask, and how somebody who is refused again and again is slowed down.

What is asked of the service takes processor time from the scan, which runs in the same process. So whoever asks in vain
(no token, no right, nothing that can be read, or refused) may do so often at once, and then so many times a second
only: the next request waits before it is looked at. Whoever asks for what is allowed is not slowed down.
"""

import asyncio
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """How often somebody may ask.

    Attributes:
        rate: Requests a second, on average.
        burst: Requests at once.
        refused_rate: Of those that are refused, so many a second.
        refused_burst: Of those that are refused, so many at once.
    """

    rate: float
    burst: float
    refused_rate: float
    refused_burst: float


READING = Pace(200.0, 800.0, 20.0, 100.0)
STEERING = Pace(50.0, 200.0, 20.0, 100.0)
# Each refusal is written into the run, too: who does not hold the lease must not fill the journal.
WATCHING = Pace(5.0, 40.0, 2.0, 20.0)
# A forecast makes paths, as a proposal does, but changes nothing: counted apart, it is not in the way of an abort.
FORECASTING = Pace(5.0, 20.0, 2.0, 20.0)
# All who show no token, together.
_NOBODY_RATE, _NOBODY_BURST = 10.0, 20.0
# So many of them wait at a time; and so long (seconds) does a person's request wait at most.
_MOST_HELD, _LONGEST_SECONDS = 200, 2.0


class Bucket:
    """So many at once, and so many a second."""

    def __init__(self, rate: float, burst: float) -> None:
        """Begin with a full one."""
        self._rate, self._burst = rate, burst
        self._left, self._at = burst, time.monotonic()

    def take(self) -> bool:
        """Take one, if there is one."""
        if self.wait() > 0:
            return False
        self._left -= 1
        return True

    def owe(self) -> float:
        """Take one whether or not there is one; return for how many seconds it has to be waited for."""
        seconds = self.wait()
        self._left -= 1
        return seconds

    def wait(self) -> float:
        """Return in how many seconds there will be one."""
        now = time.monotonic()
        self._left = min(self._left + (now - self._at) * self._rate, self._burst)
        self._at = now
        return max((1 - self._left) / self._rate, 0.0)

    def give_back(self) -> None:
        """Put one back."""
        self._left = min(self._left + 1, self._burst)


class Paces:
    """How much each person has asked for lately. Used from the service's event loop."""

    def __init__(self) -> None:
        """Begin with nobody."""
        # Of each who has asked: of all requests, and of those that were refused.
        self._asked: dict[tuple[str, Pace], tuple[Bucket, Bucket]] = {}
        self._nobody = Bucket(_NOBODY_RATE, _NOBODY_BURST)
        self._held = 0

    @property
    def held(self) -> int:
        """How many wait for being turned away."""
        return self._held

    async def turn(self, name: str, pace: Pace) -> Bucket | None:
        """Wait until it is somebody's turn; who waits is only whoever was refused many times lately.

        Args:
            name: Who asks.
            pace: How often that person may.

        Returns:
            What one is to be given back to if the request turns out not to be refused. Nothing if the person asks too
            often, or if too many requests of the person wait already: then this one is not looked at.
        """
        key = (name, pace)
        if key not in self._asked:
            self._asked[key] = Bucket(pace.rate, pace.burst), Bucket(pace.refused_rate, pace.refused_burst)
        asked, refused = self._asked[key]
        if refused.wait() > _LONGEST_SECONDS or not asked.take():
            return None
        seconds = refused.owe()
        if seconds > 0:
            await asyncio.sleep(seconds)
        return refused

    async def turn_away(self) -> None:
        """Wait before somebody is turned away: who tries again and again must not take the time of the scan."""
        if self._held >= _MOST_HELD:
            return
        seconds = self._nobody.owe()
        if seconds <= 0:
            return
        self._held += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._held -= 1
