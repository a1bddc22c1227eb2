"""A file that is damaged in whatever way costs its own frames, and neither the source nor the others."""

import asyncio
import gzip
import struct
import threading
import zlib

import pytest

from steering.core.block import FrameBlock, Inline
from steering.sources.read_ahead import read_blocks
from steering.sources.watch import WatchSource
from tests.sources.test_folder_faults import FRAMES, following, found_in, stack


async def test_a_packed_file_whose_middle_is_damaged_is_no_frame_and_the_others_come(tmp_path):
    for number in range(3):
        stack(tmp_path / "plain.tif", FRAMES[number])
        content = bytearray(gzip.compress((tmp_path / "plain.tif").read_bytes(), mtime=0))
        if number == 1:
            # As a network filesystem shows a file of which a part has not come yet.
            content[20:60] = bytes(40)
        (tmp_path / f"a_{number}.tif.gz").write_bytes(content)
    (tmp_path / "plain.tif").unlink()
    source = WatchSource(tmp_path, idle_seconds=0.3, patience_seconds=0.1)
    items = []
    async with asyncio.timeout(60):
        await following(source, items)
    found = found_in(items)
    assert sorted(found) == [0, 2]
    assert source.rejected == 1
    assert "a_1.tif.gz is not a whole image file" in source.last_rejection


class Broken(Inline):
    """Raises what a library raises of a damaged file."""

    error: Exception

    def read(self, first, stop):
        raise self.error


@pytest.mark.parametrize("error", [zlib.error("-3"), struct.error("short"), OSError(5, "io"), IndexError("x")])
def test_a_block_whose_library_raises_anything_keeps_no_other_from_coming(error):
    broken = Broken(FRAMES[:1])
    object.__setattr__(broken, "error", error)
    blocks = [FrameBlock("r", "primary", n, n + 1, Inline(FRAMES[n : n + 1]), {}) for n in range(3)]
    blocks[1] = FrameBlock("r", "primary", 1, 2, broken, {})
    assert [one.error is None for one in read_blocks(blocks)] == [True, False, True]
    assert not [thread for thread in threading.enumerate() if "read-ahead" in thread.name]
