"""A page's own link to the service: heard from while a scan runs; a press that comes late is not carried out."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from steering.beamline import control
from steering.beamline.pace import STEERING, Pace, Paces
from steering.beamline.tokens import Tokens
from steering.core.status import BeamlineStatus
from steering.core.waiting import within


class Socket:
    """A page's WebSocket; what it hears may be held back, as by a link that is stopped."""

    def __init__(self):
        self.sent = []
        self.waiting = asyncio.Queue()
        self.news = asyncio.Event()
        self.closed = None

    async def accept(self):
        return

    async def receive(self):
        said = await self.waiting.get()
        if said is None:
            return {"type": "websocket.disconnect", "code": 1000}
        return {"type": "websocket.receive", "bytes" if isinstance(said, bytes) else "text": said}

    async def send_text(self, text):
        self.sent.append(json.loads(text))
        self.news.set()

    async def close(self, code, reason):
        self.closed = code, reason

    def say(self, **message):
        self.waiting.put_nowait(json.dumps(message))

    async def until(self, condition):
        async with asyncio.timeout(10):
            while not condition(self.sent):
                self.news.clear()
                await self.news.wait()

    async def answer(self, named):
        await self.until(lambda sent: any(one.get("id") == named for one in sent))
        return next(one for one in self.sent if one.get("id") == named)

    @property
    def beats(self):
        return [one["beat"] for one in self.sent if one["kind"] == "status"]


class Beamline:
    def __init__(self):
        self.state = BeamlineStatus("running", scan="rocking", run="r", points_left=5)
        self.judged = []

    def status(self):
        return self.state


@pytest.fixture
async def served(monkeypatch):
    monkeypatch.setattr(control, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(control, "LATE_SECONDS", 0.3)
    monkeypatch.setattr(control, "STATUS_INTERVAL", 0.01)
    beamline, socket, tokens = Beamline(), Socket(), Tokens()
    token = tokens.issue("ana", frozenset(("read", "operate")))

    def ruled(_, content, person):
        beamline.judged.append((content["action"]["kind"], person.name))
        return {"verdict": "accepted"}

    pace, paces = [STEERING], Paces()
    serving = asyncio.create_task(control.serve_control(socket, beamline, tokens, ruled, paces, lambda _: pace[0]))
    socket.say(kind="hello", token=token)
    yield SimpleNamespace(beamline=beamline, socket=socket, pace=pace, paces=paces)
    socket.waiting.put_nowait(None)
    await within(10, serving)


async def test_a_page_hears_again_and_again_while_a_scan_runs_and_nothing_while_none_does(served):
    await served.socket.until(lambda sent: len(sent) >= 4)
    assert served.socket.beats == list(range(1, len(served.socket.sent) + 1))
    assert {one["points_left"] for one in served.socket.sent} == {5}
    served.beamline.state = BeamlineStatus("idle")
    await served.socket.until(lambda sent: sent[-1]["state"] == "idle")
    heard = len(served.socket.sent)
    await asyncio.sleep(0.3)  # six beats long
    assert len(served.socket.sent) == heard


async def test_a_press_is_carried_out_and_answered_by_its_own_id(served):
    await served.socket.until(lambda sent: sent)
    served.socket.say(kind="propose", id="p1", action={"kind": "pause"}, heard=served.socket.beats[-1])
    answer = await served.socket.answer("p1")
    assert answer == {"kind": "ruling", "id": "p1", "ruling": {"verdict": "accepted"}}
    assert served.beamline.judged == [("pause", "ana")]


@pytest.mark.parametrize("heard", [None, True, "1", 1.0, 10**9, -1])
async def test_a_press_that_names_no_beat_is_not_carried_out(served, heard):
    await served.socket.until(lambda sent: sent)
    served.socket.say(kind="propose", id="p1", action={"kind": "abort"}, heard=heard)
    assert (await served.socket.answer("p1"))["kind"] == "late"
    assert served.beamline.judged == []


async def test_a_press_that_lay_in_a_dead_link_is_not_carried_out_when_the_link_is_back(served):
    await served.socket.until(lambda sent: sent)
    old = served.socket.beats[0]
    await served.socket.until(lambda _: served.socket.beats[-1] > old + 10)  # ten beats are half a second
    served.socket.say(kind="propose", id="late", action={"kind": "pause"}, heard=old)
    answer = await served.socket.answer("late")
    assert answer["kind"] == "late"
    assert "was not carried out" in answer["message"]
    served.socket.say(kind="propose", id="again", action={"kind": "pause"}, heard=served.socket.beats[-1])
    assert (await served.socket.answer("again"))["kind"] == "ruling"
    assert served.beamline.judged == [("pause", "ana")]


async def test_a_script_of_the_same_person_that_is_refused_is_not_in_the_way_of_an_abort(served):
    served.pace[0] = Pace(1000.0, 1000.0, 0.001, 3.0)
    while await served.paces.turn("ana", served.pace[0]):
        pass
    await served.socket.until(lambda sent: sent)
    served.socket.say(kind="propose", id="p1", action={"kind": "abort"}, heard=served.socket.beats[-1])
    assert (await served.socket.answer("p1"))["kind"] == "ruling"
    assert served.beamline.judged == [("abort", "ana")]


async def test_who_sends_what_is_refused_again_and_again_is_not_looked_at_and_told_so(served):
    served.pace[0] = Pace(1000.0, 1000.0, 0.001, 3.0)
    await served.socket.until(lambda sent: sent)
    for number in range(5):
        served.socket.say(kind="propose", id=f"p{number}", action={"kind": "pause"}, heard=-1)
    answers = [await served.socket.answer(f"p{number}") for number in range(5)]
    assert [one["kind"] for one in answers] == ["late"] * 3 + ["error"] * 2
    assert "asks too often" in answers[-1]["message"]


@pytest.mark.parametrize(
    "text", ["nonsense", "[]", "{}", '{"kind": "hello"}', "null", '"propose"', b"\xff\xfe\x00", b"{}", b""]
)
async def test_what_is_no_press_is_answered_with_a_sentence(served, text):
    served.socket.waiting.put_nowait(text)
    await served.socket.until(lambda sent: any(one["kind"] == "error" for one in sent))
    assert served.beamline.judged == []


@pytest.mark.parametrize(
    "hello", ['{"kind": "hello", "token": "wrong"}', "[]", "nonsense", '{"token": 5}', b"\xff", b""]
)
async def test_without_a_token_nothing_is_told(hello):
    socket = Socket()
    socket.waiting.put_nowait(hello)
    await control.serve_control(socket, Beamline(), Tokens(), lambda *_: None, Paces(), lambda _: STEERING)
    assert socket.sent == []
    assert socket.closed[0] == 4401
