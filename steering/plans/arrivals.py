"""Signals on their way to the values that were asked for; see decision 19.

A value is put at a checkpoint. The next point waits until the signal's read-back has arrived, or the time that it has
is over. Meanwhile the plan takes whatever comes.
"""

import asyncio
import time
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from steering.core.errors import SteeringError
from steering.core.proposal import Ruling
from steering.plans.asking import asked

if TYPE_CHECKING:
    from steering.plans.course import Course, Plan

_LOOK_SECONDS = 0.1


class Steered(Protocol):
    """A signal that can be set and read."""

    def said(self, value: float) -> str:
        """Put one of its values into words, with its unit or the name of a choice."""
        ...

    @property
    def patience(self) -> float:
        """So many seconds after it was put it must have arrived."""
        ...

    def number(self) -> Awaitable[float]:
        """Read it now; raises SteeringError if it does not answer."""
        ...

    def put(self, value: float) -> Awaitable[None]:
        """Ask for a value; raises SteeringError if it cannot be asked for."""
        ...

    def arrived(self, value: float) -> Awaitable[bool]:
        """Say whether it has been at a value for its settle time; raises SteeringError if it does not answer."""
        ...


@dataclass
class Arrival:
    """A signal on its way.

    Attributes:
        value: Where to.
        ruling: By which it was sent; nothing for what a scan starts with.
        deadline: Monotonic time in seconds at which it must have arrived; 0 before it was put.
    """

    value: float
    ruling: Ruling | None
    deadline: float = 0.0


def expect(course: "Course", name: str, value: float, ruling: Ruling | None) -> None:
    """Have a signal sent to a value before the next point; one that is on its way elsewhere is overtaken."""
    before = course.arriving.pop(name, None)
    if before is not None and before.ruling is not None:
        course.settle(before.ruling, f"Overtaken: {name} was sent elsewhere before it had arrived.")
    course.arriving[name] = Arrival(value, ruling)


def approach(course: "Course") -> "Plan":
    """Put what has not been put, and wait until a signal has arrived, or failed to, or something came for the plan."""
    for name, arrival in list(course.arriving.items()):
        if not arrival.deadline:
            yield from _send(course, name, arrival)
    if course.arriving:
        looked = yield from asked(lambda: _look(course))
        for name, sentence in looked.items():
            yield from _end(course, name, sentence)


def give_up(course: "Course") -> None:
    """Say of what is on its way that the scan ended before it had arrived."""
    for name, arrival in course.arriving.items():
        if arrival.ruling is not None:
            course.settle(arrival.ruling, f"The scan ended before {name} had arrived.")
    course.arriving.clear()


def _send(course: "Course", name: str, arrival: Arrival) -> "Plan":
    signal = course.devices.signals[name]
    arrival.deadline = time.monotonic() + signal.patience
    sentence = yield from asked(lambda: _sentence(signal.put(arrival.value)))
    if sentence:
        yield from _end(course, name, sentence)


async def _look(course: "Course") -> dict[str, str]:
    """Wait for news; return for each signal that is not waited for any longer why not, empty if it has arrived."""
    while not course.docket.waits:
        found: dict[str, str] = {}
        for name, arrival in course.arriving.items():
            signal, silent = course.devices.signals[name], ""
            try:
                if await signal.arrived(arrival.value):
                    found[name] = ""
                    continue
            except SteeringError as error:
                silent = f" {error}"
            if time.monotonic() > arrival.deadline:
                found[name] = (
                    f"{name} did not arrive at {signal.said(arrival.value)} within {signal.patience:g} s.{silent}"
                )
        if found:
            return found
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_SECONDS):
                await course.docket.news()
    return {}


def _end(course: "Course", name: str, sentence: str) -> "Plan":
    """Note what became of a signal that was sent somewhere; empty if it has arrived."""
    signal = course.devices.signals[name]
    if sentence:
        # An abort may come here: until it is known what became of it, it is on its way.
        value = yield from asked(lambda: _number(signal))
        if value is not None:
            course.values[name] = value
            course.docket.correct(name, value)
            sentence = f"{sentence} It reads {signal.said(value)}."
    arrival = course.arriving.pop(name)
    if arrival.ruling is not None:
        course.settle(arrival.ruling, sentence)
    elif sentence:
        course.docket.hold(sentence)


async def _sentence(question: Awaitable[None]) -> str:
    try:
        await question
    except SteeringError as error:
        return str(error)
    return ""


async def _number(signal: Steered) -> float | None:
    try:
        return await signal.number()
    except SteeringError:
        # What it reads is not known, and that it does not answer was said.
        return None
