"""The intensity of some rings, frame by frame of the newest burst: whether the beam changes the sample.

Of the frames of all bursts before nothing is kept but that these were there. Each number belongs to one frame, so the
same comes out in any order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats, FrameBlock
from steering.core.burst import EVENT
from steering.core.result import Feature
from steering.moments.drift import drift_of
from steering.radial.rings import SCALE, Rings
from steering.radial.sums import usable

Ints = NDArray[np.int64]
Range = tuple[float, float]

# Of longer bursts the newest frames are kept.
MOST_FRAMES = 100_000
_MOST_SEGMENTS = 200
_LARGEST = 1 << 53


@dataclass(frozen=True, eq=False)
class Bursts:
    """Frames of the newest burst.

    Attributes:
        events: Numbers of all bursts that there were, sorted, shape ``(bursts,)``.
        frame: Numbers in the stream of the newest one's frames, sorted, shape ``(frames,)``.
        light: Counts of each, a pixel or a pixel and unit of the monitor, of that shape.
        error: Standard errors of counting.
    """

    events: Ints
    frame: Ints
    light: Floats
    error: Floats

    def united(self, other: "Bursts") -> "Bursts":
        """Take the frames of the newer burst of both; a frame in both is taken once."""
        events = np.union1d(self.events, other.events)
        newest = [one for one in (self, other) if len(one.events) and one.events[-1] == events[-1]]
        if not newest:
            return self
        frame, first = np.unique(np.concatenate([one.frame for one in newest]), return_index=True)
        light, error = (
            np.concatenate(some)[first] for some in zip(*((one.light, one.error) for one in newest), strict=True)
        )
        kept = slice(-MOST_FRAMES, None)
        return Bursts(events, frame[kept], light[kept], error[kept])

    def features(self) -> dict[str, Feature]:
        """Count the bursts, and say by how much the light changes within the newest one."""
        found = {"bursts": Feature(float(len(self.events)), 0.0, "1")} if len(self.events) else {}
        drift = drift_of(*self._segments()[1:])
        return found if drift is None else {**found, "damage": Feature(*drift, "%")}

    def arrays(self, units: str) -> Mapping[str, Any]:
        """Return the light along the burst, in at most 200 segments of as many frames; ``units`` are those of light."""
        frame, light, error = self._segments()
        along = ("segment",)
        return {
            "intensity_in_time": (along, light, {"units": units}),
            "intensity_in_time_error": (along, error, {"units": units}),
            "frame": (along, frame, {"units": "1"}),
        }

    def _segments(self) -> tuple[Floats, Floats, Floats]:
        """Average neighbouring frames: middle in the stream, light and error."""
        count = len(self.frame)
        if not count:
            return np.empty(0), np.empty(0), np.empty(0)
        begins = np.arange(0, count, max(-(-count // _MOST_SEGMENTS), 1))
        sizes = np.diff(np.append(begins, count)).astype(np.float64)
        frame, light, square = (_added(one, begins) for one in (self.frame, self.light, self.error**2))
        return frame / sizes, light / sizes, np.sqrt(square) / sizes


NOTHING = Bursts(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0))


def bursts_of(
    block: FrameBlock,
    frames: NDArray[Any],
    wrong: NDArray[np.bool_] | None,
    monitor: Floats | None,
    rings: Rings,
    limits: Range,
) -> Bursts:
    """Look at the frames of a block.

    Args:
        block: With the number of each frame's burst, if there are any; else all is one burst.
        frames: With zeros for what is no count, shape ``(len(block), rows, columns)``.
        wrong: What is none, of their shape; ``None`` if all are.
        monitor: Of each frame; those for which it is not above 0 are left out.
        rings: Of the frames.
        limits: Those whose middle lies between these are looked at.
    """
    events = _events(block)
    newest = events == events.max()
    chosen = np.append((rings.middles >= limits[0]) & (rings.middles <= limits[1]), False)
    where = np.flatnonzero(chosen[rings.ring])
    shares = rings.shares[where]
    # Each frame by itself, so that its rounding does not depend on the frames beside it.
    counts = np.array([float(frame.ravel()[where].sum(dtype=_kind(frames))) for frame in frames[newest]])
    seen = np.full(len(counts), float(shares.sum()) / SCALE)
    if wrong is not None:
        lost = [int(shares[one.ravel()[where]].sum()) for one in wrong[newest]]
        seen -= np.array(lost) / SCALE
    if monitor is not None:
        seen = seen * np.where(usable(monitor[newest]), monitor[newest], 0.0)
    known = seen > 0
    counts, seen = counts[known], seen[known]
    found = Bursts(
        np.unique(events), block.indices[newest][known], counts / seen, np.sqrt(np.maximum(counts, 1.0)) / seen
    )
    return NOTHING.united(found)


def _added(values: NDArray[Any], begins: NDArray[np.intp]) -> Floats:
    return np.asarray(np.add.reduceat(values.astype(np.float64), begins), np.float64)


def _kind(frames: NDArray[Any]) -> type[np.generic]:
    return np.float64 if frames.dtype.kind == "f" else np.int64


def _events(block: FrameBlock) -> Ints:
    events = block.columns.get(EVENT)
    if events is None or not np.isfinite(events).all():
        return np.zeros(len(block), np.int64)
    return np.clip(events, 0, _LARGEST).astype(np.int64)
