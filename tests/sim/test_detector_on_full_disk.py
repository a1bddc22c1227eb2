"""The simulated detector where neither its file nor its log has room: it drops frames, and goes on."""

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np

from steering.sim.detector import Detector


class Flat:
    """A sample."""

    shape = (4, 4)

    def frame(self, positions, exposure, random):
        del positions, exposure, random
        return np.ones(self.shape, np.int32)


class FullFile:
    """A writer whose disk has no room; later neither for the file's end."""

    count = 0

    def __init__(self):
        self.tried = 0

    def append(self, frames, times, numbers):
        del frames, times, numbers
        self.tried += 1
        message = "the frame cannot be written: no space left"
        raise OSError(message)


def test_frames_that_cannot_be_written_are_dropped_although_the_log_is_full_too(monkeypatch):
    async def exposures():
        detector = Detector("DET:", {"flat": Flat()}, dict, lambda *_: None, speed=1000.0, seed=0)
        await detector.begin()
        values = {name.removeprefix("DET:"): channel for name, channel in detector.channels.items()}
        detector._writer = file = FullFile()
        await values["cam1:ImageMode"].write("Multiple")
        await values["cam1:NumImages"].write(300)
        await detector._acquire("Yes")
        return file.tried, detector._number, values["cam1:Acquire_RBV"].value, values["HDF1:NumCaptured_RBV"].value

    with Path("/dev/full").open("w", buffering=1, encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stderr", full)
        tried, taken, acquiring, captured = asyncio.run(exposures())
        monkeypatch.undo()
        with suppress(OSError):
            full.close()
    assert tried > 0
    assert (taken, acquiring, captured) == (300, "No", 0)
