"""A pool carries out what its ledger orders, and says in words how it fares."""

import math
import time
from dataclasses import replace
from itertools import pairwise

from steering.compute.batch import NoAnswerError, Observation, RefusedError
from steering.compute.site import read_site
from steering.compute.urgency import choose
from steering.core.pool import PoolRequest
from steering.pools.pool import Pool
from steering.pools.scaling import Load
from tests.compute.facility_files import section

POLARIS = read_site("polaris", section("polaris"), None, {"account": "demo"})


class Batch:
    """Answers as it is told: an id, or an error."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.cancelled = []

    async def submit(self, script, name, directory):
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def queues(self):
        return {}

    async def find(self, name):
        return []

    async def look(self, ids):
        return {one: Observation("running", started=time.time(), nodes=("n1",)) for one in ids}

    async def cancel(self, one):
        self.cancelled.append(one)


def pool_of(tmp_path, **request):
    wanted = PoolRequest("live", **request)
    return Pool(POLARIS, wanted, choose(POLARIS, wanted, {}), tmp_path, "live1")


async def act(pool, batch):
    remembered = []
    await pool.act(batch, lambda: remembered.append(pool.record()))
    return remembered


async def test_a_refused_queue_is_left_for_the_next_and_leaves_no_failed_job_behind(tmp_path):
    pool = pool_of(tmp_path)
    await act(pool, Batch(RefusedError("qsub: Unauthorized Request")))
    status = pool.status()
    assert (status.queue, status.jobs) == ("debug", ())
    await act(pool, Batch("1.pbs"))
    assert [job.id for job in pool.status().jobs] == ["1.pbs"]


async def test_a_refused_job_beside_one_that_works_takes_nothing_from_it_and_is_tried_again(tmp_path):
    pool = pool_of(tmp_path, urgency="soon", nodes=2)
    batch = Batch("1.pbs", RefusedError("would exceed the per-user limit"), "2.pbs")
    await act(pool, batch)
    await pool.look(batch)
    assert pool.choice.queue.name == "preemptable"
    assert "It tries again." in pool.status().detail
    pool.ledger.connected({pool.ledger.alive[0].name: 4}, time.time())
    for order in pool.ledger.orders(time.time() + 5.0):
        await pool._carry_out(order, batch)
    assert {job.id for job in pool.ledger.alive} == {"1.pbs", "2.pbs"}
    assert batch.cancelled == []


async def test_when_all_queues_refuse_the_pool_says_the_cause_and_the_cure(tmp_path):
    pool = pool_of(tmp_path)
    for _ in range(4):
        await act(pool, Batch(RefusedError("qsub: Account_Name is required to be set.")))
    assert "Name yours: account of polaris in steering.yaml" in pool.status().detail


async def test_a_shared_folder_that_is_full_is_told_and_ends_no_owner(tmp_path):
    pool = pool_of(tmp_path)
    await act(pool, Batch(OSError(28, "No space left on device")))
    assert pool.choice.queue.name == "demand"
    assert "The job script cannot be written: [Errno 28] No space left on device." in pool.status().detail


async def test_no_answer_is_shown_and_the_job_is_looked_for_by_its_name(tmp_path):
    pool = pool_of(tmp_path)
    remembered = await act(pool, Batch(NoAnswerError("qsub did not answer")))
    assert remembered[0]["jobs"] == [{"name": pool.ledger.alive[0].name, "slot": 0, "id": "", "seconds": 0.0}]
    assert pool.status().detail == "qsub did not answer"
    assert [order.name for order in pool.ledger.orders(time.time() + 6.0)] == [pool.ledger.alive[0].name]


async def test_a_pre_empted_job_is_told_also_while_another_waits_in_its_place(tmp_path):
    pool = pool_of(tmp_path)
    batch = Batch("1.pbs", "2.pbs")
    await act(pool, batch)
    batch.look = _sees(Observation("ended", end="preempted"))
    await pool.look(batch)
    await act(pool, batch)
    batch.look = _sees(Observation("queued", words="Resources"))
    await pool.look(batch)
    assert pool.status().detail == "Job 1.pbs was pre-empted. Job 2.pbs waits: Resources."


def _sees(observation):
    async def look(ids):
        return dict.fromkeys(ids, observation)

    return look


class Doubtful(Batch):
    """Carries a submission out, and then answers as if it had not."""

    def __init__(self, *answers, copies=1):
        super().__init__(*answers)
        self.copies, self.jobs, self.cancels = copies, {}, 0

    async def submit(self, script, name, directory):
        self.jobs.setdefault(name, []).extend(f"{len(self.jobs) + number}.pbs" for number in range(self.copies))
        return await super().submit(script, name, directory)

    async def find(self, name):
        return self.jobs.get(name, [])


async def test_a_job_that_was_submitted_and_then_refused_is_found_and_no_second_one_made(tmp_path):
    pool, batch = pool_of(tmp_path), Doubtful(RefusedError("qsub: connection lost"))
    await act(pool, batch)
    assert [job.id for job in pool.status().jobs] == ["1.pbs"]
    await act(pool, batch)
    assert len(batch.jobs) == 1


async def test_of_a_submission_that_was_carried_out_twice_one_job_is_ended(tmp_path):
    pool, batch = pool_of(tmp_path), Doubtful(RefusedError("qsub: connection lost"), copies=3)
    await act(pool, batch)
    await act(pool, batch)
    assert [job.id for job in pool.status().jobs] == ["1.pbs"]
    assert batch.cancelled == ["2.pbs", "3.pbs"]


async def test_a_job_that_nobody_wants_is_told_to_end_until_that_is_heard(tmp_path):
    class Deaf(Doubtful):
        async def cancel(self, one):
            self.cancels += 1
            if self.cancels < 3:
                raise NoAnswerError("qdel: no answer")
            await super().cancel(one)

    pool, batch = pool_of(tmp_path), Deaf(RefusedError("qsub: connection lost"), copies=2)
    for _ in range(5):
        await act(pool, batch)
    assert batch.cancelled == ["2.pbs"]


async def test_a_job_that_comes_to_be_after_it_was_denied_is_ended(tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("steering.pools.pool.steady", lambda: now[0])
    pool, batch = pool_of(tmp_path), Batch(NoAnswerError("no answer"), "7.pbs")
    await act(pool, batch)
    (first,) = pool.ledger.alive
    for _ in range(12):
        now[0] += 5.0
        await act(pool, batch)
        if not pool.ledger.alive or pool.ledger.alive[0].name != first.name:
            break
    assert now[0] >= 1040.0

    async def late(name):
        return ["3.pbs"] if name == first.name else []

    monkeypatch.setattr(batch, "find", late)
    for _ in range(30):
        now[0] += 5.0
        await act(pool, batch)
    assert "3.pbs" in batch.cancelled
    assert [job.id for job in pool.status().jobs] == ["7.pbs"]


async def test_a_refusal_that_passes_is_tried_on_ever_later_and_then_forgotten(tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("steering.pools.pool.steady", lambda: now[0])
    pool = pool_of(tmp_path)
    quota = RefusedError("qsub: would exceed limit on jobs of user demo")
    batch, tries = Batch(*[quota] * 60), []
    for _ in range(4000):
        left = len(batch._answers)
        await act(pool, batch)
        if len(batch._answers) < left:
            tries.append(now[0])
        now[0] += 1.0
    gaps = [later - earlier for earlier, later in pairwise(tries[5:])]
    assert gaps == sorted(gaps)
    assert max(gaps) <= 301
    assert gaps[-1] >= 300
    status = pool.status()
    assert status.refused
    assert status.state == "starting"
    assert "It tries again at " in status.detail
    assert "would exceed limit" in status.detail
    batch._answers = ["1.pbs"]
    now[0] += 301.0
    await act(pool, batch)
    assert not pool.status().refused
    assert "It tries again" not in pool.status().detail
    assert [job.id for job in pool.status().jobs] == ["1.pbs"]


async def test_a_site_may_set_how_long_refusals_are_tried_on(tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("steering.pools.pool.steady", lambda: now[0])
    site = read_site("polaris", section("polaris"), None, {"account": "demo", "patience": 600})
    wanted = PoolRequest("live")
    pool = Pool(site, wanted, choose(site, wanted, {}), tmp_path, "live1")
    batch = Batch(*[RefusedError("qsub: no")] * 90)
    for _ in range(1500):
        await act(pool, batch)
        now[0] += 1.0
    status = pool.status()
    assert status.state == "failed"
    assert status.detail.startswith("Given up after 10 min of refusals.")


async def test_jobs_that_die_soon_after_their_workers_came_are_tried_ever_later_and_then_no_more(tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("steering.pools.pool.steady", lambda: now[0])
    pool, batch = pool_of(tmp_path), Batch(*[f"{number}.pbs" for number in range(1, 60)])

    async def die(ids):
        return {one: Observation("ended", "", "failed", 3, started=now[0] - 2.0) for one in ids}

    for _ in range(600):
        await act(pool, batch)
        if pool.ledger.alive:
            pool.ledger.connected({pool.ledger.alive[0].name: 4}, now[0])
            monkeypatch.setattr(batch, "look", die)
            await pool.look(batch)
        now[0] += 1.0
    assert len(batch._answers) == 59 - 6
    status = pool.status()
    assert status.state == "failed"
    assert "ended with exit code 3 2 s after it had begun" in status.detail


async def test_a_job_that_lacks_the_workers_of_a_node_is_told_of_and_replaced(tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("steering.pools.pool.steady", lambda: now[0])
    site = replace(POLARIS, preference={"live": ("preemptable",)})
    wanted = PoolRequest("live", nodes=2)
    choice = replace(choose(site, wanted, {}), nodes=2, jobs=1)
    pool = Pool(site, wanted, choice, tmp_path, "live1")
    batch = Batch("1.pbs", "2.pbs")
    monkeypatch.setattr(batch, "look", two_nodes)
    await act(pool, batch)
    await pool.look(batch)
    half = [f"{pool.ledger.alive[0].name}-{number}" for number in range(4)]
    for _ in range(30):
        pool.follow(half, Load(0.0, 4, 0), now[0], math.inf)
        now[0] += 1.0
    status = pool.status()
    assert status.state == "short"
    assert "Job 1.pbs has 4 of 8 workers, none on n2, for 30 s. It is replaced after 3 min." in status.detail
    for _ in range(160):
        pool.follow(half, Load(0.0, 4, 0), now[0], math.inf)
        await act(pool, batch)
        now[0] += 1.0
    first, second = pool.ledger.alive
    assert (first.id, second.id) == ("1.pbs", "2.pbs")
    assert batch.cancelled == []
    await pool.look(batch)
    pool.follow([*half, f"{second.name}-0"], Load(0.0, 4, 0), now[0], math.inf)
    await act(pool, batch)
    assert batch.cancelled == ["1.pbs"]


async def test_workers_that_look_for_a_new_scheduler_do_not_count_as_missing(tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("steering.pools.pool.steady", lambda: now[0])
    pool, batch = pool_of(tmp_path), Batch("1.pbs")
    await act(pool, batch)
    await pool.look(batch)
    name = pool.ledger.alive[0].name
    pool.follow([f"{name}-0"], Load(0.0, 4, 0), now[0], math.inf)
    now[0] += 400.0
    pool.follow([f"{name}-0"], Load(0.0, 4, 0), now[0], math.inf)
    await act(pool, batch)
    assert not pool.ledger.alive[0].leaving
    assert "has 1 of 4" not in pool.status().detail


async def two_nodes(ids):
    return {one: Observation("running", started=1000.0, nodes=("n1", "n2")) for one in ids}


async def test_the_words_of_an_old_refusal_go_once_a_job_is_taken(tmp_path):
    site = replace(POLARIS, preference={"live": ("preemptable",)})
    pool = Pool(site, PoolRequest("live"), choose(site, PoolRequest("live"), {}), tmp_path, "live1")
    batch = Batch(RefusedError("qsub: server is shut down"), "1.pbs")
    await act(pool, batch)
    assert "server is shut down" in pool.status().detail
    for seconds in (5.0, 10.0):
        for order in pool.ledger.orders(time.time() + seconds):
            await pool._carry_out(order, batch)
    assert [job.id for job in pool.ledger.alive] == ["1.pbs"]
    assert "server is shut down" not in pool.status().detail


async def test_a_job_that_ends_before_its_workers_come_is_told_with_its_exit_code(tmp_path, monkeypatch):
    pool, batch = pool_of(tmp_path), Batch("1.pbs")
    await act(pool, batch)

    async def ended(ids):
        return {one: Observation("ended", "", "failed", 3, log="loading modules") for one in ids}

    monkeypatch.setattr(batch, "look", ended)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / f"{pool.ledger.alive[0].name}.log").write_text("loading modules")
    await pool.look(batch)
    assert "loading modules (exit code 3)" in pool.status().detail
