"""Nothing of a request is read before its token is known; what is read is bounded, and so is how often."""

import asyncio
import json
import socket
import threading
import time
from types import SimpleNamespace

import httpx
import psutil
import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from steering.beamline import gate, pace
from steering.beamline.gate import REFUSED, Gate, TooLargeError
from steering.beamline.pace import STEERING, WATCHING, Bucket, Pace, Paces
from steering.beamline.reading import BODY_BYTES
from steering.beamline.tokens import LONGEST_LIFE, Tokens
from steering.core.waiting import within


class Served:
    """An application behind a gate, on a real socket."""

    def __init__(self):
        self.tokens, self.read = Tokens(), 0
        self.token = self.tokens.issue("ana")
        app = FastAPI()

        async def take(request: Request):
            self.read += len(await request.body())
            setattr(request.state, REFUSED, (await request.body()) == b"no")
            return {"read": self.read}

        async def too_large(request, error):
            return JSONResponse({"detail": "too large"}, 413)

        app.add_api_route("/proposals", take, methods=["POST"])
        app.add_api_route("/status", lambda: {"state": "idle"})
        app.add_exception_handler(TooLargeError, too_large)
        app.add_middleware(Gate, tokens=self.tokens, pace_of=lambda _: Pace(5.0, 20.0, 0.001, 4.0), paces=Paces())
        listening = socket.create_server(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve([listening])))
        self._thread.start()

    def end(self):
        self._server.should_exit = True
        self._thread.join()

    def raw(self, head, body=b"", chunks=0):
        """Send a request by hand; return its answer."""
        with socket.create_connection(("127.0.0.1", self.port), 30) as link:
            link.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
            try:
                for _ in range(chunks):
                    link.sendall(body)
                return link.recv(4096).decode()
            except (BrokenPipeError, ConnectionResetError):
                # It was refused and hung up on before all was sent.
                try:
                    return link.recv(4096).decode()
                except ConnectionResetError:
                    return "HTTP/1.1 401 hung up"

    def client(self, token):
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", headers={"Authorization": token}, trust_env=False, timeout=30
        )


@pytest.fixture
def served():
    made = Served()
    yield made
    made.end()


@pytest.mark.parametrize("authorization", ["", "Authorization: Bearer wrong\n", "Authorization: Basic YTpi\n"])
def test_a_large_body_without_a_token_is_not_read(served, authorization):
    size = 200 << 20
    before = psutil.Process().memory_info().rss
    head = f"POST /proposals HTTP/1.1\nHost: a\n{authorization}Content-Length: {size}"
    assert " 401 " in served.raw(head, b"x" * (1 << 20), 200)[:20]
    assert psutil.Process().memory_info().rss - before < 50 << 20
    assert served.read == 0
    with served.client(f"Bearer {served.token}") as client:
        assert client.get("/status").json() == {"state": "idle"}


def test_a_body_that_is_too_large_is_refused_whether_or_not_it_says_so(served):
    with served.client(f"Bearer {served.token}") as client:
        said = client.post("/proposals", content=b"x" * (BODY_BYTES + 1))
        assert said.status_code == 413

        def endless():
            for _ in range(64):
                yield b"x" * 65536

        assert client.post("/proposals", content=endless()).status_code == 413
        assert client.post("/proposals", content=b"x" * BODY_BYTES).status_code == 200
    assert served.read == BODY_BYTES


def test_who_asks_too_often_waits_and_the_others_do_not(served, monkeypatch):
    # Nobody gets new turns while this test runs, however slow the machine is.
    monkeypatch.setattr("steering.beamline.app.WATCHING", Pace(1e-9, 40.0, 1e6, 1e6))
    one, other = served.tokens.issue("zoe"), served.tokens.issue("ben")
    with served.client(f"Bearer {one}") as mine, served.client(f"Bearer {other}") as theirs:
        codes = [mine.post("/proposals", content=b"{}").status_code for _ in range(60)]
        assert codes[:20] == [200] * 20
        assert codes.count(429) >= 20
        assert theirs.post("/proposals", content=b"{}").status_code == 200
        assert mine.get("/status").status_code == 200


def test_tileds_own_scheme_is_known(served):
    with served.client(f"Apikey {served.token}") as client:
        assert client.get("/status").status_code == 200


def test_rubbish_on_the_socket_harms_nobody(served):
    for rubbish in (
        b"\x00" * 1000,
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /proposals HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", served.port), 10) as link:
            link.sendall(rubbish)
            link.recv(1000)
    with served.client(f"Bearer {served.token}") as client:
        assert client.get("/status").status_code == 200


def test_a_bucket_lets_so_many_through_a_second(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    bucket = Bucket(2.0, 4.0)
    assert [bucket.take() for _ in range(5)] == [True] * 4 + [False]
    now[0] = 1.0
    assert [bucket.take() for _ in range(3)] == [True, True, False]
    now[0] = 100.0
    assert [bucket.take() for _ in range(5)] == [True] * 4 + [False]
    assert [bucket.owe() for _ in range(3)] == [0.5, 1.0, 1.5]
    bucket.give_back()
    assert bucket.wait() == 1.5
    assert STEERING.refused_rate > WATCHING.refused_rate


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands but for who sleeps; what was slept."""
    slept = []

    async def sleep(seconds):
        slept.append(round(seconds, 3))

    monkeypatch.setattr(pace, "asyncio", SimpleNamespace(sleep=sleep))
    monkeypatch.setattr(pace, "time", SimpleNamespace(monotonic=lambda: 1000.0))
    return slept


async def test_who_is_refused_again_and_again_waits_and_in_the_end_is_not_looked_at(clock):
    paces, slow = Paces(), Pace(1000.0, 1000.0, 2.0, 3.0)
    turns = [await paces.turn("ana", slow) for _ in range(9)]
    # Three at once; then half a second for each that waits already, and no more than two seconds.
    assert clock == [0.5, 1.0, 1.5, 2.0]
    assert [turn is None for turn in turns] == [False] * 7 + [True] * 2
    assert await paces.turn("ben", slow)


async def test_who_asks_for_what_is_allowed_does_not_wait(clock):
    paces, slow = Paces(), Pace(1000.0, 1000.0, 2.0, 3.0)
    for _ in range(100):
        turn = await paces.turn("ana", slow)
        turn.give_back()
    assert clock == []


@pytest.mark.parametrize(("method", "path", "body"), [("POST", "/proposals", b"no"), ("GET", "/none", b"")])
def test_what_is_refused_is_counted_and_what_is_allowed_is_not(served, monkeypatch, method, path, body):
    monkeypatch.setattr(gate, "READING", Pace(1000.0, 1000.0, 0.001, 4.0))
    with served.client(f"Bearer {served.token}") as client:
        for _ in range(6):
            assert client.get("/status").status_code == 200
            assert client.post("/proposals", content=b"yes").status_code == 200
        codes = [client.request(method, path, content=body).status_code for _ in range(6)]
        assert 429 not in codes[:4]
        # The next one would wait for longer than anybody is made to.
        assert codes[4:] == [429, 429]


def test_a_token_made_from_a_token_is_no_more_than_that():
    tokens = Tokens()
    own = tokens.person(tokens.issue("ana", frozenset({"read", "operate"}), 6.0))
    made = tokens.person(tokens.derive(own, "ana", frozenset({"read", "steer", "admin"}), LONGEST_LIFE))
    assert made.scopes == {"read"}
    assert made.until <= own.until + 0.1
    forever = tokens.person(tokens.issue("ana"))
    assert (
        tokens.person(tokens.derive(forever, "ben", frozenset({"read"}), 1e12)).until <= time.time() + LONGEST_LIFE + 1
    )
    assert json.dumps(sorted(made.scopes)) == '["read"]'


async def test_who_is_turned_away_waits_for_the_answer_but_not_any_number_of_them(monkeypatch):
    monkeypatch.setattr(pace, "_NOBODY_RATE", 0.001)
    monkeypatch.setattr(pace, "_NOBODY_BURST", 0.0)
    monkeypatch.setattr(pace, "_MOST_HELD", 2)
    paces = Paces()
    door = Gate(None, Tokens(), lambda _: WATCHING, paces)
    answered = []

    async def ask(number):
        async def send(message):
            if message["type"] == "http.response.start":
                answered.append((number, message["status"]))

        await door({"type": "http", "method": "GET", "path": "/status", "headers": []}, None, send)

    held = [asyncio.create_task(ask(number)) for number in range(2)]
    await asyncio.sleep(0)
    await within(10, ask(2))
    assert answered == [(2, 401)]
    for task in held:
        task.cancel()
    await asyncio.gather(*held, return_exceptions=True)
    # Those who went away make room.
    assert paces.held == 0


async def test_no_more_are_turned_away_than_so_many_a_second(clock):
    door = Gate(None, Tokens(), lambda _: WATCHING, Paces())

    async def send(_):
        return

    for _ in range(25):
        await door({"type": "http", "method": "GET", "path": "/status", "headers": []}, None, send)
    assert clock == pytest.approx([0.1 * (number + 1) for number in range(5)])
