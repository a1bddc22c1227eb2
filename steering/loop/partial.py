"""What a task hands on: an analysis' state and the bookkeeping that makes its result honest. Runs on workers."""

import math
import pickle
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from steering.core.analysis import Analysis
from steering.core.block import FrameBlock
from steering.core.pixels import cleaned
from steering.core.result import Outcome
from steering.loop.blocks import UNKNOWN_FRAMES, cut, frames_of, join, pieces
from steering.loop.ranges import Ranges, count, unite
from steering.sources.read_ahead import READ_ERRORS, Loaded, read_blocks

# Photon times of so many of the newest frames travel with a state, for the latency figures.
PHOTONS_KEPT = 256
_FAILURES_KEPT = 20
# Frames are taken apart for so long (seconds) to find the one that fails; after that all that is left has failed.
_APART_SECONDS = 20.0
# What is read within a few tenths of a millisecond.
_READ_AHEAD_BYTES = 1 << 22
# Bytes of a frame, by run, as this worker last read it.
_SIZES: dict[str, int] = {}
_SIZES_KEPT = 32


@dataclass(frozen=True)
class Partial:
    """State of some frames.

    Attributes:
        state: The analysis' own.
        ranges: Which frames are in it.
        doubled: How many frames came into it twice; not one ever should.
        times: Hop times of the block that holds the newest frame.
        photons: Unix time in seconds of the end of exposure, by frame index, for the newest frames.
        per_frame: Seconds that each frame took in the task that analysed the newest; NaN for no frames.
        failed: How many frames could not be read or analysed.
        failures: A sentence for each of the newest blocks of such frames.
    """

    state: Any
    ranges: Ranges = ()
    doubled: int = 0
    times: Mapping[str, float] = field(default_factory=dict[str, float])
    photons: Mapping[int, float] = field(default_factory=dict[int, float])
    per_frame: float = math.nan
    failed: int = 0
    failures: tuple[str, ...] = ()

    @property
    def frames(self) -> int:
        """How many frames are in it."""
        return count(self.ranges)

    @property
    def last_frame(self) -> int:
        """Index of the newest frame, -1 for none."""
        return self.ranges[-1][1] - 1 if self.ranges else -1


@dataclass(frozen=True)
class Finished:
    """An outcome with the bookkeeping of the partial that it was made of; ``seconds`` is how long that took."""

    outcome: Outcome
    frames: int
    last_frame: int
    doubled: int
    times: Mapping[str, float]
    photons: Mapping[int, float]
    per_frame: float
    failed: int
    failures: tuple[str, ...]
    seconds: float


def analyse(analysis: Analysis[Any], blocks: Sequence[FrameBlock]) -> Partial:
    """Read blocks and reduce them; what cannot be read is named in the partial and leaves the rest whole.

    While one piece is reduced the next is read. Memory is bounded by two pieces, whatever the size of a frame.
    """
    started = time.time()
    partial = Partial(analysis.empty())
    for loaded in read_blocks(pieces(join(blocks), _SIZES), ahead=int(_worth_reading_ahead(blocks))):
        for part in _reduce(analysis, loaded, started, time.monotonic() + _APART_SECONDS):
            partial = merge(analysis, partial, part)
        if loaded.error is None:
            _SIZES[loaded.block.run] = loaded.frames.nbytes // len(loaded.block)
            while len(_SIZES) > _SIZES_KEPT:
                del _SIZES[next(iter(_SIZES))]
    return replace(partial, per_frame=(time.time() - started) / max(frames_of(blocks), 1))


def _worth_reading_ahead(blocks: Sequence[FrameBlock]) -> bool:
    """Say whether it takes longer to read the blocks than to start a thread for it."""
    if frames_of(blocks) <= UNKNOWN_FRAMES:
        return False
    size = max(_SIZES.get(block.run, _READ_AHEAD_BYTES) for block in blocks)
    return size * frames_of(blocks) > _READ_AHEAD_BYTES


def _reduce(analysis: Analysis[Any], loaded: Loaded, started: float, deadline: float) -> Iterator[Partial]:
    """Reduce what was read; where that fails the frames are taken apart, so that one that fails costs itself only."""
    error = loaded.error
    if error is None:
        try:
            yield _reduced(analysis, loaded, started)
        except READ_ERRORS as raised:
            error = raised
    if error is None:
        return
    block = loaded.block
    if len(block) == 1 or time.monotonic() > deadline:
        last = "" if len(block) == 1 else f" to {block.stop - 1}"
        where = f"frame{'s' if last else ''} {block.start}{last}"
        yield Partial(analysis.empty(), failed=len(block), failures=(f"{where}: {error}",))
        return
    for half in _halves(loaded):
        yield from _reduce(analysis, half, started, deadline)


def _halves(loaded: Loaded) -> Iterator[Loaded]:
    """Cut in two what was read; what could not be read is read again in halves."""
    block = loaded.block
    middle = block.start + len(block) // 2
    for start, stop in ((block.start, middle), (middle, block.stop)):
        part = cut(block, start, stop)
        if loaded.error is not None:
            yield from read_blocks([part], ahead=0)
        else:
            place = slice(start - block.start, stop - block.start)
            yield Loaded(part, loaded.frames[place], loaded.times[place])


def _reduced(analysis: Analysis[Any], loaded: Loaded, started: float) -> Partial:
    block = loaded.block
    state = _update(analysis, block, loaded.frames)
    # A file without frame times still has the time of the event, a few milliseconds later.
    known = [block.seen.get("document", started) if math.isnan(photon) else float(photon) for photon in loaded.times]
    times = {**block.seen, "photon": known[-1], "started": started, "finished": time.time()}
    kept = dict(zip(block.indices.tolist()[-PHOTONS_KEPT:], known[-PHOTONS_KEPT:], strict=True))
    return Partial(state, ((block.start, block.stop),), 0, times, kept)


def _update(analysis: Analysis[Any], block: FrameBlock, frames: Any) -> Any:
    """Reduce frames; what is no count is left out here, unless the analysis does so itself, and faster."""
    counts = frames if getattr(analysis, "leaves_out_markers", False) else cleaned(frames, block.bad)
    return analysis.update(analysis.empty(), block, counts)


def merge(analysis: Analysis[Any], left: Partial, right: Partial) -> Partial:
    """Merge two partials of different frames."""
    newer = right if right.last_frame >= left.last_frame else left
    photons = {**left.photons, **right.photons}
    if len(photons) > PHOTONS_KEPT:
        photons = dict(sorted(photons.items())[-PHOTONS_KEPT:])
    ranges, both = unite(left.ranges, right.ranges)
    return Partial(
        state=analysis.merge(left.state, right.state),
        ranges=ranges,
        doubled=left.doubled + right.doubled + both,
        times=newer.times,
        photons=photons,
        per_frame=newer.per_frame,
        failed=left.failed + right.failed,
        failures=(left.failures + right.failures)[-_FAILURES_KEPT:],
    )


def merge_all(analysis: Analysis[Any], *partials: Partial) -> Partial:
    """Merge any number of partials of different frames."""
    whole = Partial(analysis.empty())
    for partial in partials:
        whole = merge(analysis, whole, partial)
    return whole


def finish(analysis: Analysis[Any], fresh: Sequence[FrameBlock], *partials: Partial) -> Finished:
    """Merge partials, add blocks that no partial holds yet, and say what it all means."""
    began = time.perf_counter()
    whole = merge_all(analysis, *partials, *((analyse(analysis, fresh),) if fresh else ()))
    outcome = analysis.result(whole.state)
    return Finished(
        outcome, whole.frames, whole.last_frame, whole.doubled, whole.times, whole.photons,
        whole.per_frame, whole.failed, whole.failures, time.perf_counter() - began,
    )  # fmt: skip


def restore(saved: bytes | Path) -> Partial:
    """Load a partial that was stored: from the file of our own that it lies in, or from what was sent."""
    # Our own file of mode 0600, or bytes that came from Dask's own TLS peer.
    _, partial = pickle.loads(saved.read_bytes() if isinstance(saved, Path) else saved)  # noqa: S301  (see above)
    return partial


def rehearse(analysis: Analysis[Any]) -> Finished:
    """Load all that a live task needs on this worker: the analysis, the readers, and the way back of a result."""
    import h5py
    from scipy import optimize

    del h5py, optimize
    return finish(analysis, ())
