"""What a follower hands on, and to whom."""

import asyncio
from types import SimpleNamespace

from steering.core.binding import Binding
from steering.core.board import Board
from steering.core.errors import SteeringError
from steering.core.source import RunStarted
from steering.core.status import BeamlineStatus
from steering.session import board_writer
from steering.session.board_writer import BoardWriter


def test_what_comes_late_of_a_run_before_is_no_reason_to_steer_this_one():
    given, shown = [], []
    follower = BoardWriter.__new__(BoardWriter)
    follower._shown_source = SimpleNamespace(publish=lambda followed, result: shown.append(result))
    follower._agents = SimpleNamespace(ingest=lambda result, main, alarms: given.append(result))
    follower._news, follower._record = asyncio.Event(), None
    follower._documents = SimpleNamespace(labels=("curve",), run="now", alarms_of=lambda label: ())
    of = {run: SimpleNamespace(provenance=SimpleNamespace(run=run, label="curve")) for run in ("before", "now")}
    for result in of.values():
        follower._publish(follower._documents, result)
    assert shown == [of["before"], of["now"]]
    assert given == [of["now"]]


async def test_results_for_a_record_that_has_gone_with_its_service_are_not_waited_for(monkeypatch):
    monkeypatch.setattr(board_writer, "_GONE_SECONDS", 0.01)
    gives_up, asked = board_writer.Event(), []

    async def status():
        asked.append("status")
        if len(asked) > 2:
            raise SteeringError("It does not answer.")

    follower = BoardWriter.__new__(BoardWriter)
    follower._record_gone = gives_up
    follower._client = SimpleNamespace(status=status)
    # As the keeper waits while the record is asked again and again in a thread of its own.
    follower._keeper = SimpleNamespace(written=lambda: asyncio.to_thread(gives_up.wait, 60))
    async with asyncio.timeout(20):
        await follower.until_written()
    assert len(asked) >= 3


def test_an_analysis_that_cannot_be_made_is_named_and_takes_no_other_one_away(monkeypatch):
    def make(binding):
        if binding.label == "strange":
            raise RuntimeError("no such panel")
        return binding.label

    monkeypatch.setattr(board_writer, "make_analysis", make)
    told = []
    follower = BoardWriter.__new__(BoardWriter)
    follower._bindings = {"run": (Binding("strange", "theirs"), Binding("curve", "rocking_curve"))}
    follower._companions = {}
    follower._notices = SimpleNamespace(say=lambda cause, sentence: told.append(sentence))
    assert follower._choose(RunStarted("run", "scan", 1e9)) == {"curve": "curve"}
    assert told == ["The analysis strange cannot be made: no such panel (runtime error)."]


async def test_a_scan_that_is_over_before_anybody_looked_is_not_waited_for():
    async def start(scan, values, continues):
        # Meanwhile news come: it has ended, and somebody has started another one.
        follower._ended["short"] = "success"
        follower._board.status.set(BeamlineStatus("running", run="next"))
        follower._news.set()
        return "short"

    follower = BoardWriter.__new__(BoardWriter)
    follower._client, follower._board = SimpleNamespace(start=start), Board()
    follower._ended, follower._news = {}, asyncio.Event()
    async with asyncio.timeout(5):
        assert await follower.begin("tune", {}) == "short"
