"""What goes wrong at a point, in words, and what is done about it.

A point that could not be measured is never taken for one that was. A device that does not answer makes the scan wait
for a person; a motor that stops elsewhere is sent again as long as it comes closer. What then happens is the beamline's
choice.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from bluesky.utils import FailedStatus

from steering.core.errors import SteeringError, own_text

Then: TypeAlias = Literal["pause", "fail"]

# A motor that comes closer than this share of what was left is worth another try.
_CLOSER = 0.75
_CHANNEL = re.compile(r"(?:ca|pva)://([^\s'\",\]]+)")


class MissedError(SteeringError):
    """A motor stands elsewhere than where it was sent.

    Attributes:
        distance: How far it is from its target, as a multiple of what is tolerated.
    """

    def __init__(self, sentence: str, distance: float) -> None:
        """Say so."""
        super().__init__(sentence)
        self.distance = distance


class PointError(SteeringError):
    """A point could not be measured, and the beamline's choice is that the scan then fails."""


@dataclass(frozen=True)
class Faults:
    """What to do when a point cannot be measured.

    Attributes:
        missed: What happens when a motor does not reach its target: wait for a person, or fail.
        silent: What happens when a device does not answer in time, or refuses.
        full: What happens when there is no room for another point.
        tries: How often a motor that misses its target is sent there at most; it is sent again only while that brings
            it closer.
        retries: How often a point is measured again at once after a device did not answer.
    """

    missed: Then = "fail"
    silent: Then = "pause"
    full: Then = "pause"
    tries: int = 10
    retries: int = 0


class Patience:
    """How often one point has failed, and whether to try it again at once."""

    def __init__(self, faults: Faults) -> None:
        """Begin with a point."""
        self._faults = faults
        self._tried = 0
        self._distance = float("inf")

    def again(self, error: Exception) -> bool:
        """Say whether to try again at once after this error."""
        self._tried += 1
        if isinstance(error, MissedError):
            closer = error.distance < _CLOSER * self._distance
            self._distance = error.distance
            return closer and self._tried < self._faults.tries
        return self._tried <= self._faults.retries

    def then(self, error: Exception) -> Then:
        """Say what happens when it is not tried again."""
        return self._faults.missed if isinstance(error, MissedError) else self._faults.silent


def words(error: BaseException, devices: Mapping[str, str]) -> str:
    """Put what a device or the engine raised into a sentence.

    Args:
        error: What was raised.
        devices: Names of devices, in words, by the beginning of the names of their channels and signals.
    """
    cause = _cause(error)
    text = own_text(cause)
    if isinstance(cause, SteeringError):
        return text
    if isinstance(cause, TimeoutError):
        return _silent(text, devices)
    said = text[:300] or type(cause).__name__
    return f"{said}{'' if said.endswith('.') else '.'}"


def _cause(error: BaseException) -> BaseException:
    """Find what a failed status stands for."""
    while isinstance(error, FailedStatus):
        status = error.args[0] if error.args else None
        held = getattr(status, "exception", None)
        inner = error.__cause__ or (held() if callable(held) else None)
        if not isinstance(inner, BaseException):
            return RuntimeError("A device failed and did not say why")
        error = inner
    return error


def _silent(text: str, devices: Mapping[str, str]) -> str:
    found = _CHANNEL.search(text)
    # ophyd-async names a channel, or a signal by the names of the devices that it is in.
    what = found[1] if found is not None else text.partition(" ")[0]
    name = next((name for prefix, name in devices.items() if what.startswith(prefix)), "")
    if name:
        return f"The {name} does not answer ({what}). Check that its IOC runs."
    if found is not None:
        return f"{what} does not answer. Check that its IOC runs."
    return f"A device did not answer in time{f' ({text[:200]})' if text else ''}. Check that its IOC runs."
