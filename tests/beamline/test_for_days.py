"""What is asked of a service for days: an answer that cannot be had once ends nothing, and is not taken for another."""

import asyncio
import threading
from collections import deque
from types import SimpleNamespace

import pytest
from starlette.websockets import WebSocketDisconnect

from steering.beamline.process import _linger
from steering.beamline.sockets import until_one_ends
from steering.service.service import Beamline


def test_how_long_a_point_takes_can_be_asked_while_points_are_measured():
    beamline = Beamline.__new__(Beamline)
    beamline._times = deque(map(float, range(20)), maxlen=20)
    ended = threading.Event()

    def measure():
        at = 20.0
        while not ended.is_set():
            beamline._times.append(at)
            at += 1.0

    measuring = threading.Thread(target=measure)
    measuring.start()
    try:
        # Each of them saw a deque that had changed meanwhile now and then.
        assert {beamline._seconds_a_point() for _ in range(5000)} == {1.0}
    finally:
        ended.set()
        measuring.join()


def test_a_state_that_cannot_be_told_once_keeps_an_unused_service_from_its_end_only_then(monkeypatch):
    monkeypatch.setattr("steering.beamline.process._LINGER_CHECK_SECONDS", 0.001)
    answers, stopped = [RuntimeError("odd"), RuntimeError("odd")], []

    def status():
        if answers:
            raise answers.pop()
        return SimpleNamespace(scanning=False)

    beamline = SimpleNamespace(hub=SimpleNamespace(listening=False), status=status)
    _linger(beamline, lambda: stopped.append(1), 0.01, threading.Event())
    assert stopped == [1]
    assert answers == []


@pytest.mark.parametrize(
    ("error", "gone"),
    [
        (WebSocketDisconnect(1005), True),
        (RuntimeError('Cannot call "send" once a close message has been sent.'), True),
        (RuntimeError("Unexpected ASGI message 'websocket.send', after sending 'websocket.close'."), True),
        (RuntimeError("deque mutated during iteration"), False),
        (ValueError("odd"), False),
    ],
)
async def test_a_fault_is_not_taken_for_a_client_that_has_gone(error, gone):
    async def fail():
        raise error

    tasks = [asyncio.create_task(fail()), asyncio.create_task(asyncio.Event().wait())]
    if gone:
        await until_one_ends(tasks)
        return
    with pytest.raises(type(error), match=str(error)):
        await until_one_ends(tasks)
