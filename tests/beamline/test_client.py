"""A client that comes to a service that is just ending."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import serve

from steering.beamline import client as module
from steering.beamline.client import UNAUTHORISED, BeamlineClient, GoneError, Lost, Moved, Welcome
from steering.core.errors import SteeringError
from steering.core.status import BeamlineStatus
from steering.service.wire import STATUS

WELCOME = json.dumps({"kind": "welcome", "name": "ana", "scans": []})
RUN_OUT = "The token has run out. Ask for a new one."
STATE = json.dumps({"kind": "status", "status": STATUS.dump_python(BeamlineStatus(), mode="json")})


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.0)


@asynccontextmanager
async def service(*messages):
    """A service that says some messages to each who comes, and closes; gives its address."""

    async def tell(socket):
        for message in messages:
            await socket.send(message)

    async with serve(tell, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def client(url, find):
    made = BeamlineClient(url, "token", find)
    try:
        yield made
    finally:
        await made.close()


async def first(client, kind):
    return await anext(news async for news in client.follow() if isinstance(news, kind))


@pytest.mark.parametrize("messages", [(), (WELCOME,)], ids=["says nothing", "lets in and says nothing"])
def test_one_that_ends_before_it_tells_its_state_is_gone(messages):
    async def run():
        async with service(*messages) as url, client(url, lambda: None) as made:
            await first(made, Moved)

    with pytest.raises(GoneError, match="ended while it was being attached to"):
        asyncio.run(run())


def test_the_next_one_is_followed_if_there_is_one_already():
    async def run():
        there = {"token": "another"}
        async with service() as url, service(WELCOME) as other, client(url, lambda: there | {"url": other}) as made:
            assert (await first(made, Moved)).connection["url"] == other
            assert (await first(made, Welcome)).name == "ana"

    asyncio.run(run())


@pytest.mark.parametrize(
    ("messages", "find"),
    [((WELCOME, STATE), lambda: None), ((), None)],
    ids=["one that told its state", "one of which only the address is known"],
)
def test_another_one_is_waited_for(messages, find):
    async def run():
        lost = 0
        async with service(*messages) as url, client(url, find) as made:
            async for news in made.follow():
                lost += isinstance(news, Lost)
                if lost == 2:
                    return

    asyncio.run(run())


@asynccontextmanager
async def tunnel(answer=b""):
    """What takes each connection, says something that is no handshake, and closes; gives its address."""

    async def close(_, writer):
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(close, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def losses(client, count):
    found, following = [], client.follow()
    while len(found) < count:
        news = await anext(following)
        found += [news.detail] if isinstance(news, Lost) else []
    return found


@pytest.mark.parametrize("answer", [b"", b"\x00\xff" * 40, b"HTTP/1.1 200 OK\r\n\r\n", b"SSH-2.0-OpenSSH\r\n"])
def test_a_handshake_that_comes_to_nothing_is_tried_again(answer):
    async def run():
        async with tunnel(answer) as url, client(url, None) as made:
            return await losses(made, 2)

    assert all("does not answer (" in one and one.endswith("; trying again.") for one in asyncio.run(run()))


@pytest.mark.parametrize(
    "message", ["[]", "{", "{}", '{"kind": "status", "status": 3}', '{"kind": "document"}', b"nonsense", "\x00"]
)
def test_what_cannot_be_read_is_said_and_asked_for_again(message):
    async def run():
        async with service(WELCOME, message) as url, client(url, None) as made:
            return await losses(made, 2)

    assert all("says what cannot be read (" in one and "same version?" in one for one in asyncio.run(run()))


def test_who_is_let_in_no_more_is_not_told_that_it_is_tried_again():
    async def turn_away(socket):
        await socket.close(UNAUTHORISED, RUN_OUT)

    async def run():
        async with serve(turn_away, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            async with client(url, None) as made:
                following = made.follow()
                lost = await anext(following)
                assert lost.detail == f"The beamline service at {url} does not let you in: {RUN_OUT}"
                await anext(following)

    with pytest.raises(SteeringError, match=RUN_OUT):
        asyncio.run(run())
