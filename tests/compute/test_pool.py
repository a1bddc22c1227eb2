"""A pool carries out what its ledger orders, and says in words how it fares."""

import time

from steering.compute.batch import NoAnswerError, Observation, RefusedError
from steering.compute.pool import Pool
from steering.compute.site import read_site
from steering.compute.urgency import choose
from steering.core.pool import PoolRequest
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
    pool.ledger.connected({pool.ledger.alive[0].name: 4})
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
    assert remembered[0]["jobs"] == [{"name": pool.ledger.alive[0].name, "slot": 0, "id": ""}]
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
