"""Frames that follow one another, with their blobs and the links between these: runs join without their frames.

Only the first and the last frame keep their bright pixels, as long as a frame may still come beside them. Any two
frames that follow one another are linked; whether the rotation went on between them is asked when spots are made.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from steering.core.block import Floats
from steering.spots.blobs import PEAK, table_of
from steering.spots.components import Grid, across, labelled, within
from steering.spots.lit import Lit, Numbers
from steering.spots.patches import Fitter
from steering.spots.split import passes, split

# Columns of what is known of each frame: the angle of rotation, the exposure, the slow axis, the share of its pixels
# that are no counts, whether it was crowded, and its index in its event.
OMEGA, EXPOSURE, SLOW, MASKED, CROWDED, INSIDE = range(6)
FRAME_COLUMNS = 6


@dataclass(frozen=True, eq=False)
class Edge:
    """The bright pixels of a frame at the end of a run.

    Attributes:
        key: Of each, as if it were in frame 0.
        blob: Number of its blob in the frame.
        count: Its counts.
    """

    key: Numbers
    blob: Numbers
    count: Numbers


@dataclass(frozen=True, eq=False)
class Run:
    """Frames of one sweep, one after another.

    Attributes:
        start: Index of the first frame in the stream.
        frames: What is known of each, shape ``(frames, 6)``.
        sizes: How many blobs each has, shape ``(frames,)``.
        blobs: All of them, in the order of their frames, shape ``(blobs, 11)``.
        links: Pairs of blobs of frames that follow one another, by their places, shape ``(links, 2)``.
        head: Of the first frame; nothing if none can come before it.
        tail: Of the last one; nothing if none can come after it.
        fits: Fitted peaks, by the places of their blobs: see :mod:`steering.spots.patches`; shape ``(blobs, fitted)``.
    """

    start: int
    frames: Floats
    sizes: Numbers
    blobs: Numbers
    links: Numbers
    head: Edge | None
    tail: Edge | None
    fits: Floats

    @property
    def stop(self) -> int:
        """Index after the last frame."""
        return self.start + len(self.frames)

    def places(self) -> Numbers:
        """Say where the blobs of each frame begin, and where those of the last one end."""
        return np.concatenate([[0], np.cumsum(self.sizes)])


def make_runs(lit: Lit, frames: Floats, start: int, valley: float, fitter: Fitter | None = None) -> Iterator[Run]:
    """Find the blobs of a block and link them; yield a run for each sweep in it.

    Args:
        lit: The bright pixels.
        frames: What is known of each frame, shape ``(frames, 6)``.
        start: Index of the first frame in the stream.
        valley: As in :func:`steering.spots.split.split`; 0 splits nothing.
        fitter: Fits peaks.
    """
    grid = Grid.of(lit.shape)
    key = grid.keys(lit)
    if valley:
        label = split(lit.count, *within(key, grid), valley)
        blobs = table_of(lit, label, start)
        links = _links(across(key, key, grid), (label, label), (lit.count, lit.count), (blobs, blobs), valley)
    else:
        label, links = labelled(key, grid)
        blobs = table_of(lit, label, start)
    sizes = np.bincount(blobs[:, 0] - start, minlength=len(frames)).astype(np.int64)
    places = np.concatenate([[0], np.cumsum(sizes)])
    fits = np.empty((len(blobs), 0)) if fitter is None else fitter(blobs)
    edges = np.flatnonzero(~_is_next(frames[:-1, INSIDE], frames[1:, INSIDE])) + 1
    pixels = np.searchsorted(lit.frame, np.arange(len(frames) + 1))
    for begin, end in zip([0, *edges.tolist()], [*edges.tolist(), len(frames)], strict=True):

        def edge(at: int) -> Edge:
            some = slice(pixels[at], pixels[at + 1])
            return Edge(key[some] - at * grid.frame, label[some] - places[at], lit.count[some])

        low, high = places[begin], places[end]
        inner = links[(links[:, 0] >= low) & (links[:, 1] < high)] - low
        yield Run(
            start + begin, frames[begin:end].copy(), sizes[begin:end].copy(),
            blobs[low:high].copy(), inner, edge(begin), edge(end - 1), fits[low:high].copy(),
        )  # fmt: skip


def united(runs: Iterable[Run], shape: tuple[int, int], valley: float) -> tuple[Run, ...]:
    """Unite runs: frames that are there twice count once, and those that follow one another are joined.

    Args:
        runs: In any order.
        shape: Of a frame.
        valley: As in :func:`make_runs`.

    Returns:
        In the order of their frames; none overlaps another, and none goes on in the next.
    """
    found: list[Run] = []
    for one in sorted(runs, key=lambda run: (run.start, -run.stop)):
        last = found[-1] if found else None
        if last is None or one.start > last.stop or not _goes_on(last, one):
            found.append(one)
        elif one.stop > last.stop:
            found[-1] = _joined(last, one, Grid.of(shape), valley)
    starts, stops = {one.start for one in found}, {one.stop for one in found}
    return tuple(_closed(one, before=one.start in stops, after=one.stop in starts) for one in found)


def _goes_on(one: Run, other: Run) -> bool:
    """Say whether a run that begins at the end of another, or within it, is of the same sweep."""
    return one.stop > other.start or bool(_is_next(one.frames[-1, INSIDE], other.frames[0, INSIDE]))


def _is_next(before: ArrayLike, after: ArrayLike) -> NDArray[np.bool_]:
    """Say whether a frame is of the same sweep as the one before it.

    Args:
        before: Index of that one in its event; 0 throughout where each frame is an event.
        after: Index of the frame in its event.
    """
    earlier, later = np.asarray(before), np.asarray(after)
    return (later == earlier + 1) | ((later == 0) & (earlier == 0))


def _closed(run: Run, *, before: bool, after: bool) -> Run:
    """Forget pixels at an end where nothing can come any more."""
    if (before and run.head is not None) or (after and run.tail is not None):
        return replace(run, head=None if before else run.head, tail=None if after else run.tail)
    return run


def _joined(one: Run, other: Run, grid: Grid, valley: float) -> Run:
    """Join two runs of which the second begins at the end of the first or within it, and ends after it."""
    skipped = one.stop - other.start
    places = other.places()
    cut = places[skipped]
    size = len(one.blobs)
    if skipped:
        # The second knows how its frames are linked with the last one that both have.
        ends = (other.links[:, 0] < cut) & (other.links[:, 1] >= cut)
        seam = other.links[ends] - [places[skipped - 1] - (size - one.sizes[-1]), cut - size]
    elif one.tail is not None and other.head is not None:
        tail, head = one.tail, other.head
        pairs = across(tail.key, head.key + grid.frame, grid)
        last = one.blobs[size - one.sizes[-1] :]
        links = _links(pairs, (tail.blob, head.blob), (tail.count, head.count), (last, other.blobs), valley)
        seam = links + np.array([size - one.sizes[-1], size])
    else:
        seam = np.empty((0, 2), np.int64)
    inner = other.links[other.links[:, 0] >= cut] - cut + size
    return Run(
        one.start,
        np.concatenate([one.frames, other.frames[skipped:]]),
        np.concatenate([one.sizes, other.sizes[skipped:]]),
        np.concatenate([one.blobs, other.blobs[cut:]]),
        np.concatenate([one.links, seam, inner]),
        one.head, other.tail,
        np.concatenate([one.fits, other.fits[cut:]]),
    )  # fmt: skip


def _links(
    pairs: tuple[Numbers, Numbers],
    labels: tuple[Numbers, Numbers],
    counts: tuple[Numbers, Numbers],
    blobs: tuple[Numbers, Numbers],
    valley: float,
) -> Numbers:
    """Link the blobs of pixels that touch."""
    first, second = pairs
    one, other = labels[0][first], labels[1][second]
    height = np.minimum(counts[0][first], counts[1][second]) if valley else None
    return np.stack(passes(one, other, height, (blobs[0][:, PEAK], blobs[1][:, PEAK]), valley), 1)
