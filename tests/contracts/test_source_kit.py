"""The kit for sources finds what is broken."""

from dataclasses import replace

import pytest

from steering.core.block import FrameBlock, Inline
from steering.core.source import RunEnded, RunStarted
from steering.sources.frames import read_frames
from steering.testing import ContractError, check_source
from steering.testing.benches.documents import DocumentBench

pytestmark = pytest.mark.whole


class Altered:
    """A source that is right but for what a function makes of its items."""

    def __init__(self, right, change, counts):
        self._right, self._change, self._counts = right, change, counts
        self.stored, self.close = right.stored, right.close

    @property
    def status(self):
        return replace(self._right.status, **self._counts)

    @property
    def rejected(self):
        return self.status.rejected

    @property
    def last_rejection(self):
        return self._right.last_rejection

    async def items(self):
        async for item in self._right.items():
            for changed in self._change(item):
                yield changed


def only(kind, change):
    return lambda item: change(item) if isinstance(item, kind) else [item]


def wrong_pixels(block):
    frames = read_frames(block)[0].copy()
    frames[0, 0, 0] += 1
    return [replace(block, place=Inline(frames))]


def singly(block):
    return [
        replace(block, start=i, stop=i + 1, first=i, columns={n: c[:1] for n, c in block.columns.items()})
        for i in range(block.start, block.stop)
    ]


BROKEN = {
    "no start": (only(RunStarted, lambda item: []), {}, "not the run's start"),
    "a block twice": (only(FrameBlock, lambda item: [item, item]), {}, r"of 12 frames came \[0, (0, )?1"),
    "wrong pixels": (only(FrameBlock, wrong_pixels), {}, "has other pixels than were fed"),
    "single frames under load": (only(FrameBlock, singly), {}, "instead of a few"),
    "a wrong end": (only(RunEnded, lambda item: [replace(item, frames=3)]), {}, "the run's end counts 3"),
    "no count": (lambda item: [item], {"frames": 0}, "the status counts 0"),
    "hides what was malformed": (lambda item: [item], {"rejected": 0}, "should count"),
    "hides what was missed": (lambda item: [item], {"missed": 0}, "0 are counted as missed"),
}


@pytest.mark.parametrize(("change", "counts", "words"), BROKEN.values(), ids=BROKEN)
async def test_a_broken_source_is_found(change, counts, words, tmp_path, monkeypatch):
    monkeypatch.setattr("steering.testing.source.PATIENCE", 3.0)
    monkeypatch.setattr("steering.testing.waiting.until.__defaults__", (3.0,))

    class Bench(DocumentBench):
        async def open(self):
            return Altered(await super().open(), change, counts)

    with pytest.raises(ContractError, match=words):
        await check_source(Bench, tmp_path)
