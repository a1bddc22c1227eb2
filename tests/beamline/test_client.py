"""A client that comes to a service that is just ending."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import serve

from steering.beamline.client import BeamlineClient, GoneError, Lost, Moved, Welcome
from steering.core.status import BeamlineStatus
from steering.service.wire import STATUS

WELCOME = json.dumps({"kind": "welcome", "name": "ana", "scans": []})
STATE = json.dumps({"kind": "status", "status": STATUS.dump_python(BeamlineStatus(), mode="json")})


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
