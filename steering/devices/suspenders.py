"""Suspenders: signals without which a scan waits, such as the ring current or a shutter that is open.

They are monitored all the time, so that a loss in the middle of an exposure is known too: that point is measured again.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steering.description.description_entries import SuspenderEntry
from steering.devices.signals import INVALID, BeamlineSignal


@dataclass
class Suspender:
    """One signal that must be within limits.

    Attributes:
        entry: How the beamline's file describes it.
        signal: What is looked at.
    """

    entry: SuspenderEntry
    signal: BeamlineSignal
    _value: float = math.nan
    _answers: bool = False
    _invalid: bool = False
    # Monotonic times: since when it is well (inf if it is not), and when it last was not.
    _well_since: float = math.inf
    _lost_at: float = -math.inf

    def heard(self, value: Any) -> None:
        """Take a value of the monitor, or that it does not answer any more."""
        now = time.monotonic()
        self._answers = bool(getattr(value, "ok", False))
        # A record whose device cannot be read keeps the value of before.
        self._invalid = self._answers and int(getattr(value, "severity", 0)) >= INVALID
        self._value = float(value) if self._answers and not self._invalid else math.nan
        if not self.entry.low <= self._value <= self.entry.high:
            self._well_since, self._lost_at = math.inf, now
        elif math.isinf(self._well_since):
            self._well_since = now

    def lost_since(self, at: float) -> bool:
        """Say whether it was not well at any time since a monotonic time."""
        return math.isinf(self._well_since) or self._lost_at >= at or self._well_since > at

    def why(self) -> str:
        """Say why a scan has to wait; empty if it has not."""
        if time.monotonic() - self._well_since >= self.entry.settle:
            return ""
        name, units = self.signal.name, self.signal.units
        reads = f"reads {self._value:.6g} {units}" if self._answers else "does not answer"
        reads = "is marked as invalid by its record" if self._invalid else reads
        return (
            f"{self.entry.say or 'The scan is suspended.'} {name} {reads}; {self.allowed()}. "
            f"The scan goes on by itself once that has been so for {self.entry.settle:g} s."
        )

    def allowed(self) -> str:
        """Say what a scan needs it to be: ``wanted are 50 mA or more``."""
        low, high, units = self.entry.low, self.entry.high, self.signal.units
        if math.isinf(high):
            return f"wanted are {low:g} {units} or more"
        return (
            f"wanted are {low:g} to {high:g} {units}" if math.isfinite(low) else f"wanted are {high:g} {units} or less"
        )


class Suspenders:
    """Those that a scan waits for."""

    def __init__(self, suspenders: Sequence[Suspender]) -> None:
        """Look at some that are monitored."""
        self._all = suspenders

    def why(self) -> str:
        """Say why a scan has to wait; empty if it has not."""
        return next((sentence for one in self._all if (sentence := one.why())), "")

    def lost_since(self, at: float) -> bool:
        """Say whether one of them was not well at any time since a monotonic time."""
        return any(one.lost_since(at) for one in self._all)


def watch(entries: Sequence[SuspenderEntry], signals: Mapping[str, BeamlineSignal]) -> tuple[Suspender, ...]:
    """Monitor the signals of a beamline's suspenders, for as long as the engine's loop runs. Call on that loop."""
    if not entries:
        return ()
    from aioca import FORMAT_TIME, camonitor

    made = tuple(Suspender(entry, signals[entry.signal]) for entry in entries)
    for one in made:
        # Each value, not only the newest of those that came while the loop was busy: a short loss is one too.
        camonitor(one.signal.channel, one.heard, format=FORMAT_TIME, all_updates=True, notify_disconnect=True)
    return made
