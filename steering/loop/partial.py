"""Partials: the states of a run's analyses, and the bookkeeping that makes their results honest.

Frames are read once for all analyses of a run. Each analysis has a state of its own, by label. If an analysis fails for
a frame, only this analysis loses the frame. An analysis that takes too long is no longer done in this task, and the
partial says so (see :mod:`steering.loop.company`). Runs on workers.
"""

import math
import pickle
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial as bound
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.core.analysis import Analyses, Analysis
from steering.core.block import FrameBlock
from steering.core.errors import said
from steering.core.pixels import cleaned
from steering.core.result import Outcome, checked
from steering.loop.blocks import UNKNOWN_FRAMES, frames_of, join, pieces
from steering.loop.company import CALL_SECONDS, Company, LateError
from steering.loop.ranges import Ranges, count, unite
from steering.photons.frames import EventFrames
from steering.sources.read_ahead import Loaded, read_blocks

# Number of the newest frames whose photon times travel with a state, for the latency figures.
PHOTONS_KEPT = 256
_FAILURES_KEPT = 20
LATE = f"takes longer than the {CALL_SECONDS:g} s that the others wait for it"
# Longest time (seconds) to split blocks in order to find the frame that fails. After that, all frames of the remaining
# parts count as failed.
_APART_SECONDS = 20.0
# Number of bytes that are read within a few tenths of a millisecond.
_READ_AHEAD_BYTES = 1 << 22
# Bytes of a frame by run, as last read by this worker.
_SIZES: dict[str, int] = {}
_SIZES_KEPT = 32


@dataclass(frozen=True, order=True)
class Failure:
    """A block of frames that failed: the index of its first frame, and a sentence. Blocks end in any order."""

    first_frame: int
    text: str


@dataclass(frozen=True)
class Member:
    """The part of a partial that belongs to one analysis.

    Attributes:
        state: State of the analysis.
        failed: Number of frames that it could not analyse. They are not in its state.
        failures: The last blocks of such frames, by frame index.
        apart: Why the analysis is no longer done together with the others; empty otherwise. If set, there is no state.
    """

    state: Any
    failed: int = 0
    failures: tuple[Failure, ...] = ()
    apart: str = ""


@dataclass(frozen=True)
class Partial:
    """States of some frames.

    Attributes:
        members: The state and failures of each analysis, by label.
        ranges: Ranges of the frames that were read.
        doubled: Number of frames that were added twice. It should always be 0.
        times: Hop times of the block that holds the newest frame.
        photons: Unix time in seconds of the end of exposure, by frame index, for the newest frames.
        per_frame: Seconds per frame in the task that analysed the newest frame; NaN for no frames.
        paced: Number of frames of that task.
        failed: Number of frames that could not be read.
        failures: The last blocks of such frames, by frame index.
    """

    members: Mapping[str, Member]
    ranges: Ranges = ()
    doubled: int = 0
    times: Mapping[str, float] = field(default_factory=dict[str, float])
    photons: Mapping[int, float] = field(default_factory=dict[int, float])
    per_frame: float = math.nan
    paced: int = 0
    failed: int = 0
    failures: tuple[Failure, ...] = ()

    @property
    def frames(self) -> int:
        """Number of frames in the partial."""
        return count(self.ranges)

    @property
    def last_frame(self) -> int:
        """Index of the newest frame, -1 for none."""
        return self.ranges[-1][1] - 1 if self.ranges else -1

    @property
    def apart(self) -> dict[str, str]:
        """The analyses that are no longer done here, by label, with the reason."""
        return {label: member.apart for label, member in self.members.items() if member.apart}

    def alone(self, label: str) -> "Partial":
        """Return the part of one analysis, without its label. Another session may use another label for it."""
        return replace(self, members={"": self.members[label]})


def together(partials: Mapping[str, Partial]) -> Partial:
    """Combine partials of single analyses of the same frames into one partial, by label."""
    members = {label: partial.members[""] for label, partial in partials.items()}
    return replace(next(iter(partials.values())), members=members)


@dataclass(frozen=True)
class Ended:
    """The outcome of one analysis.

    Attributes:
        outcome: Features and arrays; ``None`` if there is no outcome.
        error: Why the analysis failed to give an outcome, as a sentence; empty if it did not fail.
        failed: Number of frames that it could not analyse.
        failures: The last blocks of such frames, by frame index.
        apart: Why the analysis is no longer done together with the others; empty otherwise.
    """

    outcome: Outcome | None
    error: str
    failed: int
    failures: tuple[Failure, ...]
    apart: str = ""


@dataclass(frozen=True)
class Finished:
    """Outcomes by label, with the bookkeeping of their partial.

    ``seconds`` is the time that it took to make them. ``fresh`` is how many frames were in no partial before, and how
    many seconds these took.
    """

    ended: Mapping[str, Ended]
    frames: int
    last_frame: int
    doubled: int
    times: Mapping[str, float]
    photons: Mapping[int, float]
    per_frame: float
    failed: int
    failures: tuple[Failure, ...]
    seconds: float
    fresh: tuple[int, float] = (0, math.nan)

    @property
    def apart(self) -> dict[str, str]:
        """The analyses that are no longer done here, by label, with the reason."""
        return {label: one.apart for label, one in self.ended.items() if one.apart}

    @property
    def missing(self) -> int:
        """Number of frames that are missing, at most, in an outcome."""
        return self.failed + max((one.failed for one in self.ended.values()), default=0)


def nothing(analyses: Analyses) -> Partial:
    """Return the partial of no frames."""
    return merge_all(analyses)


def analyse(analyses: Analyses, blocks: Sequence[FrameBlock]) -> Partial:
    """Read blocks and reduce them. Frames that cannot be read are named in the partial and do not affect the others.

    The next piece is read while one is reduced. Memory is bounded by two pieces, whatever the size of a frame.
    """
    started = time.time()
    company = Company(analyses)
    books, members = Partial({}), dict[str, Member]()
    for loaded in read_blocks(pieces(join(blocks), _SIZES), ahead=int(_worth_reading_ahead(blocks))):
        deadline = time.monotonic() + _APART_SECONDS
        for piece in _readable(loaded, deadline):
            books = _booked(books, _book(piece, started))
            for label, analysis in analyses.items() if piece.error is None else ():
                before = members.get(label)
                if before is None or not before.apart:
                    members[label] = _ask(company, label, _step, analysis, before, piece, deadline)
        if loaded.error is None:
            _SIZES[loaded.block.run] = loaded.frames.nbytes // len(loaded.block)
            while len(_SIZES) > _SIZES_KEPT:
                del _SIZES[next(iter(_SIZES))]
    whole = {
        label: members[label] if label in members else _ask(company, label, _whole, analysis, ())
        for label, analysis in analyses.items()
    }
    frames = frames_of(blocks)
    return replace(books, members=whole, per_frame=(time.time() - started) / max(frames, 1), paced=frames)


def _worth_reading_ahead(blocks: Sequence[FrameBlock]) -> bool:
    """Return whether it takes longer to read the blocks than to start a thread for it."""
    if frames_of(blocks) <= UNKNOWN_FRAMES:
        return False
    size = max(_SIZES.get(block.run, _READ_AHEAD_BYTES) for block in blocks)
    return size * frames_of(blocks) > _READ_AHEAD_BYTES


def _readable(loaded: Loaded, deadline: float) -> Iterator[Loaded]:
    """Read a piece again in halves if it could not be read, so that only unreadable frames are lost."""
    if loaded.error is None or len(loaded.block) == 1 or time.monotonic() > deadline:
        yield loaded
        return
    for half in _halves(loaded.block):
        for again in read_blocks([half], ahead=0):
            yield from _readable(again, deadline)


def _failure(block: FrameBlock, error: Exception) -> Failure:
    last = "" if len(block) == 1 else f" to {block.stop - 1}"
    return Failure(block.start, f"frame{'s' if last else ''} {block.start}{last}: {said(error)}")


def _last(left: tuple[Failure, ...], right: tuple[Failure, ...]) -> tuple[Failure, ...]:
    return tuple(sorted(left + right)[-_FAILURES_KEPT:])


def _halves(block: FrameBlock) -> tuple[FrameBlock, FrameBlock]:
    middle = block.start + len(block) // 2
    return block.part(block.start, middle), block.part(middle, block.stop)


def _book(loaded: Loaded, started: float) -> Partial:
    """Make the bookkeeping of a piece, without the states of the analyses."""
    block = loaded.block
    if loaded.error is not None:
        return Partial({}, failed=len(block), failures=(_failure(block, loaded.error),))
    # If a file has no frame times, use the time of the event, which is a few milliseconds later.
    known = [block.seen.get("document", started) if math.isnan(photon) else float(photon) for photon in loaded.times]
    times = {**block.seen, "photon": known[-1], "started": started, "finished": time.time()}
    kept = dict(zip(block.indices.tolist()[-PHOTONS_KEPT:], known[-PHOTONS_KEPT:], strict=True))
    return Partial({}, ((block.start, block.stop),), 0, times, kept)


def _booked(left: Partial, right: Partial) -> Partial:
    """Join the bookkeeping of different frames, without the states of the analyses."""
    newer = right if right.last_frame >= left.last_frame else left
    photons = {**left.photons, **right.photons}
    if len(photons) > PHOTONS_KEPT:
        photons = dict(sorted(photons.items())[-PHOTONS_KEPT:])
    ranges, both = unite(left.ranges, right.ranges)
    return Partial(
        members={},
        ranges=ranges,
        doubled=left.doubled + right.doubled + both,
        times=newer.times,
        photons=photons,
        per_frame=newer.per_frame,
        paced=newer.paced,
        failed=left.failed + right.failed,
        failures=_last(left.failures, right.failures),
    )


def _ask(
    company: Company, label: str, function: Callable[..., Member], analysis: Analysis[Any], *arguments: Any
) -> Member:
    """Call one analysis. If it takes too long, or fails when states are merged, the others continue without it."""
    try:
        return company.call(label, function, analysis, *arguments)
    except LateError:
        return Member(None, apart=LATE)
    except Exception as error:
        if company.alone:
            raise
        return Member(None, apart=f"fails when states are merged: {said(error)}")


def _step(analysis: Analysis[Any], before: Member | None, loaded: Loaded, deadline: float) -> Member:
    """Add a piece to the state that an analysis has of the earlier pieces."""
    now = _member(analysis, loaded.block, loaded.frames, deadline)
    return now if before is None else _both(analysis, before, now)


def _member(analysis: Analysis[Any], block: FrameBlock, frames: NDArray[Any], deadline: float) -> Member:
    """Reduce frames with one analysis. If it fails, split them in halves, so that only failing frames are lost."""
    try:
        return Member(_update(analysis, block, frames))
    except Exception as raised:  # noqa: BLE001  (a plugin's analysis may raise anything, and must not affect the others)
        error = raised
    if len(block) == 1 or time.monotonic() > deadline:
        return Member(analysis.empty(), len(block), (_failure(block, error),))
    first, second = (
        _member(analysis, half, frames[half.start - block.start : half.stop - block.start], deadline)
        for half in _halves(block)
    )
    return _both(analysis, first, second)


def _update(analysis: Analysis[Any], block: FrameBlock, frames: NDArray[Any]) -> Any:
    """Reduce frames. Values that are not counts are left out first, unless the analysis itself does this faster."""
    events: Any = frames
    if isinstance(events, EventFrames) and not getattr(analysis, "takes_events", False):
        # Laid out as pixels they may be a thousand times larger: some at a time.
        start = block.start
        states = (
            _update(analysis, block.part(start + some.start, start + some.stop), np.asarray(events[some]))
            for some in events.parts()
        )
        return reduce(analysis.merge, states)
    counts = frames if getattr(analysis, "leaves_out_markers", False) else cleaned(frames, block.bad)
    return analysis.update(analysis.empty(), block, counts)


def _both(analysis: Analysis[Any], left: Member, right: Member) -> Member:
    return Member(
        analysis.merge(left.state, right.state),
        left.failed + right.failed,
        _last(left.failures, right.failures),
    )


def _whole(analysis: Analysis[Any], members: Sequence[Member]) -> Member:
    """Merge the states that one analysis has of different frames."""
    return reduce(bound(_both, analysis), members, Member(analysis.empty()))


def merge_all(analyses: Analyses, *partials: Partial) -> Partial:
    """Merge any number of partials of different frames."""
    company = Company(analyses)
    return replace(
        reduce(_booked, partials, Partial({})),
        members={
            label: _apart(label, partials) or _ask(company, label, _whole, analysis, _of(label, partials))
            for label, analysis in analyses.items()
        },
    )


def _of(label: str, partials: Sequence[Partial]) -> list[Member]:
    return [one.members[label] for one in partials]


def _apart(label: str, partials: Sequence[Partial]) -> Member | None:
    """Return the member that says why an analysis is no longer done here, if one of the partials has such a member."""
    return next((one for one in _of(label, partials) if one.apart), None)


def finish(analyses: Analyses, fresh: Sequence[FrameBlock], *partials: Partial) -> Finished:
    """Merge partials, add blocks that are in no partial yet, and conclude the outcome of each analysis."""
    began = time.perf_counter()
    new = (analyse(analyses, fresh),) if fresh else ()
    parts = (*partials, *new)
    books = reduce(_booked, parts, Partial({}))
    # Of few frames a task's own cost is most of what they take: how long one takes is known from the largest task.
    largest = max(parts, key=lambda one: one.paced, default=books)
    company = Company(analyses)
    ended = {label: _ended(company, label, analysis, parts) for label, analysis in analyses.items()}
    return Finished(
        ended, books.frames, books.last_frame, books.doubled, books.times, books.photons,
        largest.per_frame, books.failed, books.failures, time.perf_counter() - began,
        (new[0].paced, new[0].paced * new[0].per_frame) if new else (0, math.nan),
    )  # fmt: skip


def _ended(company: Company, label: str, analysis: Analysis[Any], parts: Sequence[Partial]) -> Ended:
    apart = _apart(label, parts)
    if apart is not None:
        return Ended(None, "", 0, (), apart.apart)
    try:
        return company.call(label, _conclude, analysis, _of(label, parts))
    except LateError:
        return Ended(None, "", 0, (), LATE)
    except Exception as error:
        if company.alone:
            raise
        return Ended(None, "", 0, (), f"fails when states are merged: {said(error)}")


def _conclude(analysis: Analysis[Any], members: Sequence[Member]) -> Ended:
    whole = _whole(analysis, members)
    try:
        outcome, error = checked(analysis.result(whole.state)), ""
    except Exception as raised:  # noqa: BLE001  (a plugin's analysis may raise anything, and must not affect the others)
        outcome, error = None, said(raised)
    return Ended(outcome, error, whole.failed, whole.failures)


def restore(saved: Mapping[str, bytes | Path], failed: int = 0, failures: tuple[Failure, ...] = ()) -> Partial:
    """Load the stored partial of each analysis, by label; what failed is what could not be read and comes no more."""
    # The content is safe to unpickle: our own files of mode 0600, or bytes from Dask's own TLS peer.
    contents = {label: one.read_bytes() if isinstance(one, Path) else one for label, one in saved.items()}
    partials: dict[str, Partial] = {label: pickle.loads(one)[1] for label, one in contents.items()}  # noqa: S301  (see above)
    return replace(together(partials), failed=failed, failures=failures)


def rehearse(*analyses: Analysis[Any]) -> Finished:
    """Load on this worker what a live task needs: the analyses, the readers, and the code that returns a result."""
    import h5py
    from scipy import optimize

    del h5py, optimize
    return finish({str(number): analysis for number, analysis in enumerate(analyses)}, ())
