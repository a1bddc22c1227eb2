"""What a task hands on: the states of a run's analyses and the bookkeeping that makes their results honest.

Frames are read once for all analyses of a run. Each analysis has a state of its own, by label. A frame that it fails
for costs that analysis this frame, and costs the others nothing. One that takes too long is not made here any more,
which is said in the partial (see :mod:`steering.loop.company`). Runs on workers.
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

from numpy.typing import NDArray

from steering.core.analysis import Analyses, Analysis
from steering.core.block import FrameBlock
from steering.core.errors import said
from steering.core.pixels import cleaned
from steering.core.result import Outcome, checked
from steering.loop.blocks import UNKNOWN_FRAMES, frames_of, join, pieces
from steering.loop.company import CALL_SECONDS, Company, LateError
from steering.loop.ranges import Ranges, count, unite
from steering.sources.read_ahead import Loaded, read_blocks

# Photon times of so many of the newest frames travel with a state, for the latency figures.
PHOTONS_KEPT = 256
_FAILURES_KEPT = 20
LATE = f"takes longer than the {CALL_SECONDS:g} s that the others wait for it"
# Frames are taken apart for so long (seconds) to find the one that fails; after that all that is left has failed.
_APART_SECONDS = 20.0
# What is read within a few tenths of a millisecond.
_READ_AHEAD_BYTES = 1 << 22
# Bytes of a frame, by run, as this worker last read it.
_SIZES: dict[str, int] = {}
_SIZES_KEPT = 32


@dataclass(frozen=True)
class Member:
    """What one analysis has made of the frames.

    Attributes:
        state: Its own.
        failed: How many frames it could not analyse, which are not in its state.
        failures: A sentence for each of the newest blocks of such frames.
        apart: Why it is not made together with the others any more; then there is no state. Empty if it is.
    """

    state: Any
    failed: int = 0
    failures: tuple[str, ...] = ()
    apart: str = ""


@dataclass(frozen=True)
class Partial:
    """States of some frames.

    Attributes:
        members: By label, what each analysis has made of them.
        ranges: Which frames were read.
        doubled: How many frames came into it twice; not one ever should.
        times: Hop times of the block that holds the newest frame.
        photons: Unix time in seconds of the end of exposure, by frame index, for the newest frames.
        per_frame: Seconds that each frame took in the task that analysed the newest; NaN for no frames.
        failed: How many frames could not be read.
        failures: A sentence for each of the newest blocks of such frames.
    """

    members: Mapping[str, Member]
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

    @property
    def apart(self) -> dict[str, str]:
        """Which analyses are not made here any more, and why."""
        return {label: member.apart for label, member in self.members.items() if member.apart}

    def alone(self, label: str) -> "Partial":
        """Return what one analysis has of it, without its label: another session may have another one for it."""
        return replace(self, members={"": self.members[label]})


def together(partials: Mapping[str, Partial]) -> Partial:
    """Put partials of single analyses, of the same frames, under their labels."""
    members = {label: partial.members[""] for label, partial in partials.items()}
    return replace(next(iter(partials.values())), members=members)


@dataclass(frozen=True)
class Ended:
    """What one analysis says in the end.

    Attributes:
        outcome: Features and arrays; nothing if it could not say.
        error: Why it could not, as a sentence; empty if it could.
        failed: How many frames it could not analyse.
        failures: A sentence for each of the newest blocks of such frames.
        apart: Why it is not made together with the others any more; empty if it is.
    """

    outcome: Outcome | None
    error: str
    failed: int
    failures: tuple[str, ...]
    apart: str = ""


@dataclass(frozen=True)
class Finished:
    """Outcomes by label, with the bookkeeping of the partial that they come from; ``seconds`` is how long it took."""

    ended: Mapping[str, Ended]
    frames: int
    last_frame: int
    doubled: int
    times: Mapping[str, float]
    photons: Mapping[int, float]
    per_frame: float
    failed: int
    failures: tuple[str, ...]
    seconds: float

    @property
    def apart(self) -> dict[str, str]:
        """Which analyses are not made here any more, and why."""
        return {label: one.apart for label, one in self.ended.items() if one.apart}

    @property
    def missing(self) -> int:
        """How many frames are not in each of the outcomes."""
        return self.failed + max((one.failed for one in self.ended.values()), default=0)


def nothing(analyses: Analyses) -> Partial:
    """Return the partial of no frames."""
    return merge_all(analyses)


def analyse(analyses: Analyses, blocks: Sequence[FrameBlock]) -> Partial:
    """Read blocks and reduce them; what cannot be read is named in the partial and leaves the rest whole.

    While one piece is reduced the next is read. Memory is bounded by two pieces, whatever the size of a frame.
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
    return replace(books, members=whole, per_frame=(time.time() - started) / max(frames_of(blocks), 1))


def _worth_reading_ahead(blocks: Sequence[FrameBlock]) -> bool:
    """Say whether it takes longer to read the blocks than to start a thread for it."""
    if frames_of(blocks) <= UNKNOWN_FRAMES:
        return False
    size = max(_SIZES.get(block.run, _READ_AHEAD_BYTES) for block in blocks)
    return size * frames_of(blocks) > _READ_AHEAD_BYTES


def _readable(loaded: Loaded, deadline: float) -> Iterator[Loaded]:
    """Read again in halves what could not be read, so that a frame that cannot be read costs itself only."""
    if loaded.error is None or len(loaded.block) == 1 or time.monotonic() > deadline:
        yield loaded
        return
    for half in _halves(loaded.block):
        for again in read_blocks([half], ahead=0):
            yield from _readable(again, deadline)


def _failure(block: FrameBlock, error: Exception) -> str:
    last = "" if len(block) == 1 else f" to {block.stop - 1}"
    return f"frame{'s' if last else ''} {block.start}{last}: {said(error)}"


def _halves(block: FrameBlock) -> tuple[FrameBlock, FrameBlock]:
    middle = block.start + len(block) // 2
    return block.part(block.start, middle), block.part(middle, block.stop)


def _book(loaded: Loaded, started: float) -> Partial:
    """Write down what was read, without what the analyses make of it."""
    block = loaded.block
    if loaded.error is not None:
        return Partial({}, failed=len(block), failures=(_failure(block, loaded.error),))
    # A file without frame times still has the time of the event, a few milliseconds later.
    known = [block.seen.get("document", started) if math.isnan(photon) else float(photon) for photon in loaded.times]
    times = {**block.seen, "photon": known[-1], "started": started, "finished": time.time()}
    kept = dict(zip(block.indices.tolist()[-PHOTONS_KEPT:], known[-PHOTONS_KEPT:], strict=True))
    return Partial({}, ((block.start, block.stop),), 0, times, kept)


def _booked(left: Partial, right: Partial) -> Partial:
    """Join what was written down of different frames; the analyses' states are not in it."""
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
        failed=left.failed + right.failed,
        failures=(left.failures + right.failures)[-_FAILURES_KEPT:],
    )


def _ask(
    company: Company, label: str, function: Callable[..., Member], analysis: Analysis[Any], *arguments: Any
) -> Member:
    """Have one analysis do something; what takes too long, or fails for no frame's sake, does not stop the others."""
    try:
        return company.call(label, function, analysis, *arguments)
    except LateError:
        return Member(None, apart=LATE)
    except Exception as error:
        if company.alone:
            raise
        return Member(None, apart=f"fails when states are merged: {said(error)}")


def _step(analysis: Analysis[Any], before: Member | None, loaded: Loaded, deadline: float) -> Member:
    """Add a piece to what an analysis has made of those before it."""
    now = _member(analysis, loaded.block, loaded.frames, deadline)
    return now if before is None else _both(analysis, before, now)


def _member(analysis: Analysis[Any], block: FrameBlock, frames: NDArray[Any], deadline: float) -> Member:
    """Have one analysis reduce frames; where it fails they are taken apart: a frame that fails costs itself only."""
    try:
        return Member(_update(analysis, block, frames))
    except Exception as raised:  # noqa: BLE001  (a stranger's analysis may raise anything, and costs the others nothing)
        error = raised
    if len(block) == 1 or time.monotonic() > deadline:
        return Member(analysis.empty(), len(block), (_failure(block, error),))
    first, second = (
        _member(analysis, half, frames[half.start - block.start : half.stop - block.start], deadline)
        for half in _halves(block)
    )
    return _both(analysis, first, second)


def _update(analysis: Analysis[Any], block: FrameBlock, frames: NDArray[Any]) -> Any:
    """Reduce frames; what is no count is left out here, unless the analysis does so itself, and faster."""
    counts = frames if getattr(analysis, "leaves_out_markers", False) else cleaned(frames, block.bad)
    return analysis.update(analysis.empty(), block, counts)


def _both(analysis: Analysis[Any], left: Member, right: Member) -> Member:
    return Member(
        analysis.merge(left.state, right.state),
        left.failed + right.failed,
        (left.failures + right.failures)[-_FAILURES_KEPT:],
    )


def _whole(analysis: Analysis[Any], members: Sequence[Member]) -> Member:
    """Merge what one analysis has made of different frames."""
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
    """Return what says that an analysis is not made here any more, if one of the partials says so."""
    return next((one for one in _of(label, partials) if one.apart), None)


def finish(analyses: Analyses, fresh: Sequence[FrameBlock], *partials: Partial) -> Finished:
    """Merge partials, add blocks that no partial holds yet, and say what it all means."""
    began = time.perf_counter()
    parts = (*partials, *((analyse(analyses, fresh),) if fresh else ()))
    books = reduce(_booked, parts, Partial({}))
    company = Company(analyses)
    ended = {label: _ended(company, label, analysis, parts) for label, analysis in analyses.items()}
    return Finished(
        ended, books.frames, books.last_frame, books.doubled, books.times, books.photons,
        books.per_frame, books.failed, books.failures, time.perf_counter() - began,
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
    except Exception as raised:  # noqa: BLE001  (a stranger's analysis may raise anything, and costs the others nothing)
        outcome, error = None, said(raised)
    return Ended(outcome, error, whole.failed, whole.failures)


def restore(saved: Mapping[str, bytes | Path]) -> Partial:
    """Load what was stored of each analysis, by label: from files of our own, or from what was sent."""
    # Our own files of mode 0600, or bytes that came from Dask's own TLS peer.
    contents = {label: one.read_bytes() if isinstance(one, Path) else one for label, one in saved.items()}
    partials: dict[str, Partial] = {label: pickle.loads(one)[1] for label, one in contents.items()}  # noqa: S301
    return together(partials)


def rehearse(*analyses: Analysis[Any]) -> Finished:
    """Load all that a live task needs on this worker: the analyses, the readers, and the way back of a result."""
    import h5py
    from scipy import optimize

    del h5py, optimize
    return finish({str(number): analysis for number, analysis in enumerate(analyses)}, ())
