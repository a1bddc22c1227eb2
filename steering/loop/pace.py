"""How the loop trades latency for throughput."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """Times in seconds.

    Attributes:
        gather: Items that come within this time of the first are looked at together.
        group: While the facility has nothing to do, blocks wait so long for others before they are analysed for good;
            results do not wait for that.
        group_frames: Frames of one task, before it is known how long a frame takes.
        group_seconds: A task keeps a worker busy for at most about so long ...
        group_frames_most: ... and takes at most so many frames.
        fresh_frames: Most of the newest frames that a result analyses itself, so that it needs no earlier task ...
        fresh_seconds: ... and so much time that may take.
        results: Most results that are being made at the same time.
        result_share: Results take at most this share of the facility's time while blocks wait for it ...
        result_pause: ... and are at least so far apart: their way to the session takes time from the workers, too.
        overdue: A task that takes so long may wait for a worker that hangs, which is asked then, and given up if it is
            silent for as long again ...
        overdue_times: ... if the task also takes so many times longer than usual.
        checkpoint: Between two checkpoints: states that are stored, so that no loss costs more than what came after.
        waiting_frames: So many frames wait for the facility before the source is held back.
    """

    gather: float = 0.002
    group: float = 0.05
    group_frames: int = 512
    group_seconds: float = 0.2
    group_frames_most: int = 4096
    fresh_frames: int = 32
    fresh_seconds: float = 0.005
    results: int = 2
    result_share: float = 0.1
    result_pause: float = 0.2
    overdue: float = 0.15
    overdue_times: float = 2.0
    checkpoint: float = 5.0
    waiting_frames: int = 500_000
