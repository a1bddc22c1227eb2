"""A burst in parts, of detectors of areaDetector: stopped in its middle, and filled to a whole part."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from steering.core.errors import SteeringError
from steering.devices.detector import OneScanDetector
from steering.paths.parts import Ended


class PartedBurst:
    """One burst, see :class:`steering.paths.parts.Parted`."""

    def __init__(
        self,
        detectors: Mapping[str, OneScanDetector],
        done: int,
        disarm: Callable[[str, OneScanDetector], Awaitable[str]],
    ) -> None:
        """Prepare it.

        Args:
            detectors: By name; prepared for as many frames an event as a part has.
            done: Events that they have written in this run.
            disarm: Stops a detector; returns a sentence if it does not answer.
        """
        self._detectors, self._done, self._disarm = detectors, done, disarm
        self._told = 0

    async def begin(self) -> None:
        """Begin to take frames."""
        for one in self._detectors.values():
            one.most_events = self._done
        await asyncio.gather(*(one.acquire() for one in self._detectors.values()))

    async def whole(self, parts: int) -> None:
        """Wait until so many parts are written."""
        await asyncio.gather(*(one.wait_written(self._done + parts) for one in self._detectors.values()))

    async def idle(self) -> None:
        """Wait until the detectors have ended by themselves."""
        await asyncio.gather(*(one.idle() for one in self._detectors.values()))

    async def end(self) -> Ended:
        """Stop the detectors where they are, and fill the last part.

        Raises:
            SteeringError: If one does not answer.
        """
        said = await asyncio.gather(*(self._disarm(name, one) for name, one in self._detectors.items()))
        if any(said):
            raise SteeringError(" ".join(filter(None, said)))
        counts = [await one.frames_after(self._done + self._told) for one in self._detectors.values()]
        frames = next(iter(self._detectors.values())).frames_each
        parts = -(-max(counts) // frames)
        if not parts:
            return Ended(self._told, frames)
        # What all detectors have of the last part.
        kept = min(max(min(counts) - (parts - 1) * frames, 0), frames)
        lacking = [parts * frames - count for count in counts]
        await asyncio.gather(
            *(one.take(few) for few, one in zip(lacking, self._detectors.values(), strict=True) if few)
        )
        await self.whole(self._told + parts)
        return Ended(self._told + parts, kept)

    def tell(self, parts: int) -> None:
        """Let the detectors tell of so many parts."""
        self._told = parts
        for one in self._detectors.values():
            one.most_events = self._done + parts

    def release(self) -> None:
        """Let the detectors tell of all frames again."""
        for one in self._detectors.values():
            one.most_events = None
