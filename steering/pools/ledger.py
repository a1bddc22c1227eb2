"""A pool's ledger: desired against observed, pure. It does nothing itself and knows no batch system.

Each place (slot) of a pool has at most one job that is meant to stay; while that job's walltime runs out it may have
a successor too. A job is over only when the batch system said so; no answer changes nothing. A requeued job is
waiting again and is left alone; one that was killed, pre-empted or has run out of walltime is replaced at once; one
whose workers never came is replaced a few times, each time later, and then the pool stops with the reason. A submission
that is refused or not answered is tried on, ever later, as long as the order stands: servers and quotas come back.
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
# Seconds between two questions or cancels for the same job.
_AGAIN = 5.0
# A batch system that denies twice, this many seconds apart, that it knows an unanswered submission never had it.
_DENIALS = 2
# A job that ends by itself within so many seconds has not shown that it works.
_SHORT_LIFE = 60.0
# After so many seconds without a word of the scheduler its workers have to find it again.
_DEAF_SECONDS = 5.0


class Ledger:
    """The jobs of one pool.

    Attributes:
        wanted: How many jobs it should have.
        failure: Why it stopped submitting, as the batch system or a job's log put it; empty while it goes on.
        impossible: Whether that is because a job can never run as it is.
        trouble: What went wrong last, while it still tries; empty once a worker came.
        slow: Whether refusals in a row have made it try slowly.
    """

    def __init__(self, prefix: str, nodes: int, rules: Rules) -> None:
        """Begin with no jobs.

        Args:
            prefix: Of the jobs' names; different for each pool and owner.
            nodes: Nodes of one job.
            rules: How patient to be.
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
        """Jobs that are not over, and the newest one that is of each place that has none, by place."""
        alive = [job for job in self._jobs if not job.over]
        shown = {job.slot for job in alive}
        last = {job.slot: job for job in self._jobs if job.over and job.slot not in shown and job.slot < self.wanted}
        return tuple(sorted((*alive, *last.values()), key=lambda job: (job.slot, job.name)))

    def before(self, job: Job) -> Job | None:
        """The job that had this one's place before it and is over; nothing if there was none."""
        return next((one for one in self._jobs if one.over and one.slot == job.slot and one is not job), None)

    @property
    def alive(self) -> tuple[Job, ...]:
        """Jobs that are not over."""
        return tuple(job for job in self._jobs if not job.over)

    @property
    def settled(self) -> bool:
        """Whether no job of it is left, and no submission of it is in doubt."""
        return not self.alive and self._strays.none

    @property
    def next_try(self) -> float:
        """Unix time in seconds of the next submission after something went wrong; negative infinity if nothing did."""
        return self._not_before

    @property
    def node_hours(self) -> float:
        """Node-hours used so far."""
        return (self._past_seconds + sum(job.seconds * job.nodes for job in self._jobs)) / _SECONDS_PER_HOUR

    def want(self, jobs: int) -> None:
        """Change how many jobs there should be; a pool that had stopped tries again, and its past is forgotten."""
        self.wanted = jobs
        self._past_seconds += sum(job.seconds * job.nodes for job in self._jobs if job.over)
        self._jobs = list(self.alive)
        self.failure, self.trouble, self.impossible = "", "", False
        self._failures, self._short, self._halves, self._not_before = 0, 0, 0, -math.inf
        self.slow, self._refused_since = False, math.nan
        for job in self.alive:
            job.unwanted = job.unwanted or job.nodes != self.nodes
        surplus = len([job for job in self.alive if _stays(job)]) - jobs
        # What still waits is given back before what works.
        for job in sorted(self.alive, key=lambda job: (job.seen.phase == "running", -job.slot)):
            if surplus > 0 and _stays(job):
                job.unwanted = True
                surplus -= 1
        if jobs == 0:
            for job in self.alive:
                job.unwanted = True

    def adopt(self, name: str, slot: int, id: str, now: float) -> None:  # noqa: A002  (the batch system's own word)
        """Take over a job that an earlier owner submitted; without an id, one whose answer it did not live to hear."""
        self._jobs.append(Job(name, slot, self.nodes, id=id, asked_at=now, submitted_at=now, uncertain=not id))
        number = name.rsplit("-", 1)[-1]
        if number.isdigit():
            self._numbers = itertools.count(max(int(number) + 1, next(self._numbers)))

    def orders(self, now: float) -> list[Order]:
        """Return what should be done now; each submission is ordered once."""
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
        """A submission was answered with an id."""
        job = self._job(name)
        job.id, job.uncertain = id, False
        self._taken()

    def refused(self, name: str, words: str, now: float) -> None:
        """A submission was refused."""
        job = self._job(name)
        job.over, job.refused = True, words
        if not job.unwanted:
            self._not_taken(words, now)

    def unanswered(self, name: str, now: float) -> None:
        """A submission got no answer: the job may exist or not."""
        job = self._job(name)
        job.uncertain, job.asked_at = True, now

    def found(self, name: str, ids: Iterable[str], now: float) -> None:
        """The batch system said which jobs of this name it has."""
        job = self._named(name)
        known = list(ids)
        # One name is one job: a submission that was carried out twice has one too many.
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
        """The order to end a job got no answer: one that is nobody's is ordered to end again."""
        if not any(job.id == id for job in self.alive):
            self._strays.add([id])

    def observed(self, id: str, seen: Observation, now: float) -> None:  # noqa: A002  (the batch system's own word)
        """The batch system said how a job is."""
        for job in self.alive:
            if job.id == id:
                self._observe(job, seen, now)

    def connected(self, workers: Mapping[str, int], now: float) -> None:
        """The scheduler said how many workers of each job, by its name, are connected."""
        # A scheduler that was away has to be found again by all of them.
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
        """Say whether a job has lacked workers for so long that it is worth another; a few times in a row only."""
        lacks = job.seen.phase == "running" and now - job.lacks_since >= self.rules.half
        return lacks and _stays(job) and self._halves < self.rules.tries

    def _replace(self, job: Job, now: float) -> None:
        """Have another job take the place of one that lacks workers; it works on until that one has come."""
        self._halves += 1
        job.halved = job.leaving = True
        job.lacks_since = now
        # Where the queue lets this user have no more jobs, and where nobody works, it goes first.
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
        """A job has to start anew: what it has used so far stays used."""
        self._past_seconds += job.seconds * job.nodes
        job.seconds, job.leaving, job.halved, job.lacks_since = 0.0, False, False, math.nan
        # Its walltime was nearly over: by now its successor may be there, or fewer jobs are wanted.
        others = [other.slot for other in self.alive if _stays(other) and other is not job]
        job.unwanted = job.unwanted or job.slot in others or len(others) >= self.wanted

    def _end(self, job: Job, now: float) -> None:
        job.over, job.workers = True, 0
        if job.unwanted:
            return
        if job.joined and job.seen.end in ("failed", "finished") and job.seconds < _SHORT_LIFE:
            # Its workers came, and it ended all the same: ten such jobs in a row are one mistake.
            self._short += 1
            self._not_before = now + min(self.rules.delay * 2 ** min(self._short, 16), self.rules.longest_delay)
            self.trouble = job.told(f"it {job.how} {job.seconds:.0f} s after it had begun")
            if self._short >= self.rules.short_lives and not any(one.joined for one in self.alive):
                self.failure = self.trouble
            return
        if job.joined or job.seen.end == "preempted":
            # Its environment works, or had no time to show: what ended it was the batch system, somebody, or its node.
            self._not_before = now + (self.rules.delay if job.seen.end == "failed" else 0.0)
            return
        self._failed(job.told(f"it {job.how} ({job.seen.end or 'gone'}) before a worker came"), now)

    def _taken(self) -> None:
        """A submission was taken: what was refused before is over."""
        if self.slow:
            self.slow, self._failures = False, 0
        if self.trouble == self._refusal:
            self.trouble = ""
        self._refused_since, self._refusal = math.nan, ""

    def _not_taken(self, words: str, now: float) -> None:
        """A submission was refused, or came to nothing: that may pass."""
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
        self._not_before = now + min(self.rules.delay * 2 ** (self._failures - 1), self.rules.longest_delay)
        self.trouble = words
        # While other jobs of the pool work, it goes on trying: theirs must be replaced when they end.
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
        # One try at a time after a failure: ten jobs with one mistake are one mistake.
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
        """Keep of the ended jobs only the newest of each place."""
        newest = {job.slot: job for job in self._jobs if job.over}
        for job in self._jobs:
            if job.over and newest[job.slot] is not job:
                self._past_seconds += job.seconds * job.nodes
        self._jobs = [job for job in self._jobs if not job.over or newest[job.slot] is job]

    def _named(self, name: str) -> Job:
        """Find a job, also one that is forgotten because it never was."""
        known = next((job for job in self._jobs if job.name == name), None)
        return known if known is not None else Job(name, 0, self.nodes, over=True)

    def _job(self, name: str) -> Job:
        return next(job for job in self._jobs if job.name == name)


def _stays(job: Job) -> bool:
    """Say whether a job is meant to stay in its place."""
    return not job.unwanted and not job.leaving


def _was_requeued(before: Observation, now: Observation) -> bool:
    """Say whether a job has lost its nodes between two looks, or has lost them and got others."""
    if before.phase not in ("running", "ending"):
        return False
    again = now.phase == "running" and now.started > before.started
    return now.phase in ("queued", "held") or again


def _held_twice(jobs: Iterable[Job], slot: int) -> bool:
    """Say whether a place has a job and its successor already."""
    return len([job for job in jobs if job.slot == slot]) > 1
