"""An areaDetector that exposes a sample: driver, HDF5 writer, statistics and PVA image."""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from steering.machine.noting import note
from steering.sim.busy import Busy
from steering.sim.channels import Channel, EnumChannel, channels_of
from steering.sim.samples import Sample, exposed
from steering.sim.writer import FrameWriter

# Frames that are exposed within this time are handed on together.
_TOGETHER_SECONDS = 0.005
_MOST_TOGETHER = 256

PostImage = Callable[[Any, float, int], None]


class Detector:
    """The detector's behaviour behind its channels.

    ``Acquire`` and ``Capture`` are busy records: a put of 1 completes when acquisition or capture has ended, a put of 0
    ends it at once. Of each there is one at a time: a put of 1 while it runs waits for its end, and one that comes
    while it is ending begins the next after it.
    """

    def __init__(
        self,
        prefix: str,
        samples: Mapping[str, Sample],
        positions: Callable[[], Mapping[str, float]],
        post: PostImage,
        transmission: Callable[[], float] = lambda: 1.0,
        *,
        speed: float,
        seed: int,
    ) -> None:
        """Wire the detector.

        Args:
            prefix: Of its PVs, for example ``"STEER:det:"``.
            samples: What can be put into the beam, by name; the first is in it.
            positions: Gives the motors' positions now.
            post: Called with each frame, its time and its number.
            transmission: Gives the part of the beam that reaches the sample now, 0 to 1.
            speed: An exposure of t seconds lasts t / speed.
            seed: Of the noise.
        """
        self._prefix = prefix
        self._samples = dict(samples)
        self._positions = positions
        self._post = post
        self._transmission = transmission
        self._speed = speed
        self._random = np.random.default_rng(seed)
        self._sample = next(iter(self._samples))
        self._exposing = Busy()
        self._capturing = Busy()
        self._writer: FrameWriter | None = None
        self._number = 0
        self._due = 0.0
        self.channels = self._channels()

    async def begin(self) -> None:
        """Set the values that a detector has when it is switched on."""
        rows, columns = self._samples[self._sample].shape
        for name, value in {
            "cam1:AcquireTime": 0.1,
            "cam1:AcquirePeriod": 0.1,
            "cam1:NumImages": 1,
            "cam1:DataType_RBV": "Int32",
            "cam1:Manufacturer_RBV": "steering",
            "cam1:Model_RBV": "Recorded frames",
            "cam1:PortName_RBV": "CAM",
            "HDF1:PortName_RBV": "HDF1",
            "HDF1:NumFramesChunks": 1,
            "STATS1:PortName_RBV": "STATS1",
        }.items():
            await self._channel(name).write(value)
        await self._resize(rows, columns)

    def _channels(self) -> dict[str, Channel]:
        from ophyd_async.core import StaticPathProvider, UUIDFilenameProvider
        from ophyd_async.epics.adcore import ADWriterFactory, NDPluginBaseIO, NDStatsIO
        from ophyd_async.epics.adsimdetector import SimDetector

        address = f"ca://{self._prefix}"
        paths = StaticPathProvider(UUIDFilenameProvider(), Path.cwd())
        plugins: dict[str, NDPluginBaseIO] = {"stats": NDStatsIO(f"{address}STATS1:")}
        channels = channels_of(SimDetector(address, ADWriterFactory.hdf(paths), plugins=plugins, name="det"))
        words = tuple(self._samples)
        channels[f"{self._prefix}sample"] = EnumChannel(value=words[0], enum_strings=words)
        for name, handler in {
            "sample": self._choose,
            "cam1:Acquire": self._acquire,
            "HDF1:Capture": self._capture,
            "HDF1:FilePath": self._file_path,
        }.items():
            channels[self._prefix + name].handler = handler
        return channels

    def _channel(self, name: str) -> Channel:
        return self.channels[self._prefix + name]

    async def _read(self, name: str, value: Any) -> None:
        """Write a readback."""
        await self._channel(name).write(value)

    async def _resize(self, rows: int, columns: int) -> None:
        for plugin in ("cam1", "HDF1", "STATS1"):
            await self._read(f"{plugin}:ArraySizeX_RBV", columns)
            await self._read(f"{plugin}:ArraySizeY_RBV", rows)

    async def _choose(self, name: str) -> None:
        self._sample = name
        await self._resize(*self._samples[name].shape)

    async def _file_path(self, path: str) -> None:
        await self._read("HDF1:FilePath_RBV", path)
        exists = await asyncio.to_thread(Path(path).is_dir)
        await self._read("HDF1:FilePathExists_RBV", "Yes" if exists else "No")

    async def _capture(self, value: str) -> None:
        await self._capturing.put(value, self._write_file)

    async def _write_file(self, end: asyncio.Event) -> None:
        path = self._file()
        await self._count_file()
        self._writer = writer = FrameWriter(path, self._samples[self._sample].shape)
        try:
            await self._read("HDF1:NumCaptured_RBV", 0)
            await self._read("HDF1:FullFileName_RBV", str(path))
            await self._read("HDF1:Capture_RBV", "Yes")
            await end.wait()
        finally:
            self._writer = None
            try:
                writer.close()
            except (OSError, RuntimeError) as error:
                note(f"the file cannot be closed: {error}")
            await self._read("HDF1:Capture_RBV", "No")
            await self._channel("HDF1:Capture").write("No", verify_value=False)

    def _file(self) -> Path:
        """Name the file by the template, as areaDetector does: folder, name and, if it asks for it, number."""
        folder, name = self._channel("HDF1:FilePath").value, self._channel("HDF1:FileName").value
        template = str(self._channel("HDF1:FileTemplate").value) or "%s%s.h5"
        parts = f"{folder.rstrip('/')}/", name, int(self._channel("HDF1:FileNumber").value)
        return Path(template % parts[: template.count("%")])

    async def _count_file(self) -> None:
        """Give the next file the next number, if it is to be so."""
        if self._channel("HDF1:AutoIncrement").value == "Yes":
            number = int(self._channel("HDF1:FileNumber").value) + 1
            for name in ("HDF1:FileNumber", "HDF1:FileNumber_RBV"):
                if self._prefix + name in self.channels:
                    await self._read(name, number)

    async def _acquire(self, value: str) -> None:
        await self._exposing.put(value, self._take_frames)

    async def _take_frames(self, end: asyncio.Event) -> None:
        await self._read("cam1:DetectorState_RBV", "Acquire")
        await self._read("cam1:Acquire_RBV", "Yes")
        mode = self._channel("cam1:ImageMode").value
        left = {"Single": 1, "Multiple": int(self._channel("cam1:NumImages").value)}.get(mode, -1)
        self._due = asyncio.get_running_loop().time()
        try:
            while left != 0 and not end.is_set():
                left -= await self._expose(left, end)
        finally:
            # However it ends: a detector that says that it exposes, and does not, would never be at rest.
            await self._read("cam1:DetectorState_RBV", "Idle")
            await self._read("cam1:Acquire_RBV", "No")

    async def _expose(self, left: int, end: asyncio.Event) -> int:
        """Expose the next frame, or the next few where they are shorter than this process can follow one by one.

        Args:
            left: How many may still be taken; negative for any number.
            end: Set if acquisition was told to stop.

        Returns:
            How many were taken.
        """
        loop = asyncio.get_running_loop()
        exposure = float(self._channel("cam1:AcquireTime").value)
        lasting = exposure / self._speed
        most = max(int(_TOGETHER_SECONDS / lasting), 1) if lasting > 0 else _MOST_TOGETHER
        count = min(most, _MOST_TOGETHER, left if left > 0 else most)
        # One after another, as a detector's own clock has them; what it could not keep up with begins later.
        self._due = max(self._due, loop.time()) + count * lasting
        sample = self._samples[self._sample]
        # An axis that moves is seen where it is in the middle of the exposure.
        if await _ended(end, self._due - count * lasting / 2):
            return count
        passes = self._transmission()
        frames = [exposed(sample, self._positions(), exposure, passes, self._random) for _ in range(count)]
        if not await _ended(end, self._due):
            await self._take(np.stack(frames), lasting)
        return count

    async def _take(self, frames: Any, lasting: float) -> None:
        """Hand frames on: statistics, file, image of the last; the count goes up once the file has them."""
        first, now = self._number + 1, time.time()
        self._number += len(frames)
        await self._read("cam1:ArrayCounter_RBV", self._number)
        await self._read("STATS1:Total_RBV", float(frames[-1].sum()))
        if self._writer is not None:
            numbers = np.arange(first, self._number + 1)
            try:
                self._writer.append(frames, now - (self._number - numbers) * lasting, numbers)
            except OSError as error:
                # As areaDetector's plugin: the frames are dropped, and the next ones are tried.
                note(str(error))
            else:
                await self._read("HDF1:NumCaptured_RBV", self._writer.count)
        self._post(frames[-1], now, self._number)


async def _ended(end: asyncio.Event, until: float) -> bool:
    """Wait until a time of the loop's clock; return whether it was told to end before."""
    try:
        async with asyncio.timeout_at(until):
            return await end.wait()
    except TimeoutError:
        return False
