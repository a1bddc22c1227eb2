"""Cuts and counts blocks."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from steering.core.block import FrameBlock, Inline


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
    place = block.place
    return replace(
        block,
        start=start,
        stop=stop,
        place=Inline(place.frames[part]) if isinstance(place, Inline) else place,
        columns={name: column[part] for name, column in block.columns.items()},
        first=None if block.first is None else block.first + part.start,
    )
