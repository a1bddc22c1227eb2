"""An areaDetector that takes part in one scan at a time, and can say for certain how many frames it has written."""

import asyncio
from contextlib import aclosing, suppress

from ophyd_async.core import AsyncStatus, StreamResourceDataProvider, observe_value
from ophyd_async.epics.adcore import NDFileHDF5IO
from ophyd_async.epics.adsimdetector import SimDetector

# What does not end within so many seconds is not waited for any longer: the detector is told to stop once more.
_PARTING_SECONDS = 10.0
# The writer gets frames through a queue: it has all of them if none more comes for so long.
_QUIET_SECONDS = 0.3


class OneScanDetector(SimDetector):
    """An areaDetector with its HDF5 writer that never takes part in two scans at once.

    The end of a scan tells the detector and its writer to stop, and does not wait for ever until they have. Nothing of
    that may reach the next scan: its file would be closed under it.
    """

    hdf: NDFileHDF5IO
    # So many events of the run may be told of; all that are written if it is not said.
    most_events: int | None = None
    _parting: AsyncStatus[None] | None = None

    def unstage(self) -> AsyncStatus[None]:
        """Stop the detector and file writing."""
        self._parting = super().unstage()
        return self._parting

    @AsyncStatus.wrap
    async def stage(self) -> None:
        """Make sure that the detector is idle and ready to be used."""
        if self._parting is not None:
            parted = asyncio.Event()
            self._parting.add_callback(lambda _: parted.set())
            with suppress(TimeoutError):
                async with asyncio.timeout(_PARTING_SECONDS):
                    await parted.wait()
            self._parting = None
        await super().stage()

    async def frames_after(self, events: int) -> int:
        """Count the frames in its file beyond those of so many events, once it was told to stop.

        A count that is kept from before is no answer: what watches it hears of a frame later than the detector says
        that it has stopped. It is asked for until it stays the same, and until whoever watches it has heard of it.

        The next event has these frames, also when an event that was dropped had asked for them already: the detector
        tells of each frame once, and what it told to that event is in no document.
        """
        if self._prepare_ctx is None:
            return 0
        counted = self.hdf.num_captured
        before, now = -1, await counted.get_value(cached=False)
        while now != before:
            await asyncio.sleep(_QUIET_SECONDS)
            before, now = now, await counted.get_value(cached=False)
        async with aclosing(observe_value(counted)) as values:
            async for value in values:
                if value >= now:
                    break
        for provider in self._prepare_ctx.streamable_data_providers:
            if isinstance(provider, StreamResourceDataProvider):
                provider.last_emitted = min(provider.last_emitted, events)
        return now - events * self._prepare_ctx.trigger_info.collections_per_event

    @property
    def frames_each(self) -> int:
        """Frames an event."""
        return self._prepare_ctx.trigger_info.collections_per_event if self._prepare_ctx is not None else 1

    async def get_index(self) -> int:
        """Count the events that may be told of."""
        index = await super().get_index()
        return index if self.most_events is None else min(index, self.most_events)

    async def acquire(self) -> None:
        """Begin to take the frames that it was prepared for, and wait for none."""
        if self._acquire_logic is not None:
            await self._acquire_logic.start_acquiring()

    async def idle(self) -> None:
        """Wait until it has taken them."""
        if self._acquire_logic is not None:
            await self._acquire_logic.wait_for_idle()

    async def wait_written(self, events: int) -> None:
        """Wait until so many events of the run are in its file.

        Raises:
            TimeoutError: If nothing is written for longer than a frame may take.
        """
        if self._prepare_ctx is None:
            return
        longest = self._prepare_ctx.trigger_info.exposure_timeout
        async with aclosing(observe_value(self.hdf.num_captured, timeout=longest)) as values:
            async for value in values:
                if value >= events * self.frames_each:
                    return

    async def take(self, frames: int) -> None:
        """Take so many frames more, with the exposure that it was prepared for."""
        if self._prepare_ctx is None or self._trigger_logic is None:
            return
        information = self._prepare_ctx.trigger_info
        await self._trigger_logic.prepare_internal(
            num=frames, livetime=information.livetime, deadtime=information.deadtime
        )
        await self.acquire()
        await self.idle()
