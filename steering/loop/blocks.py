"""Functions that cut, join and count blocks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from steering.core.block import FrameBlock

# Consecutive blocks of one file are read and analysed together, up to this number of frames.
JOINED_FRAMES = 512
# Number of bytes to read at once, and number of frames to read at once while their size is not known.
PIECE_BYTES = 1 << 26
UNKNOWN_FRAMES = 4


def frames_of(blocks: Iterable[FrameBlock]) -> int:
    """Count the frames of blocks."""
    return sum(len(block) for block in blocks)


def take(blocks: Sequence[FrameBlock], frames: int) -> tuple[list[FrameBlock], list[FrameBlock]]:
    """Split blocks into those with the first ``frames`` frames and the rest. A large first block is cut in two."""
    taken: list[FrameBlock] = []
    for place, block in enumerate(blocks):
        if len(block) > frames:
            if not taken:
                return [block.part(block.start, block.start + frames)], [
                    block.part(block.start + frames, block.stop),
                    *blocks[place + 1 :],
                ]
            return taken, list(blocks[place:])
        taken.append(block)
        frames -= len(block)
        if frames == 0:
            return taken, list(blocks[place + 1 :])
    return taken, []


def join(blocks: Sequence[FrameBlock]) -> list[FrameBlock]:
    """Join consecutive blocks of one file, because one large read and update is cheaper than many small ones."""
    joined: list[list[FrameBlock]] = []
    for block in blocks:
        last = joined[-1] if joined else []
        if last and last[-1].goes_on_in(block) and block.stop - last[0].start <= JOINED_FRAMES:
            last.append(block)
        else:
            joined.append([block])
    return [group[0].joined(group[1:]) for group in joined]


def pieces(blocks: Iterable[FrameBlock], sizes: Mapping[str, int]) -> Iterator[FrameBlock]:
    """Cut blocks into pieces of bounded size.

    Args:
        blocks: The blocks to cut.
        sizes: Bytes of a frame by run. It is looked up again for each piece, because reading the first piece shows the
            frame size.

    Yields:
        The same frames in the same order.
    """
    for block in blocks:
        start = block.start
        while start < block.stop:
            size = sizes.get(block.run)
            frames = UNKNOWN_FRAMES if size is None else PIECE_BYTES // max(size, 1)
            stop = min(block.stop, start + max(frames, 1))
            yield block.part(start, stop)
            start = stop
