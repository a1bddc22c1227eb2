"""One pool of an owner: its ledger, its queue, and the words for a person."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from steering.compute.batch import BatchSystem, NoAnswerError, Observation, RefusedError
from steering.compute.clock import duration
from steering.compute.diagnosis import diagnose
from steering.compute.job import Job
from steering.compute.script import job_script, launcher_command, log_file
from steering.compute.site import Site
from steering.compute.urgency import Choice, choose
from steering.core.errors import SteeringError
from steering.core.json import Json
from steering.core.pool import PoolRequest, PoolState, PoolStatus
from steering.core.steady import steady, to_steady, to_wall
from steering.pools.ledger import Ledger
from steering.pools.orders import Cancel, Find, Order, Submit
from steering.pools.rules import Rules
from steering.pools.saved_pools import JobRecord
from steering.pools.scaling import Limits, Load, Scaling

_LOG = logging.getLogger(__name__)
_LOG_BYTES = 4096
# Workers of one job come one after another; what is still missing after so many seconds is said.
_LACKS_SECONDS = 15.0


class Pool:
    """Jobs of one kind. All methods are called from the owner's event loop.

    Attributes:
        request: What was asked for.
        choice: What the policy made of it.
        ledger: Its jobs.
    """

    def __init__(self, site: Site, request: PoolRequest, choice: Choice, directory: Path, prefix: str) -> None:
        """Begin with no jobs.

        Args:
            site: Where.
            request: With the pool's name.
            choice: What the policy made of it.
            directory: Shared folder of the owner.
            prefix: Of its jobs' names.
        """
        self.request = request
        self.choice = choice
        self.silence = ""
        self._site = site
        self._directory = directory
        self._refusals: dict[str, str] = {}
        # Numbers of the workers that are connected, by the name of their job.
        self._workers: dict[str, set[int]] = {}
        # When each job began, as the batch system says and in steady time.
        self._began: dict[str, tuple[float, float]] = {}
        self.ledger = Ledger(prefix, choice.nodes, self._rules(choice))
        self._scaling = Scaling(self._limits(choice))
        self.ledger.want(choice.jobs)

    def change(self, request: PoolRequest, choice: Choice) -> None:
        """Take another request for this pool; jobs that fit stay."""
        self.request, self.choice = request, choice
        self._refusals = {}
        self.ledger.nodes, self.ledger.rules = choice.nodes, self._rules(choice)
        self._scaling = Scaling(self._limits(choice))
        self.ledger.want(choice.jobs)

    def end(self) -> None:
        """Want no jobs any more."""
        self.request = replace(self.request, nodes=0, most_nodes=0)
        self._scaling = Scaling(Limits(0, 0, 1))
        self.ledger.want(0)

    @property
    def over(self) -> bool:
        """Whether nothing is wanted of it, and nothing of it is left or may still come to be."""
        return not self.ledger.wanted and self.ledger.settled

    def adopt(self, jobs: Sequence[JobRecord], now: float) -> None:
        """Take over jobs that an earlier owner submitted; a pool that had grown keeps its size."""
        for job in jobs:
            self.ledger.adopt(job.name, job.slot, job.id, now)
        limits = self._scaling.limits
        self._scaling.jobs = min(max(len({job.slot for job in jobs}), limits.least), limits.most)
        self.ledger.want(self._scaling.jobs)

    def follow(self, workers: Sequence[str], load: Load, now: float, hours: float) -> None:
        """Take in what the scheduler says, and the node-hours that are still allowed."""
        self._workers = {}
        for worker in workers:
            job, _, number = worker.rpartition("-")
            self._workers.setdefault(job, set()).add(int(number) if number.isdigit() else 0)
        self.ledger.connected({job: len(numbers) for job, numbers in self._workers.items()}, now)
        self.ledger.rules = replace(self.ledger.rules, hours=hours)
        wanted = self._scaling.follow(load, now)
        if wanted != self.ledger.wanted and not self.ledger.failure:
            self.ledger.want(wanted)

    async def look(self, batch: BatchSystem) -> None:
        """Ask the batch system for each job."""
        ids = [job.id for job in self.ledger.alive if job.id]
        if not ids:
            return
        try:
            seen = await batch.look(ids)
        except NoAnswerError as error:
            self.silence = str(error)
            return
        self.silence = ""
        self._began = {one: began for one, began in self._began.items() if one in seen}
        for one, observation in seen.items():
            self.ledger.observed(one, self._with_log(one, self._on_our_clock(one, observation)), steady())

    async def act(self, batch: BatchSystem, remember: Callable[[], None]) -> bool:
        """Carry out what the ledger orders; return whether there was anything.

        Args:
            batch: Who is told.
            remember: Called before anything is submitted, so that a job is known even if its answer never comes.
        """
        orders = self.ledger.orders(steady())
        if any(isinstance(order, Submit) for order in orders):
            remember()
        for order in orders:
            try:
                await self._carry_out(order, batch)
                self.silence = ""
            except NoAnswerError as error:
                self.silence = str(error)
                if isinstance(order, Submit):
                    self.ledger.unanswered(order.name, steady())
                if isinstance(order, Cancel):
                    self.ledger.not_cancelled(order.id)
        return bool(orders)

    def status(self) -> PoolStatus:
        """Say how it is."""
        per_job = self._site.workers_per_node * self.choice.nodes
        state, detail = self._words()
        return PoolStatus(
            name=self.request.pool,
            queue=self.choice.queue.name,
            urgency=self.request.urgency,
            choice=self.choice.why,
            state=state,
            detail=detail,
            nodes_per_job=self.choice.nodes,
            jobs_wanted=self.ledger.wanted,
            jobs=tuple(job.status(per_job) for job in self.ledger.jobs),
            node_hours=self.ledger.node_hours,
            refused=self.ledger.slow,
        )

    def record(self) -> dict[str, Json]:
        """Return what another owner needs to take over its jobs."""
        walltime = self.request.walltime
        return {
            "pool": self.request.pool,
            "urgency": self.request.urgency,
            "queue": self.choice.queue.name,
            "nodes_per_job": self.choice.nodes,
            "nodes": self.request.nodes,
            "most_nodes": self.request.most_nodes,
            "walltime": None if math.isnan(walltime) else walltime,
            "jobs": [{"name": job.name, "slot": job.slot, "id": job.id} for job in self.ledger.alive],
        }

    async def _carry_out(self, order: Order, batch: BatchSystem) -> None:
        now = steady()
        match order:
            case Submit(name=name):
                try:
                    self.ledger.submitted(name, await batch.submit(self._script(name), name, self._directory))
                except RefusedError as error:
                    # A command may submit and then fail, as its connection was lost: what has this name is the job.
                    known = await batch.find(name)
                    if known:
                        self.ledger.found(name, known, now)
                        return
                    # Looked for first: a refusal that is seen before its way out would be taken for the end.
                    other = await self._next_queue(str(error), batch)
                    self.ledger.refused(name, str(error), now)
                    if other is not None:
                        self._go_to(other)
                except OSError as error:
                    # The shared folder is full or away, which is no queue's fault.
                    self.ledger.refused(name, f"The job script cannot be written: {error}.", now)
            case Find(name=name):
                self.ledger.found(name, await batch.find(name), now)
            case Cancel(id=one):
                await batch.cancel(one)

    def _script(self, name: str) -> str:
        if self._site.batch == "process":
            import shlex

            return shlex.join(launcher_command(self._site, self.choice, self.request.pool, name, self._directory))
        return job_script(self._site, self.choice, self.request.pool, name, self._directory)

    async def _next_queue(self, words: str, batch: BatchSystem) -> Choice | None:
        """A job was refused: find the next queue, if one fits."""
        if any(job.id for job in self.ledger.alive):
            # Jobs that this queue took are worth more than a place in another.
            return None
        queue = self.choice.queue.name
        self._refusals[queue] = words
        try:
            other = choose(self._site, self.request, await batch.queues(), self._refusals)
        except (SteeringError, NoAnswerError) as error:
            _LOG.info("queue %s refused (%s), and there is no other: %s", queue, words, error)
            return None
        _LOG.info("queue %s refused (%s): %s", queue, words, other.why)
        return other

    def _go_to(self, other: Choice) -> None:
        self.choice = other
        self.ledger.nodes, self.ledger.rules = other.nodes, self._rules(other)
        self._scaling = Scaling(self._limits(other))
        self.ledger.want(other.jobs)

    def _with_log(self, one: str, seen: Observation) -> Observation:
        if seen.phase not in ("ended", "gone"):
            return seen
        name = next((job.name for job in self.ledger.alive if job.id == one), "")
        return replace(seen, log=_tail(log_file(self._directory, name)))

    def _on_our_clock(self, one: str, seen: Observation) -> Observation:
        """Have a job's start in steady time; it stays while the batch system says the same, whoever sets a clock."""
        known, began = self._began.get(one, (math.nan, math.nan))
        if seen.started != known:
            began = to_steady(seen.started)
            self._began[one] = seen.started, began
        return replace(seen, started=began)

    def _words(self) -> tuple[PoolState, str]:
        """State and detail."""
        ledger = self.ledger
        alive = ledger.alive
        if ledger.failure:
            given_up = f"Given up after {ledger.rules.tries} tries. "
            if ledger.slow:
                given_up = f"Given up after {duration(ledger.rules.patience)} of refusals. "
            return "failed", ("" if ledger.impossible else given_up) + diagnose(ledger.failure, self._site)
        if not ledger.wanted:
            return "stopping", self.silence or "Its jobs are being ended."
        have = sum(job.workers for job in alive)
        wanted = ledger.wanted * self._site.workers_per_node * self.choice.nodes
        if have >= wanted:
            return "running", self.silence
        state: PoolState = "short" if have else "starting"
        if ledger.node_hours >= ledger.rules.hours:
            return state, "The node-hours allowed are used up. Raise node_hours of the facility in steering.yaml."
        if ledger.trouble:
            at = time.strftime("%H:%M:%S", time.localtime(to_wall(ledger.next_try)))
            when = f" at {at}" if ledger.slow else ""
            return state, f"It tries again{when}. {diagnose(ledger.trouble, self._site)}"
        return state, self.silence or self._waiting()

    def _waiting(self) -> str:
        said: list[str] = []
        for job in self.ledger.jobs:
            if not job.over and steady() - job.lacks_since >= _LACKS_SECONDS:
                said.append(self._lacks(job))
            elif job.over and job.state in _ENDED:
                said.append(f"Job {job.id} was {_ENDED[job.state]}; another follows.")
            elif not job.over and job.seen.phase != "running":
                before = self.ledger.before(job)
                if before is not None and before.state in _ENDED:
                    said.append(f"Job {before.id} was {_ENDED[before.state]}.")
                if job.seen.phase in ("queued", "held") and job.id:
                    said.append(
                        f"Job {job.id} waits: {job.seen.words or 'the batch system gives no reason'}.{_when(job)}"
                    )
        return " ".join(said) or "Its workers are starting."

    def _lacks(self, job: Job) -> str:
        """Say which of a job's workers are missing, and what is done about it."""
        each = self._site.workers_per_node
        there = self._workers.get(job.name, set())
        silent = [
            node for rank, node in enumerate(job.seen.nodes) if not there & set(range(rank * each, (rank + 1) * each))
        ]
        where = f", none on {', '.join(silent)}" if silent else ""
        since = duration(steady() - job.lacks_since)
        after = "It is being replaced." if job.halved else f"It is replaced after {duration(self.ledger.rules.half)}."
        return f"Job {job.id} has {job.workers} of {each * job.nodes} workers{where}, for {since}. {after}"

    def _rules(self, choice: Choice) -> Rules:
        handover = min(self._site.handover, choice.walltime / 4)
        return Rules(
            handover=handover,
            jobs_most=choice.jobs_most,
            patience=self._site.patience or math.inf,
            workers=self._site.workers_per_node * choice.nodes,
        )

    def _limits(self, choice: Choice) -> Limits:
        most = max(math.ceil(self.request.most_nodes / choice.nodes), choice.jobs)
        threads = self._site.threads_per_worker * self._site.workers_per_node * choice.nodes
        return Limits(choice.jobs, most, threads)


def _when(job: Job) -> str:
    expected = job.seen.expected_start
    if not math.isfinite(expected):
        return ""
    return f" Expected to start at {time.strftime('%H:%M', time.localtime(expected))}."


_ENDED: dict[str, str] = {
    "preempted": "pre-empted",
    "expired": "ended: its walltime was over",
    "cancelled": "cancelled by somebody",
}


def _tail(file: Path) -> str:
    """Read the end of a job's log; empty if it never wrote one."""
    try:
        with file.open("rb") as stream:
            stream.seek(max(file.stat().st_size - _LOG_BYTES, 0))
            return stream.read().decode(errors="replace").strip()
    except OSError:
        return ""
