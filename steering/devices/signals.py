"""Signals of the beamline beside motors and detector: read at each point, and some of them steered.

They are asked by Channel Access directly: whatever record is behind a name, its value, unit and time stamp are there.
"""

import asyncio
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from steering.core.errors import SteeringError
from steering.description.description_entries import SignalEntry
from steering.devices.answers import ANSWER_SECONDS, answered, put, same_unit

CONNECT_SECONDS = 20.0
# EPICS' severity of a value that is none.
INVALID = 3


@dataclass
class BeamlineSignal:
    """One signal.

    Attributes:
        name: Column of the events, and name of the parameter.
        entry: How the beamline's file describes it.
        units: Unit of its values.
        known: Its value as it was last read.
        choices: Names of its values 0, 1, 2 and so on, if it is a choice.
    """

    name: str
    entry: SignalEntry
    units: str
    known: float = math.nan
    choices: tuple[str, ...] = ()
    _near_since: float = field(default=math.nan, repr=False)

    @property
    def patience(self) -> float:
        """So many seconds after it was put it must have arrived."""
        return self.entry.timeout

    @property
    def channel(self) -> str:
        """EPICS name of what is read."""
        return self.entry.read or self.entry.set

    @property
    def who(self) -> str:
        """What it is, for a sentence."""
        return f"The signal {self.name} ({self.channel})"

    def said(self, value: float) -> str:
        """Put one of its values into words: ``1.5 K``, or the name of a choice."""
        if value in range(len(self.choices)):
            return self.choices[int(value)]
        return f"{value:.6g} {self.units}"

    async def number(self) -> float:
        """Read it now.

        Raises:
            SteeringError: If it does not answer, or gives no number; with its name.
        """
        return (await self.reading())["value"]

    async def reading(self) -> dict[str, Any]:
        """Read it now, with its time stamp, as Bluesky has it.

        Raises:
            SteeringError: If it does not answer, or gives no number; with its name.
        """
        from aioca import FORMAT_TIME, caget

        answer = await answered(caget(self.channel, format=FORMAT_TIME, timeout=None), self.who, ANSWER_SECONDS)
        self.known = number_of(answer, self.who)
        return {"value": self.known, "timestamp": float(answer.timestamp), "alarm_severity": int(answer.severity)}

    async def put(self, value: float) -> None:
        """Ask for a value; whether it has arrived says :meth:`arrived`.

        Raises:
            SteeringError: If it cannot be asked for.
        """
        self.asked()
        # A choice is put by its number, which no record takes for a text.
        await put(self.entry.set, int(value) if self.choices else value, ANSWER_SECONDS)

    def asked(self) -> None:
        """Note that another value is asked for."""
        self._near_since = math.nan

    async def arrived(self, value: float) -> bool:
        """Say whether the read-back has been within the tolerance of a value for the settle time.

        Raises:
            SteeringError: If it does not answer.
        """
        found = await self.reading()
        # A read-back that is no number, or that its record marks as invalid, is near to none.
        near = abs(found["value"] - value) <= self.entry.tolerance and found.get("alarm_severity", 0) < INVALID
        if not near:
            self._near_since = math.nan
            return False
        now = time.monotonic()
        if math.isnan(self._near_since):
            self._near_since = now
        return now - self._near_since >= self.entry.settle


class SignalReadable:
    """A signal as a Bluesky Readable, whose one column has the signal's name and unit."""

    parent = None

    def __init__(self, signal: BeamlineSignal) -> None:
        """Read a signal."""
        self.name = signal.name
        self._signal = signal

    async def read(self) -> dict[str, Any]:
        """Read it."""
        return {self.name: await self._signal.reading()}

    async def describe(self) -> dict[str, Any]:
        """Describe it, with the unit that the beamline's file or the record gives."""
        source, units = f"ca://{self._signal.channel}", self._signal.units
        return {self.name: {"source": source, "dtype": "number", "dtype_numpy": "<f8", "shape": [], "units": units}}


async def connect_signals(entries: Mapping[str, SignalEntry]) -> dict[str, BeamlineSignal]:
    """Make and connect the signals of a beamline. Call on the engine's loop.

    Raises:
        SteeringError: If one does not answer, gives no number, or counts in another unit than is described.
    """
    made = await asyncio.gather(*(_connect(name, entry) for name, entry in entries.items()), return_exceptions=True)
    wrong = [str(one) for one in made if isinstance(one, SteeringError)]
    if wrong:
        raise SteeringError(" ".join(wrong))
    found: dict[str, BeamlineSignal] = {}
    for one in made:
        if isinstance(one, BaseException):
            raise one
        found[one.name] = one
    return found


async def _connect(name: str, entry: SignalEntry) -> BeamlineSignal:
    from aioca import FORMAT_CTRL, caget

    made = BeamlineSignal(name, entry, entry.units)
    described = await answered(caget(made.channel, format=FORMAT_CTRL, timeout=None), made.who, CONNECT_SECONDS)
    made.known = number_of(described, made.who)
    made.choices = tuple(str(one) for one in getattr(described, "enums", ()))
    own = str(getattr(described, "units", "")).strip()
    if entry.units and own and not same_unit(entry.units, own):
        message = (
            f"The signal {name} counts in {own}, but the beamline's file says {entry.units}. "
            f"Write units: {own} and look at its limits and tolerance, or correct the record."
        )
        raise SteeringError(message)
    made.units = entry.units or own or "1"
    return made


def number_of(answer: Any, who: str) -> float:
    """Take a number from an answer.

    Raises:
        SteeringError: If it is none.
    """
    try:
        return float(answer)
    except (TypeError, ValueError) as error:
        message = f"{who} is no number: {str(answer)[:60]!r}. Only a number can be read at each point."
        raise SteeringError(message) from error
