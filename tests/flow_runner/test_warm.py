"""Facilities that a flow process keeps: each is reached once, whoever asks first."""

import asyncio

import pytest

from steering.core import registry
from steering.core.errors import SteeringError
from steering.flow_steps.warm import WarmFacilities


class Far:
    """A facility that takes its time to be reached, and counts."""

    made = ()

    def __init__(self, workspace):
        self.started = self.attached = self.detached = 0
        Far.made = (*Far.made, self)

    async def start(self):
        await asyncio.sleep(0.05)
        self.started += 1

    async def launch(self):
        await asyncio.sleep(0.05)

    async def attach(self):
        self.attached += 1

    async def detach(self):
        self.detached += 1


@pytest.fixture
def facilities(monkeypatch, workspace):
    monkeypatch.setattr(registry, "load", lambda kind, name: Far)
    monkeypatch.setattr(Far, "made", ())
    with WarmFacilities(workspace) as made:
        yield made
    assert [one.detached for one in Far.made] == [1] * len(Far.made)


def ask(facilities, **how):
    return facilities.do(facilities.facility("far", **how), lambda: None)


def test_two_flows_that_ask_at_once_have_the_same_facility(facilities):
    async def both():
        return await asyncio.gather(*(facilities.facility("far") for _ in range(3)))

    facilities.warm("far")
    found = facilities.do(both(), lambda: None)
    assert len({id(one) for one in found}) == len(Far.made) == 1
    assert Far.made[0].started == 1


def test_who_wants_the_usual_pool_has_it_also_where_somebody_came_before_who_did_not(facilities):
    first = ask(facilities, pool=False)
    assert (first.started, first.attached) == (0, 1)
    assert ask(facilities) is first
    assert ask(facilities) is first
    assert first.started == 1
    assert ask(facilities, pool=False) is first
    assert (first.started, first.attached) == (1, 1)


def test_one_that_could_not_be_reached_is_tried_again(facilities, monkeypatch):
    async def refused(self):
        raise SteeringError("It does not answer.")

    with monkeypatch.context() as away:
        away.setattr(Far, "start", refused)
        facilities.warm("far")
        with pytest.raises(SteeringError, match="does not answer"):
            ask(facilities)
        monkeypatch.setattr(Far, "made", ())
    assert ask(facilities).started == 1
