"""Cuts, joins and counts blocks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from steering.core.block import FrameBlock
from steering.core.place import (
    FirstReachable,
    FrameFile,
    ImageFiles,
    Inline,
    Place,
    RawFrames,
    ServedFrames,
    TiledFrames,
)

# Blocks that continue each other in one file are read and analysed together, up to so many frames.
JOINED_FRAMES = 512
# So many bytes are read at once; so many frames while nobody knows how large they are.
PIECE_BYTES = 1 << 26
UNKNOWN_FRAMES = 4


def frames_of(blocks: Iterable[FrameBlock]) -> int:
    """Count the frames of blocks."""
    return sum(len(block) for block in blocks)


def take(blocks: Sequence[FrameBlock], frames: int) -> tuple[list[FrameBlock], list[FrameBlock]]:
    """Split blocks into those with the first so many frames, and the rest; a large block may be cut in two."""
    taken: list[FrameBlock] = []
    for place, block in enumerate(blocks):
        if len(block) > frames:
            if not taken:
                return [cut(block, block.start, block.start + frames)], [
                    cut(block, block.start + frames, block.stop),
                    *blocks[place + 1 :],
                ]
            return taken, list(blocks[place:])
        taken.append(block)
        frames -= len(block)
        if frames == 0:
            return taken, list(blocks[place + 1 :])
    return taken, []


def cut(block: FrameBlock, start: int, stop: int) -> FrameBlock:
    """Return the part of a block with frames ``start`` to ``stop - 1`` of its stream."""
    if (start, stop) == (block.start, block.stop):
        return block
    part = slice(start - block.start, stop - block.start)
    return replace(
        block,
        start=start,
        stop=stop,
        place=None if block.place is None else _cut_place(block.place, part),
        columns={name: column[part] for name, column in block.columns.items()},
        first=None if block.first is None else block.first + part.start,
    )


def join(blocks: Sequence[FrameBlock]) -> list[FrameBlock]:
    """Join blocks that continue each other in one file: one read and one update do more than many."""
    joined: list[list[FrameBlock]] = []
    for block in blocks:
        last = joined[-1] if joined else []
        if last and _continues(last[-1], block) and block.stop - last[0].start <= JOINED_FRAMES:
            last.append(block)
        else:
            joined.append([block])
    return [group[0] if len(group) == 1 else _joined(group) for group in joined]


def pieces(blocks: Iterable[FrameBlock], sizes: Mapping[str, int]) -> Iterator[FrameBlock]:
    """Cut blocks into pieces of bounded size.

    Args:
        blocks: What to cut.
        sizes: Bytes of a frame by run, looked up anew for each piece: the first one tells.

    Yields:
        The same frames in the same order.
    """
    for block in blocks:
        start = block.start
        while start < block.stop:
            size = sizes.get(block.run)
            frames = UNKNOWN_FRAMES if size is None else PIECE_BYTES // max(size, 1)
            stop = min(block.stop, start + max(frames, 1))
            yield cut(block, start, stop)
            start = stop


def _cut_place(place: Place, part: slice) -> Place:
    match place:
        case FrameFile():
            return place
        case Inline(frames=frames):
            return Inline(frames[part])
        case RawFrames():
            offset = place.offset + part.start * _frame_bytes(place)
            return replace(place, offset=offset, times=place.times[part])
        case ImageFiles():
            return ImageFiles(place.paths[part], place.indices[part], place.times[part])
        case TiledFrames():
            return replace(place, times=place.times[part])
        case ServedFrames(place=ImageFiles(paths=paths, indices=indices, times=times)):
            return replace(place, place=ImageFiles(paths[part], indices[part], times[part]))
        case ServedFrames():
            return place
        case FirstReachable(places=places):
            cut_places = tuple(_cut_place(one, part) for one in places)
            return FirstReachable(tuple(one for one in cut_places if not isinstance(one, Inline | FirstReachable)))


def _frame_bytes(place: RawFrames) -> int:
    return place.shape[0] * place.shape[1] * np.dtype(place.dtype).itemsize


def _continues(before: FrameBlock, block: FrameBlock) -> bool:
    if block.start != before.stop or block.columns.keys() != before.columns.keys() or block.units != before.units:
        return False
    if block.pixels != before.pixels:
        return False
    match before.place, block.place:
        case FrameFile() as one, FrameFile() as two:
            if before.first is None or block.first is None:
                return one == two and before.first is block.first
            return one == two and block.first == before.first + len(before)
        case RawFrames() as one, RawFrames() as two:
            follows = two.offset == one.offset + len(one.times) * _frame_bytes(one)
            return follows and (one.segment, one.shape, one.dtype) == (two.segment, two.shape, two.dtype)
        case _:
            return False


def _joined(group: Sequence[FrameBlock]) -> FrameBlock:
    columns = {name: np.concatenate([block.columns[name] for block in group]) for name in group[0].columns}
    place = group[0].place
    if isinstance(place, RawFrames):
        times = tuple(time for block in group if isinstance(block.place, RawFrames) for time in block.place.times)
        place = replace(place, times=times)
    return replace(group[-1], start=group[0].start, first=group[0].first, place=place, columns=columns)
