"""Asks the control system, and waits for its answers for a stated time only."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from steering.core.errors import SteeringError

Value = TypeVar("Value")

# A device that is asked something has so many seconds to answer.
ANSWER_SECONDS = 4.0

# How the same unit is written.
_SPELLINGS = {
    "deg": ("deg", "degs", "degree", "degrees", "\N{DEGREE SIGN}"),
    "um": ("um", "\N{MICRO SIGN}m", "\N{GREEK SMALL LETTER MU}m", "micron", "microns", "micrometer", "micrometers"),
    "mm": ("mm", "millimeter", "millimeters", "millimetre", "millimetres"),
    "nm": ("nm", "nanometer", "nanometers", "nanometre", "nanometres"),
    "mrad": ("mrad", "milliradian", "milliradians"),
    "urad": ("urad", "\N{MICRO SIGN}rad", "\N{GREEK SMALL LETTER MU}rad", "microradian", "microradians"),
    "rad": ("rad", "radian", "radians"),
    "keV": ("kev",),
    "eV": ("ev",),
    "s": ("s", "sec", "second", "seconds"),
    "K": ("k", "kelvin"),
    "degC": ("degc", "\N{DEGREE SIGN}c", "celsius", "c"),
    "mA": ("ma", "milliampere"),
}
_CANONICAL = {spelling: unit for unit, spellings in _SPELLINGS.items() for spelling in spellings}


def same_unit(one: str, other: str) -> bool:
    """Say whether two texts are the same unit."""
    first, second = (_CANONICAL.get(text.strip().lower(), text.strip()) for text in (one, other))
    return first == second


async def answered(question: Awaitable[Value], who: str, seconds: float) -> Value:
    """Wait for a device's answer.

    Raises:
        SteeringError: If it does not come in time, or the device cannot be asked.
    """
    try:
        async with asyncio.timeout(seconds):
            return await question
    except Exception as error:  # whatever the control system raises, a person must learn which device it was
        message = f"{who} does not answer within {seconds:g} s. Check that its IOC runs."
        raise SteeringError(message) from error


async def put(channel: str, value: str | float, seconds: float) -> None:
    """Set a channel and wait until that is done.

    Raises:
        SteeringError: If it cannot be set in time; with its name.
    """
    from aioca import caput

    try:
        async with asyncio.timeout(seconds):
            await caput(channel, value, wait=True, timeout=None)
    except Exception as error:  # see above
        message = f"{channel} could not be set to {value}: it did not answer within {seconds:g} s, or refused."
        raise SteeringError(message) from error
