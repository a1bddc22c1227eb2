"""The ledger against a model batch system that knows the truth: whatever happens, in any order."""

import math
from dataclasses import dataclass, field

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from steering.compute.batch import Observation
from steering.pools.ledger import Ledger
from steering.pools.orders import Cancel, Find, Submit
from steering.pools.rules import Rules

WALLTIME = 900.0
LIVING = ("queued", "held", "running", "ending")


@dataclass
class Truth:
    """A job as it really is."""

    id: str
    name: str
    slot: int
    phase: str = "queued"
    end: str = ""
    words: str = ""
    code: int | None = None
    started: float = math.nan
    never: bool = False
    workers: int = 0

    def observation(self):
        waits = self.phase in ("queued", "held")
        return Observation(
            self.phase, self.words, self.end, self.code, () if waits else ("n1",),
            math.nan if waits else self.started, walltime=WALLTIME, never=self.never,
        )  # fmt: skip


@dataclass
class Batch:
    """All jobs that there ever were."""

    jobs: dict[str, Truth] = field(default_factory=dict)

    def submit(self, name, slot):
        job = Truth(str(len(self.jobs) + 1), name, slot)
        self.jobs[job.id] = job
        return job.id

    @property
    def living(self):
        return [job for job in self.jobs.values() if job.phase in LIVING]

    def end(self, job, end, code=0):
        job.phase, job.end, job.code, job.workers = "ended", end, code, 0
        job.words = f"{end} by itself"

    def pass_time(self, now):
        for job in self.living:
            if job.phase == "ending":
                self.end(job, "cancelled", 271)
            elif job.phase == "running" and now >= job.started + WALLTIME:
                self.end(job, "expired", -29)


OUTCOMES = st.sampled_from(["answered"] * 4 + ["refused", "submitted without an answer", "lost"])
NUMBERS = st.integers(0, 3)


class LedgerAgainstTruth(RuleBasedStateMachine):
    @initialize(jobs_most=st.sampled_from([0, 0, 1, 2]))
    def begin(self, jobs_most):
        self.now = 1000.0
        self.batch = Batch()
        self.ledger = Ledger("p", 1, Rules(jobs_most=jobs_most, workers=4))
        self.ledger.want(2)

    # What the owner does.

    @rule(outcomes=st.lists(OUTCOMES, min_size=4, max_size=4), answered=st.booleans(), meanwhile=NUMBERS | st.none())
    def carry_out_orders(self, outcomes, answered, meanwhile):
        orders = self.ledger.orders(self.now)
        submits = [order.slot for order in orders if isinstance(order, Submit)]
        assert len(submits) == len(set(submits)), "two submissions for one place in one step"
        for order in orders:
            match order:
                case Submit(name=name, slot=slot):
                    # The batch system takes its time; somebody may change his mind.
                    if meanwhile is not None:
                        self.ledger.want(meanwhile)
                        meanwhile = None
                    self.submit(name, slot, outcomes.pop() if outcomes else "answered")
                case Find(name=name) if answered:
                    self.ledger.found(name, [job.id for job in self.batch.living if job.name == name], self.now)
                case Cancel(id=one) if answered:
                    self.cancel(one)

    def submit(self, name, slot, outcome):
        if outcome == "answered":
            self.ledger.submitted(name, self.batch.submit(name, slot))
        elif outcome == "refused":
            self.ledger.refused(name, "no", self.now)
        else:
            if outcome != "lost":
                self.batch.submit(name, slot)
            self.ledger.unanswered(name, self.now)

    def cancel(self, one):
        job = self.batch.jobs[one]
        if job.phase in ("queued", "held"):
            self.batch.end(job, "cancelled", 271)
        elif job.phase == "running":
            job.phase = "ending"

    @rule(answers=st.lists(st.booleans(), min_size=6, max_size=6))
    def look(self, answers):
        known = [job.id for job in self.ledger.alive if job.id]
        for one, answered in zip(known, answers + [True] * len(known), strict=False):
            if answered:
                self.ledger.observed(one, self.batch.jobs[one].observation(), self.now)

    @rule()
    def hear_of_workers(self):
        self.ledger.connected({job.name: job.workers for job in self.batch.living if job.workers}, self.now)

    @rule(jobs=NUMBERS)
    def want(self, jobs):
        self.ledger.want(jobs)

    # What happens out there.

    @rule(seconds=st.sampled_from([0.5, 2.0, 6.0, 30.0, 400.0, 790.0]))
    def time_passes(self, seconds):
        self.now += seconds
        self.batch.pass_time(self.now)

    @rule(seconds=st.sampled_from([1.0, 6.0, 395.0, 790.0]), rounds=st.integers(1, 3))
    def all_goes_well_for_a_while(self, seconds, rounds):
        self.all_is_well(seconds)
        for _ in range(rounds):
            self.all_is_well(1.0)

    def all_is_well(self, seconds):
        """Time passes, all that waits starts, all workers come, and the owner looks and acts."""
        self.now += seconds
        self.batch.pass_time(self.now)
        for job in self.batch.living:
            if job.phase in ("queued", "held") and not job.never:
                job.phase, job.started = "running", self.now
            if job.phase == "running":
                job.workers = 4
        self.look([])
        self.hear_of_workers()
        self.carry_out_orders([], answered=True, meanwhile=None)

    def pick(self, data, *phases):
        jobs = [job for job in self.batch.living if job.phase in phases]
        return data.draw(st.sampled_from(jobs)) if jobs else None

    @precondition(lambda self: self.batch.living)
    @rule(data=st.data())
    def a_job_starts(self, data):
        job = self.pick(data, "queued", "held")
        if job is not None and not job.never:
            job.phase, job.started = "running", self.now

    @precondition(lambda self: self.batch.living)
    @rule(data=st.data(), count=st.sampled_from([0, 1, 4]))
    def workers_come_or_go(self, data, count):
        job = self.pick(data, "running")
        if job is not None:
            job.workers = count

    @precondition(lambda self: self.batch.living)
    @rule(data=st.data(), held=st.booleans())
    def a_job_is_requeued(self, data, held):
        job = self.pick(data, "running", "ending")
        if job is not None:
            job.phase, job.started, job.workers = "held" if held else "queued", math.nan, 0

    @precondition(lambda self: self.batch.living)
    @rule(data=st.data(), end=st.sampled_from(["preempted", "failed", "cancelled", "finished"]))
    def a_job_ends(self, data, end):
        job = self.pick(data, "running", "ending")
        if job is not None:
            self.batch.end(job, end, {"failed": 1, "finished": 0}.get(end, 271))

    @precondition(lambda self: self.batch.living)
    @rule(data=st.data())
    def a_job_vanishes(self, data):
        job = self.pick(data, *LIVING)
        if job is not None:
            job.phase, job.workers = "gone", 0

    @precondition(lambda self: self.batch.living)
    @rule(data=st.data(), never=st.booleans())
    def a_job_can_never_run(self, data, never):
        job = self.pick(data, "queued")
        if job is not None:
            job.never = never

    # What must hold.

    @invariant()
    def no_place_has_two_jobs_that_are_meant_to_stay(self):
        known = {job.name: job for job in self.ledger.alive}
        places = [
            known[job.name].slot
            for job in self.batch.living
            if job.name in known and not known[job.name].unwanted and not known[job.name].leaving
        ]
        assert len(places) == len(set(places)), f"two jobs of one place: {self.ledger.alive}"

    @invariant()
    def no_job_is_forgotten(self):
        known = {job.name for job in self.ledger.alive}
        assert all(job.name in known for job in self.batch.living), "a job runs that the ledger does not know"

    @invariant()
    def no_more_jobs_are_meant_to_stay_than_are_wanted(self):
        staying = [job for job in self.ledger.alive if not job.unwanted and not job.leaving]
        assert len(staying) <= self.ledger.wanted

    @invariant()
    def a_limited_queue_never_gets_more(self):
        most = self.ledger.rules.jobs_most
        assert not most or len(self.batch.living) <= most

    def teardown(self):
        """When all is well again and time passes, the strength comes, or a reason stands there."""
        if not hasattr(self, "ledger"):
            return
        for job in self.batch.living:
            job.never = job.never and job.phase == "queued"
        for _ in range(400):
            if self.strong():
                return
            self.all_is_well(1.0)
            self.no_place_has_two_jobs_that_are_meant_to_stay()
            self.no_job_is_forgotten()
        raise AssertionError(f"not {self.ledger.wanted} running jobs in the end: {self.ledger.alive}")

    def strong(self):
        ledger = self.ledger
        if ledger.failure:
            # Then nothing may be left to end.
            return not [job for job in ledger.alive if job.unwanted]
        wanted = min(ledger.wanted, ledger.rules.jobs_most or ledger.wanted)
        running = [job for job in self.batch.living if job.phase == "running" and job.workers]
        return len(running) == len(self.batch.living) == wanted


LedgerAgainstTruth.TestCase.settings = settings(
    max_examples=100,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestWhateverHappens = LedgerAgainstTruth.TestCase


def test_a_second_job_of_a_name_is_ended_and_the_known_one_stays_in_whatever_order_they_are_told():
    ledger = Ledger("live1", 1, Rules())
    ledger.want(1)
    (order,) = ledger.orders(0.0)
    ledger.submitted(order.name, "2")
    ledger.found(order.name, ["1", "2"], 1.0)
    assert [(one.id, one.name) for one in ledger.orders(2.0)] == [("1", "")]
    assert [job.id for job in ledger.alive] == ["2"]
