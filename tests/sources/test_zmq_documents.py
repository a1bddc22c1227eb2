"""A RunEngine elsewhere, whose documents come by its 0MQ publisher."""

import asyncio
import json
import math
import threading

import pytest
import zmq
import zmq.auth
from bluesky import RunEngine
from bluesky import plans as bp
from bluesky.callbacks.zmq import Proxy, Publisher, ServerCurve
from ophyd.sim import hw

from steering.core.block import FrameBlock
from steering.core.errors import SteeringError
from steering.core.source import RunEnded, RunStarted
from steering.core.waiting import within
from steering.sources.zmq_documents import ZmqSource


def proxy(**options):
    made = Proxy("127.0.0.1", "127.0.0.1", **options)
    threading.Thread(target=made.start, daemon=True).start()
    return made, bare(made.in_port), bare(made.out_port)


def bare(address):
    return str(address).removeprefix("tcp://")


async def listen(source, publish):
    """Publish nonsense until it is heard, then a run in a thread; return the items up to the run's end."""
    items = []

    async def take():
        async for item in source.items():
            items.append(item)
            if isinstance(item, RunEnded):
                source.close()

    taking = asyncio.create_task(take())
    while "began before" not in source.status.detail:
        await asyncio.to_thread(publish, "event", {"descriptor": "before"})
        await asyncio.sleep(0.02)
    await asyncio.to_thread(publish, None, None)
    await within(30, taking)
    return items


@pytest.mark.parametrize("serializer", [None, lambda document: json.dumps(document, default=float).encode()])
async def test_a_scan_of_a_classic_run_engine_is_heard_whole(serializer):
    _, sends, listens = proxy()
    publisher = Publisher(sends, prefix=b"14id", **({"serializer": serializer} if serializer else {}))
    other = Publisher(sends, prefix=b"14idb")
    engine = RunEngine({}, context_managers=[])
    engine.subscribe(publisher)
    devices = hw()

    def publish(name, document):
        if name is None:
            other("start", {"uid": "another beamline's", "time": 0.0})
            engine(bp.scan([devices.det], devices.motor, -1, 1, 5))
        else:
            publisher(name, document)

    source = ZmqSource(f"tcp://{listens}", prefix="14id")
    items = await listen(source, publish)
    assert isinstance(items[0], RunStarted)
    assert items[0].plan == "scan"
    columns = [float(value) for one in items if isinstance(one, FrameBlock) for value in one.columns["motor"]]
    assert columns == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert (items[-1].status, items[-1].events) == ("success", 5)
    assert source.rejected == 0
    assert source.status.state == "ended"
    publisher.close()
    other.close()


async def test_a_proxy_that_is_not_there_is_said_and_tried_on():
    source = ZmqSource("127.0.0.1:1")
    taking = asyncio.create_task(anext(source.items()))
    await asyncio.sleep(0)
    assert source.status.state == "lost"
    assert source.status.detail.startswith("Nobody answers at tcp://127.0.0.1:1.")
    source.close()
    with pytest.raises(StopAsyncIteration):
        await within(10, taking)
    assert source.status.state == "ended"


async def test_a_proxy_with_keys_is_listened_to_with_keys_only(tmp_path):
    public, secret = {}, {}
    for name in ("server", "client"):
        public[name], secret[name] = zmq.auth.create_certificates(tmp_path, name)
    curve = ServerCurve(secret["server"], None, None)
    _, sends, listens = proxy(out_curve=curve)
    publisher = Publisher(sends)

    def publish(name, document):
        if name is None:
            publisher("start", {"uid": "run", "time": 0.0})
            publisher("stop", {"run_start": "run", "exit_status": "success"})
        else:
            publisher(name, document)

    stranger = ZmqSource(listens)
    knocking = asyncio.create_task(anext(stranger.items()))
    items = await listen(ZmqSource(listens, keys=(secret["client"], public["server"])), publish)
    assert [type(item) for item in items] == [RunStarted, RunEnded]
    assert stranger.status.state == "lost"
    stranger.close()
    with pytest.raises(StopAsyncIteration):
        await within(10, knocking)
    publisher.close()


@pytest.mark.parametrize("keys", [("absent", "absent"), ("client.key", "server.key")])
async def test_keys_that_are_none_are_said(tmp_path, keys):
    for name in ("server", "client"):
        zmq.auth.create_certificates(tmp_path, name)
    source = ZmqSource("127.0.0.1:5578", keys=tuple(tmp_path / one for one in keys))
    with pytest.raises(SteeringError, match=r"cannot be read|holds no secret key"):
        await anext(source.items())


@pytest.mark.parametrize("address", ["", "5578", "host:", "host:0", "host:99999", ":5578", "host:port"])
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(SteeringError, match="name the host and the proxy's out port"):
        ZmqSource(address)


def test_a_prefix_with_a_space_is_refused():
    with pytest.raises(SteeringError, match="has a space"):
        ZmqSource(prefix="a b", saturated=math.inf)
