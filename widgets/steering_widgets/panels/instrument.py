"""The instrument strip: what the beamline shows of itself all the time, and what a scan waits for."""

import time

import ipywidgets

from steering.core.desk import Desk
from steering.core.instrument import Instrument, Reading
from steering_widgets.parts.card import Card, close_all
from steering_widgets.parts.place import Place
from steering_widgets.parts.units import with_shown_units
from steering_widgets.parts.wording import clock, escape

# While nothing is measured and nobody does anything, a strip that goes on would keep a forgotten page alive for ever on
# a hub that ends idle ones.
IDLE_SECONDS = 600.0
# Shorter than the page looks on after the last news: what is put off for longer would never be shown.
_SLOW_SECONDS = 1.0


class InstrumentPanel:
    """Name and value of each signal that the beamline's file lists; what is not as a scan needs it stands out."""

    def __init__(self, desk: Desk) -> None:
        """Build it on a desk, which may be idle."""
        self._instrument, self._status = Place(desk.board.instrument), Place(desk.board.status)
        self._readings = ipywidgets.HTML()
        self._readings.add_class("st-readings")
        self.widget = Card("instrument", "Instrument", [self._readings])
        self._due = self._active = time.monotonic()
        self._late = False
        self._show(Instrument())

    def refresh(self) -> bool:
        """Show newer readings: at once while a scan runs, now and then while none does, and at last no more."""
        now = time.monotonic()
        if self._status.advance():
            # A scan that has ended leaves its motors elsewhere: that is news at once.
            self._active, self._due = now, now
        self._late = self._instrument.advance() or self._late
        idle = not self._status.value.scanning
        if not self._late or (idle and now < self._due):
            return False
        if idle and now - self._active > IDLE_SECONDS:
            # What is not followed any more must not be taken for what is.
            self.widget.remark(f"as of {self._read}; goes on with the next scan")
            return False
        self._late, self._due = False, now + _SLOW_SECONDS
        self._show(self._instrument.value)
        return True

    def close(self) -> None:
        """Take it off the screen."""
        close_all(self.widget)

    def _show(self, instrument: Instrument) -> None:
        self._read = clock(time.time())
        self._readings.value = "".join(_reading(one) for one in instrument.readings)
        waiting = [_name(one) for one in instrument.readings if not one.well and one.wanted]
        self.widget.remark(f"a scan waits for: {', '.join(waiting)}" if waiting else "")
        display = None if instrument.readings else "none"
        if self.widget.layout.display != display:
            self.widget.layout.display = display


def _name(reading: Reading) -> str:
    """Write a name as its beamline does, but for what no person says."""
    return reading.name.replace("_", " ")


def _reading(reading: Reading) -> str:
    kind = "" if reading.well else " st-unwell"
    meant = escape(with_shown_units(reading.wanted))
    wanted = f"<small> {meant}</small>" if meant and not reading.well else ""
    return (
        f'<div class="st-reading{kind}" title="{meant}">'
        f"<small>{escape(_name(reading))}</small> <b>{escape(with_shown_units(reading.text))}</b>{wanted}</div>"
    )
