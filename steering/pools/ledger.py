"""A pool's ledger: compares the desired jobs with the observed ones and orders what to do. It does no I/O itself.

Each place (slot) of a pool has at most one job that is meant to stay. When the walltime of this job is nearly over, the
place may also have a successor. A job is over only when the batch system says so; a missing answer changes nothing.

A requeued job waits again and is left alone. A job that was killed, was pre-empted or has run out of walltime is
replaced at once, or after a short delay if its workers had failed. A job whose workers never came is replaced a few
times, each time after a longer delay, and then the pool stops with the reason. A submission that was refused or not
answered is tried again, with longer and longer delays, until the patience of the rules ends: servers and quotas come
back.
"""

import itertools
import math
from collections.abc import Iterable, Mapping

from steering.compute.batch import Observation
from steering.compute.job import Job
from steering.pools.orders import Cancel, Find, Order, Submit
from steering.pools.rules import Rules
from steering.pools.strays import Strays

_SECONDS_PER_HOUR = 3600.0
# Seconds between two queries or two cancels for the same job.
_AGAIN = 5.0
# If the batch system says this many times that it does not know an unanswered submission, it never received it.
_DENIALS = 2
# A job that ends by itself within this many seconds has not shown that it works.
_SHORT_LIFE = 60.0
# If the scheduler was silent for more than this many seconds, its workers have to find it again.
_DEAF_SECONDS = 5.0


class Ledger:
    """The jobs of one pool.

    Attributes:
        wanted: Number of jobs that the pool should have.
        failure: Why it stopped submitting, in the words of the batch system or a job's log; empty while it continues.
        impossible: Whether it stopped because a job can never run as requested.
        trouble: What went wrong last while it still tries. Empty again once a worker came.
        slow: Whether it tries only slowly after many refusals in a row.
        nodes: Nodes of one job.
        rules: How patient the ledger is.
    """

    def __init__(self, prefix: str, nodes: int, rules: Rules) -> None:
        """Begin with no jobs.

        Args:
            prefix: Prefix of the jobs' names; different for each pool and owner.
            nodes: Nodes of one job.
            rules: How patient the ledger is.
        """
        self.wanted = 0
        self.failure = ""
        self.impossible = False
        self.trouble = ""
        self.slow = False
        self._refused_since = math.nan
        self.nodes = nodes
        self.rules = rules
        self._prefix = prefix
        self._numbers = itertools.count(1)
        self._jobs: list[Job] = []
        self._failures = self._short = self._halves = 0
        self._heard_at = -math.inf
        self._refusal = ""
        self._not_before = -math.inf
        self._past_seconds = 0.0
        self._strays = Strays()

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Jobs to show, by place: those that are not over, and for each other wanted place its newest ended job."""
        alive = [job for job in self._jobs if not job.over]
        shown = {job.slot for job in alive}
        last = {job.slot: job for job in self._jobs if job.over and job.slot not in shown and job.slot < self.wanted}
        return tuple(sorted((*alive, *last.values()), key=lambda job: (job.slot, job.name)))

    def before(self, job: Job) -> Job | None:
        """Return the ended job that had this job's place before; ``None`` if there was none."""
        return next((one for one in self._jobs if one.over and one.slot == job.slot and one is not job), None)

    @property
    def alive(self) -> tuple[Job, ...]:
        """Jobs that are not over."""
        return tuple(job for job in self._jobs if not job.over)

    @property
    def settled(self) -> bool:
        """Whether no job is left and no submission is in doubt."""
        return not self.alive and self._strays.none

    @property
    def next_try(self) -> float:
        """Steady Unix time in seconds of the next submission after a problem; negative infinity without a problem."""
        return self._not_before

    @property
    def node_hours(self) -> float:
        """Node-hours used so far."""
        return (self._past_seconds + sum(job.seconds * job.nodes for job in self._jobs)) / _SECONDS_PER_HOUR

    @property
    def past_hours(self) -> float:
        """Node-hours of the jobs that are over. Those of the others are known again from when they began."""
        over = sum(job.seconds * job.nodes for job in self._jobs if job.over)
        return (self._past_seconds + over) / _SECONDS_PER_HOUR

    def want(self, jobs: int) -> None:
        """Change how many jobs there should be. Past failures are forgotten, so a pool that had stopped tries again."""
        self.wanted = jobs
        self._past_seconds += sum(job.seconds * job.nodes for job in self._jobs if job.over)
        self._jobs = list(self.alive)
        self.failure, self.trouble, self.impossible = "", "", False
        self._failures, self._short, self._halves, self._not_before = 0, 0, 0, -math.inf
        self.slow, self._refused_since = False, math.nan
        for job in self.alive:
            job.unwanted = job.unwanted or job.nodes != self.nodes
        surplus = len([job for job in self.alive if _stays(job)]) - jobs
        # Give up jobs that do not run yet before running ones.
        for job in sorted(self.alive, key=lambda job: (job.seen.phase == "running", -job.slot)):
            if surplus > 0 and _stays(job):
                job.unwanted = True
                surplus -= 1
        if jobs == 0:
            for job in self.alive:
                job.unwanted = True

    def adopt(self, name: str, slot: int, id: str, now: float, seconds: float = 0.0) -> None:  # noqa: A002  (see found)
        """Take over a job of an earlier owner, that ran for some seconds under it.

        Its id is empty if that owner ended before it received an answer.
        """
        job = Job(name, slot, self.nodes, id=id, asked_at=now, submitted_at=now, uncertain=not id, seconds=seconds)
        self._jobs.append(job)
        number = name.rsplit("-", 1)[-1]
        if number.isdigit():
            self._numbers = itertools.count(max(int(number) + 1, next(self._numbers)))

    def orders(self, now: float) -> list[Order]:
        """Return the orders that are due now. Each submission is ordered once."""
        orders = self._strays.orders(now)
        for job in self.alive:
            if job.uncertain and now - job.asked_at >= _AGAIN:
                job.asked_at = now
                orders.append(Find(job.name))
            if job.unwanted and job.id and now - job.cancelled_at >= _AGAIN:
                job.cancelled_at = now
                orders.append(Cancel(job.id, job.name))
            if not job.unwanted and job.seen.phase == "running" and job.ends - now < self.rules.handover:
                job.leaving = True
            if self._is_half(job, now):
                self._replace(job, now)
        return [*orders, *self._submissions(now)]

    def submitted(self, name: str, id: str) -> None:  # noqa: A002  (the batch system's own word)
        """Note that a submission was answered with an id."""
        job = self._job(name)
        job.id, job.uncertain = id, False
        self._taken()

    def refused(self, name: str, words: str, now: float) -> None:
        """Note that a submission was refused."""
        job = self._job(name)
        job.over, job.refused = True, words
        if not job.unwanted:
            self._not_taken(words, now)

    def unanswered(self, name: str, now: float) -> None:
        """Note that a submission got no answer: the job may exist or not."""
        job = self._job(name)
        job.uncertain, job.asked_at = True, now

    def found(self, name: str, ids: Iterable[str], now: float) -> None:
        """Note which jobs of this name the batch system has."""
        job = self._named(name)
        known = list(ids)
        # There must be one job per name. If a submission was carried out twice, the second job has to end.
        self._strays.add(one for one in known if job.over or (job.id and one != job.id))
        if job.over:
            return
        if known:
            job.id, job.uncertain = job.id or known[0], False
            self._taken()
            self._strays.add(one for one in known if one != job.id)
            return
        job.doubts += 1
        if job.doubts >= _DENIALS and now - job.submitted_at >= self.rules.certain:
            job.over = True
            self._strays.denied(name, now)
            if not job.unwanted:
                self._not_taken("the submission got no answer, and the batch system knows no such job", now)

    def not_cancelled(self, id: str) -> None:  # noqa: A002  (the batch system's own word)
        """Note that a cancel got no answer. A job that is no longer in this ledger is ordered to end again."""
        if not any(job.id == id for job in self.alive):
            self._strays.add([id])

    def observed(self, id: str, seen: Observation, now: float) -> None:  # noqa: A002  (the batch system's own word)
        """Note the state of a job, as observed by the batch system."""
        for job in self.alive:
            if job.id == id:
                self._observe(job, seen, now)

    def connected(self, workers: Mapping[str, int], now: float) -> None:
        """Note how many workers of each job, by its name, are connected to the scheduler."""
        # If the scheduler was away, all workers have to find it again.
        anew = now - self._heard_at > _DEAF_SECONDS
        self._heard_at = now
        for job in self.alive:
            job.workers = workers.get(job.name, 0)
            if job.workers and not job.joined:
                job.joined = True
                self._failures, self.trouble = 0, ""
            if job.workers >= self.rules.workers:
                job.lacks_since = math.nan
                self._halves = 0 if job.joined else self._halves
            elif job.joined and (anew or math.isnan(job.lacks_since)):
                job.lacks_since = now
        for job in self.alive:
            if job.halved and any(one.joined for one in self.alive if one.slot == job.slot and one is not job):
                job.unwanted = True

    def _is_half(self, job: Job, now: float) -> bool:
        """Return whether a job has lacked workers for so long that it is replaced, a few times in a row at most."""
        lacks = job.seen.phase == "running" and now - job.lacks_since >= self.rules.half
        return lacks and _stays(job) and self._halves < self.rules.tries

    def _replace(self, job: Job, now: float) -> None:
        """Order a replacement for a job that lacks workers. The job continues until a worker of the new job joins."""
        self._halves += 1
        job.halved = job.leaving = True
        job.lacks_since = now
        # The job ends first if the queue allows no more jobs of this user, or if the job has no worker at all.
        full = bool(self.rules.jobs_most) and len(self.alive) >= self.rules.jobs_most
        job.unwanted = full or not job.workers

    def _observe(self, job: Job, seen: Observation, now: float) -> None:
        if _was_requeued(job.seen, seen):
            self._requeued(job)
        began = job.seen.started if math.isnan(seen.started) else seen.started
        if seen.phase in ("running", "ending", "ended") and not math.isnan(began):
            job.seconds = max(job.seconds, now - began)
            if job.joined and job.seconds >= _SHORT_LIFE:
                self._short = 0
        job.seen = seen
        if seen.phase in ("ended", "gone"):
            self._end(job, now)
        elif seen.never and not job.unwanted:
            job.unwanted = True
            self.failure, self.impossible = seen.words or "the batch system says that it can never run", True

    def _requeued(self, job: Job) -> None:
        """Note that a job has to start again. The time that it used so far still counts."""
        self._past_seconds += job.seconds * job.nodes
        job.seconds, job.leaving, job.halved, job.lacks_since = 0.0, False, False, math.nan
        # The job may have had a successor because its walltime was nearly over, or fewer jobs may be wanted by now.
        others = [other.slot for other in self.alive if _stays(other) and other is not job]
        job.unwanted = job.unwanted or job.slot in others or len(others) >= self.wanted

    def _end(self, job: Job, now: float) -> None:
        job.over, job.workers = True, 0
        if job.unwanted:
            return
        if job.joined and job.seen.end in ("failed", "finished") and job.seconds < _SHORT_LIFE:
            # Its workers came, but it ended soon after. Several such jobs in a row have the same cause.
            self._short += 1
            self._not_before = now + min(self.rules.delay * 2 ** min(self._short, 16), self.rules.longest_delay)
            self.trouble = job.told(f"it {job.how} {job.seconds:.0f} s after it had begun")
            if self._short >= self.rules.short_lives and not any(one.joined for one in self.alive):
                self.failure = self.trouble
            return
        if job.joined or job.seen.end == "preempted":
            # Its environment works, or had no time to show that. The batch system, a person or its node ended it.
            self._not_before = now + (self.rules.delay if job.seen.end == "failed" else 0.0)
            return
        self._failed(job.told(f"it {job.how} ({job.seen.end or 'gone'}) before a worker came"), now)

    def _taken(self) -> None:
        """Note that a submission was accepted, and forget earlier refusals."""
        if self.slow:
            self.slow, self._failures = False, 0
        if self.trouble == self._refusal:
            self.trouble = ""
        self._refused_since, self._refusal = math.nan, ""

    def _not_taken(self, words: str, now: float) -> None:
        """Note that a submission was refused or lost, and try again later, because the reason may pass."""
        self._failures += 1
        self.trouble = self._refusal = words
        if math.isnan(self._refused_since):
            self._refused_since = now
        more = self._failures - self.rules.tries
        if more < 0:
            self._not_before = now + min(self.rules.delay * 2 ** (self._failures - 1), self.rules.longest_delay)
            return
        self.slow = True
        self._not_before = now + min(self.rules.refused_delay * 2 ** min(more, 16), self.rules.refused_longest)
        if now - self._refused_since >= self.rules.patience:
            self.failure = words

    def _failed(self, words: str, now: float) -> None:
        self._failures += 1
        # Beside jobs that work it is tried for days: no float holds the number that doubles each time.
        delay = self.rules.delay * 2 ** min(self._failures - 1, 16)
        self._not_before = now + min(delay, self.rules.longest_delay)
        self.trouble = words
        # While other jobs of the pool work, keep trying, because they must be replaced when they end.
        if self._failures >= self.rules.tries and not any(job.joined for job in self.alive):
            self.failure = words

    def _submissions(self, now: float) -> list[Order]:
        if self.failure or now < self._not_before or self.node_hours >= self.rules.hours:
            return []
        orders: list[Order] = []
        staying = {job.slot for job in self.alive if _stays(job)}
        held = [job.slot for job in self.alive if job.unwanted or _held_twice(self.alive, job.slot)]
        room = self.rules.jobs_most - len(self.alive) if self.rules.jobs_most else self.wanted
        free = [slot for slot in range(self.wanted + len(self.alive)) if slot not in (*staying, *held)]
        # After a failure, try one job at a time: ten jobs would fail for the same reason.
        missing = self.wanted - len(staying)
        if self._failures:
            missing = min(missing, 0 if any(job.tries for job in self.alive) else 1)
        for slot in free[: max(min(missing, room), 0)]:
            name = f"{self._prefix}-{slot}-{next(self._numbers)}"
            self._jobs.append(Job(name, slot, self.nodes, asked_at=now, submitted_at=now))
            orders.append(Submit(name, slot))
        self._forget()
        return orders

    def _forget(self) -> None:
        """Forget ended jobs except the newest of each place."""
        newest = {job.slot: job for job in self._jobs if job.over}
        for job in self._jobs:
            if job.over and newest[job.slot] is not job:
                self._past_seconds += job.seconds * job.nodes
        self._jobs = [job for job in self._jobs if not job.over or newest[job.slot] is job]

    def _named(self, name: str) -> Job:
        """Find a job by name. Return an ended placeholder if the ledger has forgotten the name."""
        known = next((job for job in self._jobs if job.name == name), None)
        return known if known is not None else Job(name, 0, self.nodes, over=True)

    def _job(self, name: str) -> Job:
        return next(job for job in self._jobs if job.name == name)


def _stays(job: Job) -> bool:
    """Return whether a job is meant to stay in its place."""
    return not job.unwanted and not job.leaving


def _was_requeued(before: Observation, now: Observation) -> bool:
    """Return whether a job has lost its nodes between two observations; it may have got other nodes since."""
    if before.phase not in ("running", "ending"):
        return False
    again = now.phase == "running" and now.started > before.started
    return now.phase in ("queued", "held") or again


def _held_twice(jobs: Iterable[Job], slot: int) -> bool:
    """Return whether a place already has a job and its successor."""
    return len([job for job in jobs if job.slot == slot]) > 1
