"""How long things take, shown all the time."""

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Quantiles:
    """Median and 99th percentile of a time in milliseconds, over ``count`` samples; NaN when there are none."""

    p50: float
    p99: float
    count: int


NONE_YET = Quantiles(float("nan"), float("nan"), 0)


@dataclass(frozen=True)
class FrameCounts:
    """What became of a run's frames.

    Attributes:
        came: Different frames that came from the source.
        analysed: Frames in the newest result.
        doubled: Frames that are in it twice; not one ever should.
        repeated: Frames that came again and were left out.
        failed: Frames that could not be read or analysed.
        done: Frames whose analysis is done, in the result or not yet.
        since: Unix time in seconds at which the oldest frame was handed to a worker that is not done; NaN if all are.
    """

    came: int = 0
    analysed: int = 0
    doubled: int = 0
    repeated: int = 0
    failed: int = 0
    done: int = 0
    since: float = float("nan")


@dataclass(frozen=True)
class LatencySummary:
    """Where the time goes between a photon and a decision.

    Attributes:
        photon_to_feature: End of a frame's exposure to the result that holds it.
        proposal_to_applied: A proposal's making to the checkpoint at which the plan took it.
        points_behind: Points measured whose frames are not in the newest result.
        exposed: Unix time in seconds at which the newest frame in the newest result was exposed; NaN before the first,
            and for frames that were recorded before.
        counts: What became of the run's frames.
    """

    photon_to_feature: Quantiles = NONE_YET
    proposal_to_applied: Quantiles = NONE_YET
    points_behind: int = 0
    exposed: float = float("nan")
    counts: FrameCounts = FrameCounts()

    @property
    def age(self) -> float:
        """Seconds since the newest frame in the newest result was exposed; NaN before the first."""
        return time.time() - self.exposed
