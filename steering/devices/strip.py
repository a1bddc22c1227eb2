"""The instrument strip: signals and motors that are shown all the time, monitored by Channel Access.

A monitor writes the newest value; whoever shows them asks when it likes. A value is rounded to what a person reads, so
that noise in the last digit is no news.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from steering.core.instrument import Instrument, Reading
from steering.devices.suspenders import Suspender

_DIGITS, _ZERO = 4, 1e-15
_SILENT, _NO_NUMBER = "does not answer", "is no number"
# Characters of a text that are shown.
_LONGEST = 40


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
    # What is shown where there is no number, and whether that is as it should be: a text is.
    _shown: str = field(default=_SILENT, repr=False)
    _text: bool = field(default=False, repr=False)

    def heard(self, value: Any) -> None:
        """Take a value of the monitor, or that it does not answer any more; one that raised would end the monitor."""
        self._value, self._shown, self._text = math.nan, _SILENT, False
        if not getattr(value, "ok", False):
            return
        if isinstance(value, str):
            self._shown, self._text = " ".join(value.split())[:_LONGEST], True
            return
        try:
            self._value = float(cast("float", value))
        except (TypeError, ValueError):
            self._shown = _NO_NUMBER
        self.units = self.units or str(getattr(value, "units", "")).strip()
        self.choices = tuple(str(one) for one in getattr(value, "enums", ()))

    def reading(self, suspender: Suspender | None) -> Reading:
        """Say how it is now, and whether a scan waits for it."""
        wanted = suspender.allowed() if suspender is not None else ""
        value = self._value
        if math.isnan(value):
            return Reading(self.name, self._shown, well=self._text and suspender is None, wanted=wanted)
        if value in range(len(self.choices)):
            text = self.choices[int(value)]
        else:
            units = "" if self.units == "1" else self.units
            # Zero is zero: a motor at rest reads 1e-17. A vacuum or a current of 1e-12 is none.
            shown = 0.0 if abs(value) < _ZERO else value
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
