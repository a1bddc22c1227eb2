"""One pool of an owner: its ledger, its queue, and its status in words."""

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
from steering.machine.steady import steady, to_steady, to_wall
from steering.pools.ledger import Ledger
from steering.pools.orders import Cancel, Find, Order, Submit
from steering.pools.rules import Rules
from steering.pools.saved_pools import JobRecord
from steering.pools.scaling import Limits, Load, Scaling

_LOG = logging.getLogger(__name__)
_LOG_BYTES = 4096
# Workers of one job start one after another. Those still missing after this many seconds are reported.
_LACKS_SECONDS = 15.0


class Pool:
    """Jobs of one kind. All methods are called from the owner's event loop.

    Attributes:
        request: The request for this pool.
        choice: The policy's choice for the request: queue, nodes and jobs.
        ledger: The ledger of its jobs.
        silence: Why the batch system gave no answer last; empty if it answered.
    """

    def __init__(self, site: Site, request: PoolRequest, choice: Choice, directory: Path, prefix: str) -> None:
        """Begin with no jobs.

        Args:
            site: Description of the facility.
            request: The request, with the pool's name.
            choice: The policy's choice for the request.
            directory: Shared folder of the owner.
            prefix: Prefix of its jobs' names.
        """
        self.request = request
        self.choice = choice
        self.silence = ""
        self._site = site
        self._directory = directory
        self._refusals: dict[str, str] = {}
        # Numbers of the connected workers, by the name of their job.
        self._workers: dict[str, set[int]] = {}
        # Start of each job by id: as the batch system gave it, and in steady time.
        self._began: dict[str, tuple[float, float]] = {}
        self.ledger = Ledger(prefix, choice.nodes, self._rules(choice))
        self._scaling = Scaling(self._limits(choice))
        self.ledger.want(choice.jobs)

    def change(self, request: PoolRequest, choice: Choice) -> None:
        """Replace the request of this pool. Jobs that fit the new request stay."""
        self.request, self.choice = request, choice
        self._refusals = {}
        self.ledger.nodes, self.ledger.rules = choice.nodes, self._rules(choice)
        self._scaling = Scaling(self._limits(choice))
        self.ledger.want(choice.jobs)

    def end(self) -> None:
        """End the pool: it wants no jobs any more."""
        self.request = replace(self.request, nodes=0, most_nodes=0)
        self._scaling = Scaling(Limits(0, 0, 1))
        self.ledger.want(0)

    @property
    def over(self) -> bool:
        """Whether the pool wants no jobs, has no jobs left, and has no submission in doubt."""
        return not self.ledger.wanted and self.ledger.settled

    def adopt(self, jobs: Sequence[JobRecord], now: float) -> None:
        """Take over jobs that an earlier owner submitted. A pool that had grown keeps its size."""
        for job in jobs:
            self.ledger.adopt(job.name, job.slot, job.id, now, job.seconds)
        limits = self._scaling.limits
        self._scaling.jobs = min(max(len({job.slot for job in jobs}), limits.least), limits.most)
        self.ledger.want(self._scaling.jobs)

    def follow(self, workers: Sequence[str], load: Load, now: float, hours: float) -> None:
        """Update the pool from the scheduler's workers and load, and from the node-hours that are still allowed."""
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
        """Ask the batch system for the state of each job."""
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
        """Carry out the ledger's orders; return whether there were any.

        Args:
            batch: The batch system.
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
        """Return the status of the pool."""
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
        """Return the record that another owner needs to take over the pool's jobs."""
        walltime = self.request.walltime
        return {
            "pool": self.request.pool,
            "urgency": self.request.urgency,
            "queue": self.choice.queue.name,
            "nodes_per_job": self.choice.nodes,
            "nodes": self.request.nodes,
            "most_nodes": self.request.most_nodes,
            "walltime": None if math.isnan(walltime) else walltime,
            "jobs": [
                {"name": job.name, "slot": job.slot, "id": job.id, "seconds": job.seconds // 60.0 * 60.0}
                for job in self.ledger.alive
            ],
        }

    async def _carry_out(self, order: Order, batch: BatchSystem) -> None:
        now = steady()
        request = self.request
        match order:
            case Submit(name=name):
                try:
                    self.ledger.submitted(name, await batch.submit(self._script(name), name, self._directory))
                except RefusedError as error:
                    # A submit command may submit the job and then fail because its connection was lost. So look for a
                    # job of this name.
                    known = await batch.find(name)
                    if known:
                        self.ledger.found(name, known, now)
                        return
                    # Look for another queue first. If the refusal became visible before that, it would look final.
                    other = await self._next_queue(str(error), batch)
                    self.ledger.refused(name, str(error), now)
                    # While the batch system answered, the pool may have been ended or asked for otherwise.
                    if other is not None and self.request is request:
                        self._go_to(other)
                except OSError as error:
                    # The shared folder is full or missing, so another queue would not help.
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
        """Find the next queue that fits after a job was refused; ``None`` if there is none."""
        if any(job.id for job in self.ledger.alive):
            # Jobs that this queue accepted are worth more than a place in another queue.
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
        """Convert a job's start to steady time. The result stays the same when a clock is set."""
        known, began = self._began.get(one, (math.nan, math.nan))
        if seen.started != known:
            began = to_steady(seen.started)
            self._began[one] = seen.started, began
        return replace(seen, started=began)

    def _words(self) -> tuple[PoolState, str]:
        """Return state and detail."""
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
        """Return sentences that say which of a job's workers are missing and what is done about it."""
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
    """Read the end of a job's log; empty if the log cannot be read."""
    try:
        with file.open("rb") as stream:
            stream.seek(max(file.stat().st_size - _LOG_BYTES, 0))
            return stream.read().decode(errors="replace").strip()
    except OSError:
        return ""
