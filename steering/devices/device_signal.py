"""A signal of a Bluesky device, classic ophyd or ophyd-async, read and steered as the EPICS signals are."""

import asyncio
import inspect
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any

from steering.core.errors import SteeringError, said
from steering.description.description_entries import SignalEntry
from steering.devices.answers import ANSWER_SECONDS, same_unit
from steering.devices.signals import BeamlineSignal, number_of


@dataclass
class DeviceSignal(BeamlineSignal):
    """One signal of a device.

    Attributes:
        device: What Bluesky reads and sets.
    """

    device: Any = None
    _worded: bool = field(default=False, repr=False)
    _status: Any = field(default=None, repr=False)

    @classmethod
    async def of(cls, name: str, entry: SignalEntry, device: Any) -> "DeviceSignal":
        """Take a signal and read it once. Call on the engine's loop.

        Raises:
            SteeringError: If it does not answer, gives no number, cannot be set, or counts in another unit than is
                described.
        """
        made = cls(name, entry, entry.units, device=device)
        if not hasattr(device, "set"):
            message = f"{made.who} cannot be set. Name a signal that can."
            raise SteeringError(message)
        described = next(iter((await made._ask("describe")).values()))
        # As ophyd-async and classic ophyd name them.
        made.choices = tuple(str(one) for one in described.get("choices") or described.get("enum_strs") or ())
        made.known = (await made.reading())["value"]
        own = str(described.get("units") or "").strip()
        if entry.units and own and not same_unit(entry.units, own):
            message = f"{made.who} counts in {own}, but the beamline's file says {entry.units}. Correct one of them."
            raise SteeringError(message)
        made.units = entry.units or own or "1"
        return made

    @property
    def channel(self) -> str:
        """What is read."""
        return self.entry.device

    async def reading(self) -> dict[str, Any]:
        """Read it now, with its time stamp.

        Raises:
            SteeringError: If it does not answer, or gives no number; with its name.
        """
        found = next(iter((await self._ask("read")).values()))
        # A choice is read as its name or as its number, and is set the same way.
        self._worded = isinstance(found["value"], str) and found["value"] in self.choices
        self.known = float(self.choices.index(found["value"])) if self._worded else number_of(found["value"], self.who)
        return {"value": self.known, "timestamp": float(found.get("timestamp") or time.time())}

    async def put(self, value: float) -> None:
        """Ask for a value; whether it has arrived says :meth:`arrived`.

        Raises:
            SteeringError: If it cannot be asked for.
        """
        self.asked()
        meant: Any = self.said(value) if self._worded else int(value) if self.choices else value
        try:
            if inspect.iscoroutinefunction(self.device.read):
                self._status = self.device.set(meant)
            else:
                # Classic ophyd may wait in the calling thread.
                self._status = await self._in_time(asyncio.to_thread(self.device.set, meant))
        except SteeringError:
            raise
        except Exception as error:  # a stranger's device may raise anything
            message = f"{self.who} cannot be set to {self.said(value)}: {said(error)}."
            raise SteeringError(message) from error

    async def arrived(self, value: float) -> bool:
        """Say whether the read-back has been within the tolerance of a value for the settle time.

        Raises:
            SteeringError: If it does not answer, or has said that it cannot come there.
        """
        status = self._status
        failed = status.exception() if status is not None and status.done else None
        if failed is not None:
            message = f"{self.who} could not be set to {self.said(value)}: {said(failed)}."
            raise SteeringError(message)
        return await super().arrived(value)

    async def _in_time(self, question: Awaitable[Any]) -> Any:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await question
        except TimeoutError as error:
            message = f"{self.who} does not answer within {ANSWER_SECONDS:g} s. Check that its IOC runs."
            raise SteeringError(message) from error

    async def _ask(self, verb: str) -> dict[str, dict[str, Any]]:
        method = getattr(self.device, verb)
        question = method() if inspect.iscoroutinefunction(method) else asyncio.to_thread(method)
        try:
            return await self._in_time(question)
        except SteeringError:
            raise
        except Exception as error:  # a stranger's device may raise anything
            message = f"{self.who} does not answer: {said(error)}."
            raise SteeringError(message) from error
