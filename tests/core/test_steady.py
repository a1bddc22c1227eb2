"""Nobody who sets the clock ends a token, a lease, a job or a process before its time, or keeps one alive."""

import math
import time

import pytest

from steering.beamline import tokens
from steering.beamline.tokens import Tokens
from steering.compute.batch import Observation
from steering.machine.identity import identity, lives
from steering.machine.steady import steady, to_steady, to_wall
from steering.service import tenancy
from steering.service.tenancy import LEASE_SECONDS, Tenancy
from tests.compute.test_pool import Batch, act, pool_of

HOUR = 3600.0


@pytest.fixture
def clock(monkeypatch):
    """Set the clock by so many seconds."""
    true = time.time

    def put(seconds):
        monkeypatch.setattr(time, "time", lambda: true() + seconds)

    return put


@pytest.fixture
def pass_by(monkeypatch):
    """Let time pass for a module that asks for the steady one."""

    def wait(module, seconds):
        monkeypatch.setattr(module, "steady", lambda: steady() + seconds)

    return wait


@pytest.mark.parametrize("by", [-HOUR, HOUR])
def test_steady_time_goes_on_evenly_and_what_is_shown_is_the_clocks(clock, by):
    before = steady()
    clock(by)
    assert 0 <= steady() - before < 10
    assert to_wall(before) - before == by
    assert to_steady(to_wall(before)) == before


@pytest.mark.parametrize("by", [-HOUR, HOUR])
def test_a_token_lives_as_long_as_was_said(clock, pass_by, by):
    kept = Tokens()
    token = kept.issue("ana", lifetime=60.0)
    clock(by)
    assert kept.person(token).name == "ana"
    pass_by(tokens, 61.0)
    assert kept.person(token) is None


@pytest.mark.parametrize("by", [-HOUR, HOUR])
def test_a_lease_lasts_as_long_as_was_said_and_is_shown_by_the_clock(clock, pass_by, by):
    kept = Tenancy()
    kept.take("ana")
    clock(by)
    assert kept.lease.holder == "ana"
    assert 0 <= time.time() + LEASE_SECONDS - kept.lease.until < 10
    # What does not change is told the same, so that nobody is sent it again.
    assert kept.lease == kept.lease
    pass_by(tenancy, LEASE_SECONDS + 1)
    assert kept.lease.holder == ""


@pytest.mark.parametrize("by", [-HOUR, HOUR])
def test_a_process_is_known_again_and_its_number_given_to_another_is_not(clock, tmp_path, by):
    content = identity()
    clock(by)
    assert identity() == content
    assert lives(content, tmp_path / "it.json")
    assert not lives(content | {"started": "another boot 77"}, tmp_path / "it.json")
    assert not lives(content | {"pid": 1}, tmp_path / "it.json")


@pytest.mark.parametrize("by", [-2 * HOUR, 2 * HOUR])
async def test_a_job_keeps_its_walltime_and_is_not_handed_over(clock, tmp_path, by):
    pool = pool_of(tmp_path)
    batch = Batch("1.pbs", "2.pbs")
    began = time.time() - 60.0

    async def look(ids):
        return {one: Observation("running", started=began, walltime=HOUR, nodes=("n1",)) for one in ids}

    batch.look = look
    await act(pool, batch)
    await pool.look(batch)
    clock(by)
    await pool.look(batch)
    await act(pool, batch)
    (job,) = pool.status().jobs
    assert (job.id, job.state) == ("1.pbs", "running")
    assert math.isclose(job.ends - time.time(), HOUR - 60.0, abs_tol=10)
    assert math.isclose(pool.ledger.node_hours, pool.choice.nodes * 60.0 / HOUR, rel_tol=0.2)
