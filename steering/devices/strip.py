"""The instrument strip: signals and motors that are shown all the time, monitored by Channel Access.

A monitor writes the newest value; whoever shows them asks when it likes. A value is rounded to what a person reads, so
that noise in the last digit is no news.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from steering.core.instrument import Instrument, Reading
from steering.devices.suspenders import Suspender

_DIGITS = 4
_SILENT = "does not answer"


@dataclass
class Gauge:
    """One channel of the strip.

    Attributes:
        name: As the beamline's file calls it.
        channel: EPICS name.
        units: Unit of its values; the record's own if empty.
        choices: Names of its values 0, 1, 2 and so on, if the record is a choice.
    """

    name: str
    channel: str
    units: str = ""
    choices: tuple[str, ...] = ()
    _value: float = field(default=math.nan, repr=False)

    def heard(self, value: Any) -> None:
        """Take a value of the monitor, or that it does not answer any more."""
        if not getattr(value, "ok", False):
            self._value = math.nan
            return
        self._value = float(value)
        self.units = self.units or str(getattr(value, "units", "")).strip()
        self.choices = tuple(str(one) for one in getattr(value, "enums", ()))

    def reading(self, suspender: Suspender | None) -> Reading:
        """Say how it is now, and whether a scan waits for it."""
        wanted = suspender.allowed() if suspender is not None else ""
        value = self._value
        if math.isnan(value):
            return Reading(self.name, _SILENT, well=False, wanted=wanted)
        if value in range(len(self.choices)):
            text = self.choices[int(value)]
        else:
            units = "" if self.units == "1" else self.units
            # Zero is zero: a motor at rest reads 1e-17.
            shown = 0.0 if abs(value) < 10.0**-_DIGITS else value
            text = f"{shown:.{_DIGITS}g} {units}".strip()
        return Reading(self.name, text, suspender is None or not suspender.why(), wanted)


class Strip:
    """The channels of a beamline's strip, in the order of its file."""

    def __init__(self, gauges: Sequence[Gauge] = (), suspenders: Mapping[str, Suspender] | None = None) -> None:
        """Show channels.

        Args:
            gauges: Those that are monitored.
            suspenders: What scans wait for, by signal.
        """
        self._gauges = tuple(gauges)
        self._suspenders = dict(suspenders or {})

    def instrument(self) -> Instrument:
        """Say how all of them are now."""
        return Instrument(tuple(one.reading(self._suspenders.get(one.name)) for one in self._gauges))


def watch_strip(gauges: Sequence[Gauge], suspenders: Sequence[Suspender]) -> Strip:
    """Monitor channels for as long as the engine's loop runs. Call on that loop."""
    if gauges:
        from aioca import FORMAT_CTRL, camonitor

        # With the record's unit and choices, which need not be asked for then: one that is silent delays nothing.
        for one in gauges:
            camonitor(one.channel, one.heard, format=FORMAT_CTRL, notify_disconnect=True)
    return Strip(gauges, {one.signal.name: one for one in suspenders})
