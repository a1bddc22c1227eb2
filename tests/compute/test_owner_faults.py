"""What fails beside an owner's jobs ends neither the owner nor the jobs."""

import asyncio
import errno
import os
from dataclasses import replace

import pytest

from steering.cluster.mailbox import Mailbox
from steering.core.errors import SteeringError
from steering.machine import identity
from steering.machine.secret_file import read_secret, write_secret
from steering.pools import owner as owners
from steering.pools.child import _drain
from steering.pools.owner import Owner
from steering.testing.waiting import until
from tests.compute.test_pool import POLARIS, Batch, pool_of

QUIET = {"unused": 0.0, "workers": [], "seconds": 0.0, "threads": 0, "tasks": 0, "orders": []}


class Scheduler:
    """A scheduler's child that cannot be started again for a while."""

    def __init__(self, *starts):
        self.starts, self.restarts, self.told = list(starts), 0, []
        self.alive, self.hangs = False, False

    async def start(self):
        found = self.starts.pop(0)
        if isinstance(found, Exception):
            raise found
        self.alive = True
        return found

    async def exchange(self, status, answers):
        self.told.append(dict(answers))
        return QUIET

    async def stop(self):
        self.alive = False


@pytest.fixture
def owner(tmp_path, monkeypatch):
    monkeypatch.setattr(owners, "_TALK_SECONDS", 0.0)
    monkeypatch.setattr(owners, "_AGAIN_SECONDS", 0.0)
    made = Owner(POLARIS, tmp_path / "owner.json", tmp_path)
    made._batch = Batch("1.pbs", "2.pbs")
    made._pools = {"live": pool_of(tmp_path)}
    return made


async def talks(owner, condition):
    talking = asyncio.create_task(owner._talk())
    try:
        await until(lambda: condition() or talking.done(), lambda: str(talking))
        assert not talking.done(), talking
    finally:
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)


async def test_a_scheduler_that_cannot_be_started_again_is_tried_until_it_can(owner, tmp_path):
    new = {"address": "tls://10.0.0.1:1", "dashboard": ""}
    owner._scheduler = Scheduler(SteeringError("it did not come up"), OSError(errno.EAGAIN, "no more processes"), new)
    await talks(owner, lambda: owner._scheduler.told)
    assert read_secret(tmp_path / "owner.json")["address"] == new["address"]


async def test_a_new_address_that_finds_no_room_is_written_down_once_there_is(owner, tmp_path, monkeypatch):
    failures = [OSError(28, "No space left on device"), SteeringError("the folder cannot be written")]

    def write(file, content):
        if failures:
            raise failures.pop(0)
        write_secret(file, content)

    monkeypatch.setattr(owners, "write_secret", write)
    owner._scheduler = Scheduler({"address": "tls://10.0.0.1:2", "dashboard": ""})
    await talks(owner, lambda: (tmp_path / "owner.json").exists())
    assert not failures
    assert read_secret(tmp_path / "owner.json")["address"] == "tls://10.0.0.1:2"


async def test_an_exchange_that_fails_in_whatever_way_is_tried_again_with_its_answers(owner):
    class Failing(Scheduler):
        async def exchange(self, status, answers):
            if not self.told:
                self.told.append(dict(answers))
                raise KeyError("what a handler raised there is raised here")
            return await super().exchange(status, answers)

    owner._scheduler = Failing()
    owner._scheduler.alive = True
    owner._answers = {"7": {"said": "done"}}
    await talks(owner, lambda: len(owner._scheduler.told) > 1)
    assert owner._scheduler.told[:2] == [{"7": {"said": "done"}}] * 2


async def test_a_look_at_the_jobs_that_fails_in_whatever_way_is_followed_by_the_next(owner, monkeypatch, caplog):
    looks = []

    class Odd(Batch):
        async def look(self, ids):
            looks.append(ids)
            raise ValueError("invalid literal for int()")

    owner._batch = Odd("1.pbs")
    owner._site = replace(POLARIS, poll=0.0)
    watching = asyncio.create_task(owner._watch())
    try:
        await until(lambda: len(looks) > 20 or watching.done(), lambda: str(watching))
        assert not watching.done()
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    # It is said once, not with each look.
    assert len([record for record in caplog.records if "invalid literal" in record.getMessage()]) == 1
    assert "invalid literal" in owner._pools["live"].status().detail


def test_a_beat_that_the_filesystem_refuses_is_one_that_is_late(tmp_path, monkeypatch):
    (tmp_path / "f.json").write_text("{}")

    def stale(*_):
        raise OSError(errno.ESTALE, "Stale file handle")

    monkeypatch.setattr(os, "utime", stale)
    identity.beat(tmp_path / "f.json")


class Handlers:
    """A scheduler that is given handlers."""

    def __init__(self):
        self.handlers, self.tasks, self.clients, self.workers = {}, {}, {}, {}

    def add_plugin(self, plugin):
        pass


def test_a_ticket_of_a_scheduler_that_has_gone_is_none_of_the_next_one():
    first, second = Mailbox(Handlers()), Mailbox(Handlers())
    old, new = first.ask({"nodes": 0}), second.ask({"nodes": 4})
    # What the owner answers to the request of before must be nobody's answer here.
    second.exchange({}, {old: {"said": "Pool live ends."}})
    assert second.answer(new) is None


async def test_words_of_the_scheduler_without_an_end_of_line_are_read_away():
    stream = asyncio.StreamReader()
    stream.feed_data(b"x" * 300_000)
    stream.feed_eof()
    await _drain(stream)


def test_a_request_is_told_again_until_it_is_answered():
    mailbox = Mailbox(Handlers())
    ticket = mailbox.ask({"nodes": 2})
    orders = [{"ticket": ticket, "request": {"nodes": 2}}]
    # The owner did not hear the first of these.
    assert mailbox.exchange({}, {})["orders"] == mailbox.exchange({}, {})["orders"] == orders
    assert mailbox.exchange({}, {ticket: {"said": "done"}})["orders"] == []
    assert mailbox.answer(ticket) == {"said": "done"}


async def test_a_request_that_is_told_again_is_carried_out_once(owner):
    asked = []

    async def take(request):
        asked.append(request)
        raise OverflowError("cannot convert float infinity to integer")

    owner._take = take
    order = {"ticket": "a1", "request": {"nodes": 2}}
    for _ in range(3):
        owner._hear({**QUIET, "orders": [order]})
    await asyncio.gather(*owner._asking)
    assert len(asked) == 1
    # Whatever it is, there is an answer.
    assert owner._answers == {"a1": {"error": "cannot convert float infinity to integer"}}
    owner._scheduler = Scheduler()
    owner._scheduler.alive = True
    await talks(owner, lambda: owner._scheduler.told)
    owner._hear({**QUIET, "orders": [order]})
    assert len(owner._asking) == 1


async def test_a_pool_for_which_something_fails_keeps_no_other_waiting(owner, tmp_path):
    async def fails(*_):
        raise ValueError("invalid literal for int()")

    owner._pools["live"].act = fails
    owner._pools["other"] = pool_of(tmp_path)
    with pytest.raises(ValueError, match="invalid literal"):
        await owner._step()
    assert [job["id"] for job in owner._pools["other"].record()["jobs"]] == ["1.pbs"]
