"""How many jobs a pool should have, by its backlog and its deadline: pure, with hysteresis."""

import math
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Load:
    """What the scheduler says of the work before it.

    Attributes:
        seconds: Expected time in seconds to do all waiting and running tasks one after another.
        threads: Worker threads that are connected.
        tasks: Tasks that wait or run.
    """

    seconds: float
    threads: int
    tasks: int


@dataclass(frozen=True)
class Limits:
    """Between what a pool may grow and shrink.

    Attributes:
        least: Jobs at all times.
        most: Jobs at most.
        threads_per_job: Worker threads of one job.
        deadline: Seconds within which the backlog should be done.
        patience_up: Seconds that the backlog must have been too long before the pool grows.
        patience_down: Seconds that a smaller pool would have been enough before it shrinks.
    """

    least: int
    most: int
    threads_per_job: int
    deadline: float = 10.0
    patience_up: float = 2.0
    patience_down: float = 300.0


@dataclass
class Scaling:
    """Remembers since when a pool is too weak or too strong.

    Attributes:
        jobs: How many jobs it should have now.
    """

    limits: Limits
    jobs: int = 0
    _weak_since: float = field(default=math.nan, repr=False)
    _strong_since: float = field(default=math.nan, repr=False)

    def __post_init__(self) -> None:
        """Begin with the least."""
        self.jobs = max(self.jobs, self.limits.least)

    def follow(self, load: Load, now: float) -> int:
        """Take in the load and return how many jobs there should be.

        A pool grows when its backlog would have taken longer than the deadline for ``patience_up``, to what the
        backlog needs; it shrinks by one job at a time, and only after ``patience_down`` in which fewer would have
        done: a queued job that is given back loses its place, and the next block would want it again.
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
