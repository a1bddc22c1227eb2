"""What a task hands on: an analysis' state and the bookkeeping that makes its result honest. Runs on workers."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from steering.core.analysis import Analysis
from steering.core.block import FrameBlock
from steering.core.errors import SteeringError
from steering.core.result import Outcome
from steering.sources.frames import read_frames

# Photon times of so many of the newest frames travel with a state, for the latency figures.
PHOTONS_KEPT = 256


@dataclass(frozen=True)
class Partial:
    """State of some frames.

    Attributes:
        state: The analysis' own.
        frames: How many frames are in it.
        last_frame: Index of the newest, -1 for none.
        times: Hop times of the block that holds the newest frame.
        photons: Unix time in seconds of the end of exposure, by frame index, for the newest frames.
        failures: A sentence for each block that could not be read or analysed.
    """

    state: Any
    frames: int = 0
    last_frame: int = -1
    times: Mapping[str, float] = field(default_factory=dict[str, float])
    photons: Mapping[int, float] = field(default_factory=dict[int, float])
    failures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finished:
    """An outcome with the bookkeeping of the partial that it was made of."""

    outcome: Outcome
    frames: int
    last_frame: int
    times: Mapping[str, float]
    photons: Mapping[int, float]
    failures: tuple[str, ...]


def analyse(analysis: Analysis[Any], blocks: tuple[FrameBlock, ...]) -> Partial:
    """Read blocks and reduce them; what cannot be read is named in the partial and leaves the rest whole."""
    started = time.time()
    partial = Partial(analysis.empty())
    for block in blocks:
        try:
            frames, photons = read_frames(block)
            state = analysis.update(analysis.empty(), block, frames)
        except (SteeringError, ValueError, KeyError, TypeError) as error:
            where = f"frames {block.start} to {block.stop - 1}"
            partial = merge(analysis, partial, Partial(analysis.empty(), failures=(f"{where}: {error}",)))
            continue
        # A file without frame times still has the time of the event, a few milliseconds later.
        known = [block.seen.get("document", started) if math.isnan(photon) else float(photon) for photon in photons]
        times = {**block.seen, "photon": known[-1], "started": started, "finished": time.time()}
        kept = dict(zip(block.indices.tolist()[-PHOTONS_KEPT:], known[-PHOTONS_KEPT:], strict=True))
        partial = merge(analysis, partial, Partial(state, len(block), block.stop - 1, times, kept))
    return partial


def merge(analysis: Analysis[Any], left: Partial, right: Partial) -> Partial:
    """Merge two partials of different frames."""
    newer = right if right.last_frame >= left.last_frame else left
    photons = {**left.photons, **right.photons}
    if len(photons) > PHOTONS_KEPT:
        photons = dict(sorted(photons.items())[-PHOTONS_KEPT:])
    return Partial(
        state=analysis.merge(left.state, right.state),
        frames=left.frames + right.frames,
        last_frame=newer.last_frame,
        times=newer.times,
        photons=photons,
        failures=left.failures + right.failures,
    )


def finish(analysis: Analysis[Any], *partials: Partial) -> Finished:
    """Merge what is left to merge and say what it means."""
    whole = Partial(analysis.empty())
    for partial in partials:
        whole = merge(analysis, whole, partial)
    return Finished(
        analysis.result(whole.state), whole.frames, whole.last_frame, whole.times, whole.photons, whole.failures
    )


def rehearse(analysis: Analysis[Any]) -> Finished:
    """Load all that a live task needs on this worker: the analysis, the readers, and the way back of a result."""
    import h5py
    from scipy import optimize

    del h5py, optimize
    return finish(analysis, analyse(analysis, ()))
