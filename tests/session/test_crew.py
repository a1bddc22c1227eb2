"""Suggestions are of the running scan, the newest only, and leave with it."""

import asyncio

import pytest
import xarray as xr

from steering.core import registry
from steering.core.action import SetParameter
from steering.core.agent import Suggestion
from steering.core.board import Board
from steering.core.errors import SteeringError
from steering.core.result import Outcome, Provenance, Result
from steering.core.status import BeamlineStatus
from steering.session.crew import Crew
from steering.session.notices import Notices


class Counts:
    """Suggests an exposure that depends on the newest result."""

    name = "counts"

    def __init__(self):
        self.count = 0

    def ingest(self, result, parameters):
        self.count = result.provenance.frames

    def suggest(self):
        return [Suggestion(SetParameter("exposure", float(self.count)), f"{self.count} frames", "counts")]


class Client:
    """Refuses every proposal with a sentence."""

    fails = True

    async def propose(self, action, **about):
        if self.fails:
            raise SteeringError("The beamline service does not answer.")


@pytest.fixture
def crew(monkeypatch):
    monkeypatch.setattr(registry, "names", lambda kind: ["counts"])
    monkeypatch.setattr(registry, "load", lambda kind, name: Counts)
    board, client = Board(), Client()
    made = Crew(client, board, Notices(board.notice))
    made.client = client
    return made


def result(frames, run="a"):
    return Result(frames, Outcome({}, xr.Dataset()), Provenance(run, "counts", {}, "", "", "local", frames, frames - 1))


def scanning(crew, run="a"):
    crew._board.status.set(BeamlineStatus("running", run=run))


def turn(crew, newest):
    """Let each agent look once at a newest result, and return what is shown then."""

    async def once():
        crew.ingest(newest)
        running = asyncio.create_task(crew.run())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not crew._news.is_set()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(once())
    return [one.action.value for one in crew._board.suggestions.value]


def test_only_the_newest_suggestion_of_an_agent_is_shown(crew):
    scanning(crew)
    crew.set_mode("counts", "suggest")
    assert turn(crew, result(1)) == [1.0]
    assert turn(crew, result(2)) == [2.0]


def test_a_suggestion_leaves_with_its_run_and_is_not_made_for_another(crew):
    scanning(crew)
    crew.set_mode("counts", "suggest")
    turn(crew, result(1))
    scanning(crew, "b")
    crew.look()
    assert crew._board.suggestions.value == ()
    assert turn(crew, result(1, "a")) == []


def test_a_suggestion_leaves_with_its_mode(crew):
    scanning(crew)
    crew.set_mode("counts", "suggest")
    turn(crew, result(1))
    crew.set_mode("counts", "off")
    assert crew._board.suggestions.value == ()


def test_what_is_dismissed_or_accepted_is_there_once(crew):
    scanning(crew)
    crew.set_mode("counts", "suggest")
    turn(crew, result(1))
    (one,) = crew._board.suggestions.value
    crew.forget(one)
    assert crew._board.suggestions.value == ()
    with pytest.raises(SteeringError, match="does not hold any more"):
        crew.forget(one)


def test_an_agent_that_cannot_propose_is_said_until_it_can(crew):
    scanning(crew)
    crew.set_mode("counts", "automatic")
    turn(crew, result(1))
    assert crew._board.notice.value == "The agent counts could not propose: The beamline service does not answer."
    crew.client.fails = False
    turn(crew, result(2))
    assert crew._board.notice.value == ""


def test_an_unknown_agent_or_mode_is_said(crew):
    with pytest.raises(SteeringError, match=r"There is no agent 'nobody'\. Installed: counts"):
        crew.set_mode("nobody", "off")
    with pytest.raises(SteeringError, match=r"There is no mode 'on'\. Allowed: off, suggest, automatic"):
        crew.set_mode("counts", "on")
