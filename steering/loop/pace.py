"""How the loop trades latency for throughput."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """Times in seconds.

    Attributes:
        gather: Items that arrive within this time after the first are handled together.
        group: Longest time that blocks wait for others in the complete lane while the facility is idle. Results do not
            wait for this.
        group_frames: Number of frames in one task, before it is known how long a frame takes.
        group_seconds: Approximate longest time that one task keeps a worker busy.
        group_frames_most: Largest number of frames in one task.
        fresh_frames: Largest number of the newest frames that a result analyses itself, so that it need not wait for
            an earlier task.
        fresh_seconds: Longest time that this may take.
        results: Largest number of results that are being made at the same time.
        result_share: Largest share of the facility's time that results take while blocks wait for it.
        result_pause: Shortest time between two results in that case. Sending results to the session also takes time
            from the workers.
        overdue: After this time a task may be waiting for a worker that hangs. The worker is then probed, and given up
            if it is silent for as long again.
        overdue_times: A task is overdue only if it also takes this many times longer than usual.
        checkpoint: Time between two checkpoints. A checkpoint stores the states, so that a loss costs only the work
            since then.
        waiting_frames: Number of frames that may wait for the facility before the source is held back.
    """

    gather: float = 0.002
    group: float = 0.3
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
