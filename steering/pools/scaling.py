"""Computes how many jobs a pool should have, from its backlog and its deadline. Without I/O, with hysteresis."""

import math
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Load:
    """The load that the scheduler reports.

    Attributes:
        seconds: Expected time in seconds to run all waiting and running tasks one after another.
        threads: Number of connected worker threads.
        tasks: Number of tasks that wait or run.
    """

    seconds: float
    threads: int
    tasks: int


@dataclass(frozen=True)
class Limits:
    """The limits between which a pool may grow and shrink.

    Attributes:
        least: Least number of jobs.
        most: Largest number of jobs.
        threads_per_job: Worker threads of one job.
        deadline: Seconds within which the backlog should be done.
        patience_up: Seconds for which the backlog must be too long before the pool grows.
        patience_down: Seconds for which a smaller pool must be enough before the pool shrinks.
    """

    least: int
    most: int
    threads_per_job: int
    deadline: float = 10.0
    patience_up: float = 2.0
    patience_down: float = 300.0


@dataclass
class Scaling:
    """Remembers since when a pool has been too small or too large.

    Attributes:
        limits: The limits of the pool.
        jobs: Number of jobs that the pool should have now.
    """

    limits: Limits
    jobs: int = 0
    _weak_since: float = field(default=math.nan, repr=False)
    _strong_since: float = field(default=math.nan, repr=False)

    def __post_init__(self) -> None:
        """Begin with at least the least number of jobs."""
        self.jobs = max(self.jobs, self.limits.least)

    def follow(self, load: Load, now: float) -> int:
        """Take in the load and return how many jobs there should be.

        A pool grows to the size that its backlog needs, if the backlog would take longer than the deadline for
        ``patience_up``. It shrinks by one job at a time, and only if fewer jobs were enough for ``patience_down``. It
        shrinks slowly because a queued job that is given up loses its place, and the next block may need it again.
        """
        limits = self.limits
        need = math.ceil(load.seconds / limits.deadline / max(limits.threads_per_job, 1))
        wanted = min(max(need, limits.least), limits.most)
        if wanted > self.jobs:
            self._strong_since = math.nan
            self._weak_since = now if math.isnan(self._weak_since) else self._weak_since
            if now - self._weak_since >= limits.patience_up:
                self.jobs, self._weak_since = wanted, math.nan
        elif wanted < self.jobs:
            self._weak_since = math.nan
            self._strong_since = now if math.isnan(self._strong_since) else self._strong_since
            if now - self._strong_since >= limits.patience_down:
                self.jobs, self._strong_since = self.jobs - 1, now
        else:
            self._weak_since = self._strong_since = math.nan
        return self.jobs
