"""Suggestions are of the running scan, the newest only, and leave with it."""

import asyncio
import math
import threading
import time

import pytest
import xarray as xr

from steering.advice import runner as module
from steering.advice.kept_modes import keep_modes, told_of
from steering.advice.runner import AgentRunner
from steering.agents.watch import Watch
from steering.contract.alarm import Alarm
from steering.core import registry
from steering.core.action import Pause, SetParameter
from steering.core.agent import Suggestion
from steering.core.binding import AgentBinding, Binding
from steering.core.board import Board
from steering.core.errors import SteeringError
from steering.core.parameter import Parameter
from steering.core.result import Feature, Outcome, Provenance, Result
from steering.core.status import BeamlineStatus, ScanDescription
from steering.core.workspace import Workspace
from steering.machine.kept_layout import keep_layout
from steering.session.notices import Notices
from steering.testing import waiting


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
def runner(monkeypatch):
    monkeypatch.setattr(registry, "names", lambda kind: ["counts"])
    monkeypatch.setattr(registry, "load", lambda kind, name: Counts)
    board, client = Board(), Client()
    made = AgentRunner(client, board, Notices(board.notice).say)
    made.client = client
    return made


def result(frames, run="a"):
    return Result(frames, Outcome({}, xr.Dataset()), Provenance(run, "counts", {}, "", "", "local", frames, frames - 1))


def scanning(runner, run="a"):
    runner._board.status.set(BeamlineStatus("running", run=run))


def turn(runner, newest):
    """Let each agent look once at a newest result, and return what is shown then."""

    async def once():
        # Each turn has an event loop of its own.
        runner._news = asyncio.Event()
        for seat in runner._seats.values():
            seat.turn = None
        runner.ingest(newest)
        running = asyncio.create_task(runner.run())
        await until(lambda: not runner._news.is_set() and all(asked(seat) for seat in runner._seats.values()))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(once())
    return [one.action.value for one in runner._board.suggestions.value]


async def until(condition):
    await waiting.until(condition, lambda: "it did not come to hold")


def asked(seat):
    return seat.turn is not None and seat.turn.done()


def test_only_the_newest_suggestion_of_an_agent_is_shown(runner):
    scanning(runner)
    runner.set_mode("counts", "suggest")
    assert turn(runner, result(1)) == [1.0]
    assert turn(runner, result(2)) == [2.0]


def test_a_suggestion_leaves_with_its_run_and_is_not_made_for_another(runner):
    scanning(runner)
    runner.set_mode("counts", "suggest")
    turn(runner, result(1))
    scanning(runner, "b")
    runner.look()
    assert runner._board.suggestions.value == ()
    assert turn(runner, result(1, "a")) == []


def test_a_suggestion_leaves_with_its_mode(runner):
    scanning(runner)
    runner.set_mode("counts", "suggest")
    turn(runner, result(1))
    runner.set_mode("counts", "off")
    assert runner._board.suggestions.value == ()


class Once(Counts):
    """Suggests something at its first result only."""

    def suggest(self):
        suggestions = super().suggest() if not getattr(self, "said", False) else []
        self.said = True
        return suggestions


@pytest.mark.parametrize(("first", "still", "gone"), [(1, 21, 22), (100, 150, 151)])
def test_a_suggestion_that_is_not_made_again_goes_when_the_data_have_moved_on(runner, first, still, gone, monkeypatch):
    monkeypatch.setattr(module, "READING", 0.0)
    runner._seats["counts"].agent = Once()
    scanning(runner)
    runner.set_mode("counts", "suggest")
    assert turn(runner, result(first)) == [float(first)]
    assert turn(runner, result(still)) == [float(first)]
    assert turn(runner, result(gone)) == []


def test_a_fast_scan_leaves_a_person_time_to_read_a_suggestion(runner):
    runner._seats["counts"].agent = Once()
    scanning(runner)
    runner.set_mode("counts", "suggest")
    assert turn(runner, result(1)) == [1.0]
    assert turn(runner, result(1000)) == [1.0]
    # Its time is over.
    runner._seats["counts"].said_at -= module.READING + 1
    assert turn(runner, result(1001)) == []


def test_a_suggestion_says_who_made_it_and_when(runner):
    scanning(runner)
    runner.set_mode("counts", "suggest")
    before = time.time()
    turn(runner, result(1))
    (one,) = runner._board.suggestions.value
    assert one.agent == "counts"
    assert before <= one.made_at <= time.time()


class Quiet(Counts):
    """Has something to say of some results only."""

    def suggest(self):
        return [] if self.count % 10 in (1, 2, 3) else super().suggest()


@pytest.mark.parametrize("mode", ["suggest", "automatic"])
def test_what_an_agent_came_to_say_stays_with_the_run_once_for_as_long_as_it_says_it(runner, mode):
    runner._seats["counts"].agent = Quiet()
    scanning(runner)
    runner._board.status.set(BeamlineStatus("running", run="a", points_done=7))
    runner.set_mode("counts", mode)
    for frames in (4, 5, 6, 11, 12, 14, 15):
        turn(runner, result(frames))
    advice = runner._board.advice.value
    assert {one.run for one in advice} == {"a"}
    assert [(one.agent, one.frames, one.point, one.reason) for one in advice] == [
        ("counts", 4, 7, "4 frames"), ("counts", 14, 7, "14 frames"),
    ]  # fmt: skip
    runner.begin(())
    assert runner._board.advice.value == ()


def test_of_an_agent_that_says_too_much_the_newest_is_kept(runner, monkeypatch):
    monkeypatch.setattr(module, "_MOST_ADVICE", 3)
    runner._seats["counts"].agent = Quiet()
    scanning(runner)
    runner.set_mode("counts", "suggest")
    for frames in range(1, 61):
        turn(runner, result(frames))
    assert [one.frames for one in runner._board.advice.value] == [34, 44, 54]


def test_what_is_dismissed_or_accepted_is_there_once(runner):
    scanning(runner)
    runner.set_mode("counts", "suggest")
    turn(runner, result(1))
    (one,) = runner._board.suggestions.value
    runner.forget(one)
    assert runner._board.suggestions.value == ()
    with pytest.raises(SteeringError, match="does not hold any more"):
        runner.forget(one)


def test_an_agent_that_cannot_propose_is_said_until_it_can(runner):
    scanning(runner)
    runner.set_mode("counts", "automatic")
    turn(runner, result(1))
    assert runner._board.notice.value == "The agent counts could not propose: The beamline service does not answer."
    runner.client.fails = False
    turn(runner, result(2))
    assert runner._board.notice.value == ""


class Two(Counts):
    """Suggests two things at once."""

    def suggest(self):
        return [*super().suggest(), Suggestion(Pause(), "and wait", "counts")]


@pytest.mark.parametrize("what", ["off", "another run", "the end"])
def test_of_what_an_automatic_agent_suggests_at_once_nothing_is_proposed_once_it_may_not(runner, what):
    runner._seats["counts"].agent = Two()
    scanning(runner)
    runner.set_mode("counts", "automatic")
    proposed = []

    async def propose(action, **about):
        proposed.append(action)
        if what == "off":
            runner.set_mode("counts", "off")
        elif what == "another run":
            scanning(runner, "b")
        else:
            runner._board.status.set(BeamlineStatus("idle", run="a"))

    runner.client.propose = propose
    turn(runner, result(1))
    assert proposed == [SetParameter("exposure", 1.0)]


class OnceTwo(Two):
    """Suggests two things at its first result only."""

    said = False

    def suggest(self):
        suggestions, self.said = [] if self.said else super().suggest(), True
        return suggestions


@pytest.mark.parametrize("meanwhile", ["nothing", "off", "another run", "a minute"])
def test_what_a_lost_link_kept_back_is_proposed_with_the_next_result_under_its_id(runner, meanwhile, monkeypatch):
    runner._seats["counts"].agent = OnceTwo()
    scanning(runner)
    runner.set_mode("counts", "automatic")
    tried, fails = [], [True]

    async def propose(action, **about):
        tried.append((action, about["id"]))
        if fails:
            raise SteeringError("The beamline service does not answer.")

    runner.client.propose = propose
    turn(runner, result(1))
    assert [action for action, _ in tried] == [SetParameter("exposure", 1.0)]
    turn(runner, result(2))
    assert tried[1] == tried[0], "still lost"
    if meanwhile == "off":
        runner.set_mode("counts", "off")
        runner.set_mode("counts", "automatic")
    elif meanwhile == "another run":
        scanning(runner, "b")
    elif meanwhile == "a minute":
        now = time.time()
        monkeypatch.setattr(module.time, "time", lambda: now + module.READING)
    fails.clear()
    del tried[1:]
    turn(runner, result(4, "b" if meanwhile == "another run" else "a"))
    if meanwhile != "nothing":
        assert len(tried) == 1
        return
    assert tried[1] == tried[0]
    assert [action for action, _ in tried[1:]] == [SetParameter("exposure", 1.0), Pause()]
    turn(runner, result(5))
    assert len(tried) == 3
    assert runner._board.notice.value == ""


def test_an_unknown_agent_or_mode_is_said(runner):
    with pytest.raises(SteeringError, match=r"There is no agent 'nobody'\. Here are: counts"):
        runner.set_mode("nobody", "off")
    with pytest.raises(SteeringError, match=r"There is no mode 'on'\. Allowed: off, suggest, automatic"):
        runner.set_mode("counts", "on")


class Odd(Counts):
    """Does what its parameter says."""

    name = "odd"
    free = threading.Event()

    def __init__(self, way=""):
        super().__init__()
        self.way = way

    def suggest(self):
        if self.way == "raises":
            raise ZeroDivisionError("no width")
        if self.way == "hangs":
            self.free.wait(60)
        strange = {"nonsense": [1, "a"], "nothing": None, "no action": [Suggestion({"kind": "set"}, "why")]}
        return strange.get(self.way, super().suggest())


@pytest.fixture
def mixed(monkeypatch):
    """Two good agents, and one that does something odd."""
    monkeypatch.setattr(registry, "names", lambda kind: ["counts"])
    monkeypatch.setattr(registry, "load", lambda kind, name: {"counts": Counts, "odd": Odd}[name])
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    board = Board()
    return AgentRunner(Client(), board, Notices(board.notice).say)


def labelled(label, frames, run="a"):
    source = Provenance(run, "counts", {}, "", "", "local", frames, frames - 1, label=label)
    return Result(frames, Outcome({}, xr.Dataset()), source)


@pytest.mark.parametrize(
    ("way", "sentence"),
    [
        ("raises", "The agent second failed: no width (zero division error)."),
        ("nonsense", "The agent second returned 1, which is no Suggestion of an action. It is left out."),
        ("no action", "The agent second returned Suggestion(action={'kind': 'set'}, reason='"),
        ("nothing", "The agent second failed: "),
        ("hangs", "The agent second has not answered for 0.05 s. The scan goes on."),
    ],
)
async def test_an_agent_that_goes_wrong_is_named_and_costs_the_others_nothing(mixed, way, sentence):
    Odd.free.clear()
    scanning(mixed)
    mixed.begin([AgentBinding("first", "counts"), AgentBinding("second", "odd", "", {"way": way})])
    for label in ("first", "second"):
        mixed.set_mode(label, "suggest")
    running = asyncio.create_task(mixed.run())
    try:
        mixed.ingest(labelled("main", 1), "main")
        await until(lambda: sentence in mixed._board.notice.value)
        mixed.ingest(labelled("main", 2), "main")
        await until(lambda: [one.action.value for one in mixed._board.suggestions.value] == [2.0])
        # Another scan, which does not name it: nothing is left of it.
        mixed.begin([])
        assert mixed._board.notice.value == ""
        assert list(mixed._board.modes.value) == ["counts"]
    finally:
        Odd.free.set()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_an_agent_that_hung_goes_on_with_the_newest_result(mixed):
    Odd.free.clear()
    scanning(mixed)
    mixed.begin([AgentBinding("odd", "odd", "", {"way": "hangs"})])
    mixed.set_mode("odd", "suggest")
    running = asyncio.create_task(mixed.run())
    try:
        for frames in (1, 2, 3):
            mixed.ingest(labelled("main", frames), "main")
            await until(lambda: "has not answered" in mixed._board.notice.value)
        Odd.free.set()
        await until(lambda: [one.action.value for one in mixed._board.suggestions.value] == [3.0])
        assert mixed._board.notice.value == ""
    finally:
        Odd.free.set()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_an_agent_looks_at_the_analysis_that_it_is_bound_to(mixed):
    scanning(mixed)
    mixed.begin([AgentBinding("main", "counts"), AgentBinding("other", "counts", "spot")])
    for label in ("main", "other"):
        mixed.set_mode(label, "suggest")
    running = asyncio.create_task(mixed.run())
    try:
        mixed.ingest(labelled("spot", 7), "curve")
        await until(lambda: [one.action.value for one in mixed._board.suggestions.value] == [7.0])
        mixed.ingest(labelled("curve", 5), "curve")
        await until(lambda: sorted(one.action.value for one in mixed._board.suggestions.value) == [5.0, 7.0])
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def measured(value, frames, run="a"):
    source = Provenance(run, "xpcs", {}, "", "", "local", frames, frames - 1, label="xpcs")
    return Result(frames, Outcome({"damage": Feature(value, 1.0, "%")}, xr.Dataset()), source)


@pytest.fixture
def watched(monkeypatch, tmp_path):
    kinds = {"counts": Counts, "watch": Watch}
    monkeypatch.setattr(registry, "names", lambda kind: ["counts"])
    monkeypatch.setattr(registry, "load", lambda kind, name: kinds[name])
    board = Board()
    return AgentRunner(Client(), board, Notices(board.notice).say, Workspace(tmp_path))


async def test_an_alarm_that_an_analysis_declares_is_said_without_anything_being_set(watched):
    alarms = (Alarm("damage", low=-5.0, sure=3.0), Alarm("tau0", high=1.0))
    scanning(watched)
    watched.begin([])
    running = asyncio.create_task(watched.run())
    try:
        watched.ingest(measured(-6.0, 1), "xpcs", alarms)
        assert watched._board.modes.value == {"counts": "off", "xpcs-alarms": "suggest"}
        watched.ingest(measured(-9.0, 2), "xpcs", alarms)
        await until(lambda: watched._board.suggestions.value)
        (said,) = watched._board.suggestions.value
        assert (said.agent, said.action, said.reason) == ("xpcs-alarms", Pause(), "damage is -9 %, below -5 %")
        assert watched._board.advice.value == (said,), "marked on the plots, and told by the page"
        # A person's choice holds for the next run of that analysis too.
        watched.set_mode("xpcs-alarms", "off")
        watched.begin([])
        scanning(watched, "b")
        watched.ingest(measured(-9.0, 1, "b"), "xpcs", alarms)
        assert watched._board.modes.value["xpcs-alarms"] == "off"
        # Another scan declares none.
        watched.begin([])
        assert list(watched._board.modes.value) == ["counts"]
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def test_whoever_watches_alarms_may_be_given_a_mode_before_the_first_result(watched):
    scan = ScanDescription("series", "", (), (), (Binding("xpcs", "xpcs"),))
    watched.know([scan])
    assert list(watched._board.modes.value) == ["counts"], "whether it declares any is not known yet"
    watched.set_mode("xpcs-alarms", "automatic")
    watched.begin([])
    watched.ingest(measured(0.0, 1), "xpcs", (Alarm("damage", low=-5.0),))
    assert watched._board.modes.value["xpcs-alarms"] == "automatic"
    with pytest.raises(SteeringError, match="There is no agent 'curve-alarms'"):
        watched.set_mode("curve-alarms", "off")


def test_an_agent_that_a_scan_calls_so_is_not_replaced(watched):
    watched.begin([AgentBinding("xpcs-alarms", "counts")])
    watched.ingest(measured(0.0, 1), "xpcs", (Alarm("damage", low=-5.0),))
    assert isinstance(watched._seats["xpcs-alarms"].agent, Counts)
    assert watched._board.modes.value["xpcs-alarms"] == "off"


def test_an_alarm_on_a_feature_that_is_misspelt_is_said_until_the_next_run(watched):
    watched.begin([])
    watched.ingest(measured(0.0, 1), "xpcs", (Alarm("damge", low=-5.0), Alarm("tau0", high=1.0)))
    sentence = "An alarm of xpcs is on 'damge', which its results do not have. Did you mean damage?"
    assert watched._board.notice.value == sentence
    watched.begin([])
    assert watched._board.notice.value == ""
    # What may come yet is not asked about.
    watched.ingest(measured(0.0, 1), "xpcs", (Alarm("tau0", high=1.0),))
    assert watched._board.notice.value == ""


def test_alarms_are_no_agents_that_a_new_session_would_have_to_set_again(watched, tmp_path):
    watched.begin([])
    watched.ingest(measured(0.0, 1), "xpcs", (Alarm("damage", low=-5.0),))
    watched.set_mode("counts", "suggest")
    watched.set_mode("counts", "off")
    board = Board()
    AgentRunner(Client(), board, Notices(board.notice).say, Workspace(tmp_path))
    assert board.notice.value == ""


def test_alarms_that_are_declared_anew_are_watched_for(watched):
    watched.begin([])
    watched.ingest(measured(0.0, 1), "xpcs", (Alarm("damage", low=-5.0),))
    before = watched._seats["xpcs-alarms"]
    watched.ingest(measured(0.0, 2), "xpcs", (Alarm("damage", low=-5.0),))
    assert watched._seats["xpcs-alarms"] is before
    watched.ingest(measured(0.0, 3), "xpcs", (Alarm("damage", low=-9.0),))
    assert watched._seats["xpcs-alarms"] is not before


def test_the_mode_of_an_agent_of_a_scan_may_be_set_before_it_is_started(mixed):
    mixed.know([ScanDescription("s", "", (), (), (), (AgentBinding("mine", "counts"),))])
    assert mixed._board.modes.value == {"counts": "off", "mine": "off"}
    mixed.set_mode("mine", "suggest")
    mixed.begin([AgentBinding("mine", "counts")])
    assert mixed._board.modes.value == {"counts": "off", "mine": "suggest"}
    mixed.begin([])
    assert mixed._board.modes.value == {"counts": "off", "mine": "suggest"}


@pytest.mark.parametrize("steers", [("centre", "exposure"), ["centre", "exposure"], None, "exposure", 7, (3,)])
def test_an_agent_that_can_do_nothing_in_a_scan_is_said_to(mixed, monkeypatch, steers):
    if steers is not None:
        monkeypatch.setattr(Counts, "steers", steers, raising=False)
    mixed.look()
    assert mixed._board.idle.value == {}, "no scan has been started yet"
    lacking = (Parameter("exposure", "s", 0.1, 0.0, 1.0),)
    mixed._board.status.set(BeamlineStatus("running", scan="map", run="a", parameters=lacking))
    mixed.look()
    named = isinstance(steers, tuple | list) and len(steers) == 2
    sentence = "It steers centre and exposure, which this scan does not have."
    assert mixed._board.idle.value == ({"counts": sentence} if named else {})
    having = (*lacking, Parameter("centre", "deg", 0.1, 0.0, 1.0))
    mixed._board.status.set(BeamlineStatus("running", scan="rocking", run="b", parameters=having))
    mixed.look()
    assert mixed._board.idle.value == {}


def test_an_agent_that_cannot_be_made_is_named(mixed):
    mixed.begin([AgentBinding("odd", "odd", "", {"speed": 3}), AgentBinding("first", "counts")])
    assert "The agent odd has no parameter 'speed'. It takes: way." in mixed._board.notice.value
    assert list(mixed._board.modes.value) == ["counts", "first"]


def test_a_new_session_says_once_which_agents_were_on_in_the_last_one(monkeypatch, tmp_path):
    monkeypatch.setattr(registry, "names", lambda kind: ["counts"])
    monkeypatch.setattr(registry, "load", lambda kind, name: Counts)
    workspace = Workspace(tmp_path)

    def opened():
        board = Board()
        return AgentRunner(Client(), board, Notices(board.notice).say, workspace), board

    first, board = opened()
    assert board.notice.value == ""
    first.set_mode("counts", "automatic")
    second, board = opened()
    assert board.modes.value == {"counts": "off"}
    assert "Before it were counts on “automatic”" in board.notice.value
    second.set_mode("counts", "suggest")
    assert board.notice.value == ""
    _, board = opened()
    assert "counts on “suggest”" in board.notice.value
    # It was told.
    assert opened()[1].notice.value == ""


@pytest.mark.parametrize(
    "kept",
    [[], "x", {"modes": {"a": "automatic"}}, {"at": "now", "modes": {}}, {"at": math.nan, "modes": {"a": "suggest"}},
     {"at": 0, "modes": {"a": "suggest"}}, {"at": time.time() + 5, "modes": {"a": "act", "b": 3, "c": []}}],
)  # fmt: skip
def test_whatever_the_file_of_modes_holds_a_session_opens(kept, tmp_path):
    keep_layout(Workspace(tmp_path), {"agents": kept})
    assert told_of(Workspace(tmp_path)) == ""


def test_a_workspace_that_cannot_be_written_to_keeps_no_modes(tmp_path):
    (tmp_path / "file").write_text("")
    keep_modes(Workspace(tmp_path / "file"), {"a": "suggest"})
