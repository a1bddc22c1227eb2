"""The levels of the multi-tau grid: what is kept of the frames of one, and how they are made of a stack of frames."""

from collections.abc import Iterator
from dataclasses import dataclass

from steering.xpcs.products import LAGS, Counts, Frames, Stack


@dataclass(frozen=True, eq=False)
class Level:
    """A chain's frames of one level.

    Attributes:
        first: Number of the first in the burst, in frames of the level.
        count: How many.
        products: Sums of products by lag from 1 and static bin, shape ``(8, static)``.
        total: Counts by static bin, shape ``(static,)``.
        first_sums: Counts of the first frames, eight at most, shape ``(frames, static)``.
        last_sums: Of the last ones.
        head: The first frames themselves; none where nothing can join before them.
        tail: The last ones.
    """

    first: int
    count: int
    products: Counts
    total: Counts
    first_sums: Counts
    last_sums: Counts
    head: Frames
    tail: Frames


def levels_of(frames: Stack, index: int) -> Iterator[Level]:
    """Make all levels of frames, from level 0 on.

    Args:
        frames: Counts in the order of static bins.
        index: Of the first frame in its burst; before the first one nothing can join.
    """
    first, some = index, frames
    while len(some):
        yield level_of(some, first, keep_head=index > 0)
        some, first = some.coarser(first % 2), (first + 1) // 2


def level_of(frames: Stack, first: int, *, keep_head: bool) -> Level:
    """Make one level.

    Args:
        frames: Of the level.
        first: Number of the first, in frames of the level.
        keep_head: Whether something may join before them.
    """
    count = len(frames)
    last = max(count - LAGS, 0)
    return Level(
        first,
        count,
        frames.products(),
        frames.total(),
        frames.sums(0, LAGS),
        frames.sums(last, count),
        frames.part(0, LAGS if keep_head else 0),
        frames.part(last, count),
    )
