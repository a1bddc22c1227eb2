"""The kits for sources, facilities and panels find what is broken."""

import contextlib
import math
from dataclasses import replace
from types import SimpleNamespace

import pytest

from steering.core import registry
from steering.core.board import Board
from steering.core.pool import JobStatus, PoolStatus
from steering.testing import ContractError, InlineFacility, check_facility, check_fed_source, check_panel
from steering.testing.inline import InlineRemote
from tests.documents import documents_of_a_run

DOCUMENTS = documents_of_a_run(12)


class Altered:
    """A source that is right but for what a function makes of its items."""

    def __init__(self, change, count=lambda rejected: rejected):
        self._right = registry.load("sources", registry.names("sources")[0])()
        self._change, self._count = change, count
        self.feed, self.close = self._right.feed, self._right.close

    @property
    def rejected(self):
        return self._count(self._right.rejected)

    @property
    def last_rejection(self):
        return self._right.last_rejection

    async def items(self):
        kept = []
        async for item in self._right.items():
            for changed in self._change(item, kept):
                yield changed
            kept.append(item)


def block(item):
    return hasattr(item, "place")


ALTERED = {
    "no start": (lambda item, kept: [item] if kept else [], "not the run's start"),
    "no end": (lambda item, kept: [] if hasattr(item, "status") else [item], "not the run's end"),
    "frames lost": (
        lambda item, kept: [replace(item, start=3, stop=item.stop + 3)] if block(item) else [item],
        "is fol",
    ),
    "a block twice": (lambda item, kept: [item, item] if block(item) else [item], "is followed by"),
    "all blocks lost": (lambda item, kept: [] if block(item) else [item], "0 of 12 frames came"),
}


@pytest.mark.parametrize(("change", "words"), ALTERED.values(), ids=ALTERED)
async def test_a_broken_source_is_found(change, words):
    with pytest.raises(ContractError, match=words):
        await check_fed_source(lambda: Altered(change), DOCUMENTS, 12)


async def test_a_source_that_hides_what_was_malformed_is_found():
    with pytest.raises(ContractError, match="malformed documents are not counted"):
        await check_fed_source(lambda: Altered(lambda item, kept: [item], lambda rejected: 0), DOCUMENTS, 12)


class Recomputing(InlineFacility):
    def submit(self, key, function, *arguments, priority=0, pool=""):
        self._known.pop(key, None)
        return super().submit(key, function, *arguments)


class Optimistic(InlineFacility):
    async def start(self):
        pass


class Immortal(InlineFacility):
    async def close(self):
        pass


class Careless(InlineFacility):
    def submit(self, key, function, *arguments, priority=0, pool=""):
        found = super().submit(key, function, *arguments)
        return InlineRemote(found.key, found.value, None)


class Literal(InlineFacility):
    @staticmethod
    def _compute(key, function, arguments):
        try:
            return InlineRemote(key, function(*arguments), None)
        except TypeError as error:
            return InlineRemote(key, 0, None if "unsupported" in str(error) else error)


class Deaf(InlineFacility):
    async def call(self, function, *arguments, patience):
        with contextlib.suppress(ValueError):
            return await super().call(function, *arguments, patience=patience)


class Forgetful(InlineFacility):
    async def call(self, function, *arguments, patience):
        return await super().call(function, *(0 for _ in arguments), patience=patience)


class OnceClosed(InlineFacility):
    closed = 0

    async def close(self):
        await super().close()
        self.closed += 1
        if self.closed > 1:
            raise ContractError("closed before")


class Pooled(InlineFacility):
    """A facility with one job, of which it says what a test likes."""

    job = JobStatus("7", 0, "running", nodes=("n1",), workers=1, workers_wanted=1, started=1.0)
    state = "running"

    async def status(self):
        known = await super().status()
        if known.state == "stopped":
            return known
        pool = PoolStatus("live", "", "live", "because", self.state, "", 1, 1, (self.job,))
        return replace(known, pools=(pool,))


class Nowhere(Pooled):
    job = replace(Pooled.job, nodes=())


class Timeless(Pooled):
    job = replace(Pooled.job, started=math.nan)


class Crowded(Pooled):
    job = replace(Pooled.job, workers=2)


class Early(Pooled):
    job = replace(Pooled.job, state="queued", nodes=(), started=math.nan)


class Silent(Pooled):
    job = JobStatus("7", 0, "failed")
    state = "starting"


async def test_a_facility_with_a_truthful_pool_passes():
    await check_facility(Pooled())


async def test_a_facility_that_is_never_at_strength_is_found():
    class Weak(Pooled):
        state = "short"

    with pytest.raises(ContractError, match=r"does not have its workers 0\.2 s after it was started"):
        await check_facility(Weak(), patience=0.2)


async def test_a_facility_that_does_not_replace_what_died_is_found():
    with pytest.raises(ContractError, match=r"does not have its workers 0\.2 s after a worker was killed"):
        await check_facility(Pooled(), {"a worker was killed": lambda status: None}, patience=0.2)


async def test_a_facility_that_comes_back_smaller_is_found():
    class Shrinking(Pooled):
        lost = False

        async def status(self):
            known = await super().status()
            names = ("b",) if self.lost else ("a", "b")
            workers = tuple(replace(worker, name=name) for worker in known.workers for name in names)
            jobs = (replace(self.job, workers=len(names), workers_wanted=2),)
            return replace(known, workers=workers, pools=tuple(replace(pool, jobs=jobs) for pool in known.pools))

    facility = Shrinking()
    with pytest.raises(ContractError, match="has 1 workers after a worker was killed, and had 2"):
        await check_facility(facility, {"a worker was killed": lambda status: setattr(facility, "lost", True)})


FACILITIES = {
    Nowhere: "is running, but on no node",
    Timeless: "is running, but was never started",
    Crowded: "has 2 of 1 workers",
    Early: "is queued, but has 1 workers",
    Silent: "failed without a reason",
    Recomputing: "computes a key twice",
    Optimistic: "'stopped' after it was started",
    Immortal: "'running' after it was closed",
    Careless: "loses a task's error",
    Literal: r"computes 1 \+ 2 \+ 4 wrongly",
    Deaf: "loses a call's error",
    Forgetful: r"computes 1 \+ 2 \+ 4 wrongly when it is called",
    OnceClosed: "closed before",
}


@pytest.mark.parametrize(("make", "words"), FACILITIES.items(), ids=lambda item: getattr(item, "__name__", ""))
async def test_a_broken_facility_is_found(make, words):
    with pytest.raises(ContractError, match=words):
        await check_facility(make())


class Panel:
    """A panel that shows the beamline's state."""

    def __init__(self, desk):
        self.widget = object()
        self._status, self._seen, self.closed = desk.board.status, -1, False

    def refresh(self):
        news = self._status.newer(self._seen)
        if news is None:
            return False
        self._seen = news[0]
        return True

    def close(self):
        self.closed = True


class Restless(Panel):
    def refresh(self):
        return True


class Mute(Panel):
    def refresh(self):
        super().refresh()


class Bare(Panel):
    def __init__(self, desk):
        super().__init__(desk)
        del self.widget


def test_a_panel_that_pulls_keeps_the_contract():
    check_panel(Panel, SimpleNamespace(board=Board()))


@pytest.mark.parametrize(("make", "words"), [(Restless, "returns True"), (Mute, "returns None"), (Bare, "no widget")])
def test_a_broken_panel_is_found(make, words):
    with pytest.raises(ContractError, match=words):
        check_panel(make, SimpleNamespace(board=Board()))
