"""A file that is damaged in whatever way costs its own frames, and neither the source nor the others."""

import asyncio
import gzip
import struct
import threading
import zipfile
import zlib

import fabio.cbfimage
import numpy as np
import pytest
import tifffile

from steering.core.block import FrameBlock, Inline
from steering.folders.directory import SeenFile
from steering.folders.whole_file import read_whole
from steering.readers.file_names import read_name
from steering.readers.open_files import OpenFiles
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


def zeroed(content, start, stop):
    """Return a file of which a part has not come yet."""
    return content[:start] + bytes(stop - start) + content[stop:]


def compressed_tiff(path):
    tifffile.imwrite(path, FRAMES[0], photometric="minisblack", compression="zlib")
    content = path.read_bytes()
    (offset,) = tifffile.TiffFile(path).pages[0].dataoffsets
    return zeroed(content, offset + 10, offset + 80)


def tiff_of_odd_width(path):
    tifffile.imwrite(path, FRAMES[0], photometric="minisblack")
    content = bytearray(path.read_bytes())
    # How many numbers its width is.
    content[tifffile.TiffFile(path).pages[0].tags["ImageWidth"].offset + 5] = 180
    return bytes(content)


def frame_cache(path):
    pixels = {f"0_{name}": np.arange(20) % 12 for name in ("row", "col", "data")}
    np.savez_compressed(path, shape=np.array([12, 14]), nframes=1, dtype="uint16", omega=np.zeros((1, 2)), **pixels)
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        place = archive.getinfo("shape.npy").header_offset
    # Behind its header, its name and what else is there.
    place += 30 + sum(int.from_bytes(content[place + at : place + at + 2], "little") for at in (26, 28))
    content[place : place + 8] = b"\xff" * 8
    return bytes(content)


def cbf_without_its_section(path):
    fabio.cbfimage.CbfImage(data=FRAMES[0].astype("i4")).write(str(path))
    return path.read_bytes().replace(b"FORMAT-SECTION", b"FORMAP-SECTION", 1)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("write", "suffix"),
    [(compressed_tiff, "tif"), (tiff_of_odd_width, "tif"), (frame_cache, "npz"), (cbf_without_its_section, "cbf")],
)
def test_a_damaged_image_file_is_said_to_be_none(tmp_path, write, suffix):
    path = tmp_path / f"a_1.{suffix}"
    path.write_bytes(write(path))
    known = path.stat()
    file = SeenFile(path, read_name(path), size=known.st_size, changed=known.st_mtime_ns)
    with pytest.raises(ValueError, match="is no whole"):
        read_whole(file, OpenFiles(1))
