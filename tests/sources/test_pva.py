"""PVA through real servers: p4p with each codec, pvapy's simulator, at rate, with a kernel that is busy."""

import asyncio
import base64
import os
import re
import signal
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from steering.core.block import FrameBlock
from steering.core.errors import SteeringError
from steering.core.source import RunEnded, RunStarted
from steering.ingest.client import RingClient
from steering.ingest.launch import discard_ring, ingests
from steering.machine.ports import free_port
from steering.sources.frames import read_frames
from steering.sources.pva import PvaSource
from steering.testing.benches.child import Child
from steering.testing.waiting import until
from tests.sources.test_codecs import CODECS, encode

pytestmark = pytest.mark.system

CHANNEL = "TEST:Pva1:Image"


@pytest.fixture
async def server(monkeypatch, workspace):
    """A p4p server, its address in the environment; and nothing of it is left afterwards."""
    child = await Child.start("steering.testing.benches.pva_server", CHANNEL)
    for name, content in child.ready.items():
        monkeypatch.setenv(name, content)
    yield child
    await asyncio.to_thread(discard_ring, CHANNEL, workspace)
    await child.end()


def frame(number, pixels, codec="", time_=None):
    content = encode(codec, pixels)
    return {
        "number": number,
        "content": base64.b64encode(content).decode(),
        "dtype": "|u1" if codec else pixels.dtype.str,
        "original": pixels.dtype.str,
        "dimensions": list(pixels.shape),
        "codec": codec,
        "time": time.time() if time_ is None else time_,
    }


class Taking:
    """Takes a source's items in the background, the pixels with them."""

    def __init__(self, source, store=True):
        self.items, self.pixels, self.source, self.store = [], {}, source, store
        self.task = asyncio.create_task(self.take())

    async def take(self):
        async for item in self.source.items():
            if isinstance(item, FrameBlock):
                frames, _ = read_frames(item)
                self.pixels |= {index: frames[index - item.start].copy() for index in range(item.start, item.stop)}
                if self.store:
                    self.source.stored(item.run, item.start, item.stop)
            self.items.append(item)

    @property
    def frames(self):
        """Indices of the frames of the first run, as they came."""
        blocks = [item for item in self.items if isinstance(item, FrameBlock) and item.run == self.items[0].run]
        return [index for block in blocks for index in block.indices.tolist()]

    async def until_connected(self):
        status = lambda: self.source.status  # noqa: E731
        await until(lambda: status().state == "waiting" and not status().detail, lambda: str(status()))

    async def until_frames(self, count):
        await until(lambda: len(self.frames) >= count, lambda: f"{len(self.frames)} of {count}: {self.source.status}")

    async def until_end(self):
        await until(lambda: any(isinstance(i, RunEnded) for i in self.items), lambda: str(self.source.status))

    async def close(self):
        await asyncio.to_thread(self.source.close)
        await self.task


async def test_each_codec_is_undone(server, workspace):
    pixels = np.random.default_rng(0).poisson(3, (33, 47)).astype("u2")
    taking = Taking(PvaSource(CHANNEL, workspace=workspace, frames=len(CODECS) - 1, outlive=False))
    await taking.until_connected()
    # areaDetector knows no zlib.
    codecs = [codec for codec in CODECS if codec != "zlib"]
    await server.ask(post=[frame(number, pixels + number, codec) for number, codec in enumerate(codecs, 1)])
    await taking.until_end()
    assert taking.frames == list(range(len(codecs)))
    for index in taking.frames:
        assert np.array_equal(taking.pixels[index], pixels + index + 1)
    assert taking.source.status.rejected == 0
    await taking.close()


async def test_an_ingest_that_nobody_uses_ends_and_leaves_its_frames_on_disk(server, workspace):
    source = PvaSource(CHANNEL, workspace=workspace, linger_seconds=3.0)
    taking = Taking(source, store=False)
    await taking.until_connected()
    (daemon,) = ingests(workspace).values()
    process = daemon.connection()["pid"]
    await server.ask(post=[frame(number, np.full((16, 16), number, "u2")) for number in range(1, 5)])
    await taking.until_frames(4)
    await taking.close()
    await asyncio.to_thread(psutil.wait_procs, [psutil.Process(process)], 60)
    assert ingests(workspace) == {}
    assert list(workspace.directory.rglob("ring/*/*.raw"))
    assert not psutil.pid_exists(process)
    discard_ring(CHANNEL, workspace)


async def test_a_busy_kernel_misses_no_frame(server, workspace):
    # How fast it may go is measured in ``benchmarks``; here the kernel is busy for longer than the stream can wait.
    count = 600
    taking = Taking(PvaSource(CHANNEL, workspace=workspace, frames=count, outlive=False))
    await taking.until_connected()
    streaming = asyncio.create_task(server.ask(stream={"count": count, "rate": 150, "shape": [256, 256]}))
    while not streaming.done():
        # What a kernel does that computes: nothing else runs here meanwhile.
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            sum(range(1000))
        await asyncio.sleep(0.01)
    await streaming
    await taking.until_end()
    assert taking.frames == list(range(count))
    assert all(taking.pixels[index][0, 0] == index % 16 for index in range(count))
    status = taking.source.status
    assert (status.frames, status.missed, status.rejected, status.repeated, status.later) == (count, 0, 0, 0, 0)
    assert sum(isinstance(item, FrameBlock) for item in taking.items) < count / 4
    await taking.close()


async def test_the_ingest_survives_the_session_and_the_next_one_catches_up(server, workspace):
    pixels = np.ones((8, 8), "u2")
    options = {"workspace": workspace, "frames": 9}
    first = Taking(PvaSource(CHANNEL, **options))
    await first.until_connected()
    await server.ask(post=[frame(n, pixels * n) for n in range(1, 5)])
    await first.until_frames(4)
    run = first.items[0].run
    # What was taken but has no stored result is taken again.
    first.store = False
    await server.ask(post=[frame(5, pixels * 5)])
    await first.until_frames(5)
    await first.close()
    await server.ask(post=[frame(n, pixels * n) for n in range(6, 10)])
    second = Taking(PvaSource(CHANNEL, **options, outlive=False))
    await second.until_end()
    assert second.items[0].run == run
    assert second.frames == [4, 5, 6, 7, 8]
    assert [second.pixels[index][0, 0] for index in second.frames] == [5, 6, 7, 8, 9]
    await second.close()


async def test_how_runs_end_says_the_source_that_follows_and_not_the_one_that_began_the_ingest(server, workspace):
    pixels = np.ones((8, 8), "u2")
    first = Taking(PvaSource(CHANNEL, workspace=workspace, frames=2))
    await first.until_connected()
    await server.ask(post=[frame(n, pixels * n) for n in (1, 2)])
    await first.until_end()
    await first.close()
    second = Taking(PvaSource(CHANNEL, workspace=workspace, frames=5, outlive=False))
    await second.until_connected()
    await server.ask(post=[frame(n, pixels * n) for n in range(3, 8)])
    await second.until_end()
    assert second.frames == [0, 1, 2, 3, 4]
    assert second.items[-1].frames == 5
    await second.close()


async def test_a_detector_server_that_crashed_is_found_again_and_its_run_goes_on(server, workspace):
    port = server.ready["EPICS_PVA_NAME_SERVERS"].rpartition(":")[2]
    pixels = np.arange(12, dtype="u2").reshape(3, 4)
    taking = Taking(PvaSource(CHANNEL, workspace=workspace, frames=10, outlive=False))
    await taking.until_connected()
    await server.ask(post=[frame(number, pixels + number) for number in range(1, 5)])
    await taking.until_frames(4)
    await server.kill()
    status = lambda: taking.source.status  # noqa: E731
    await until(lambda: status().state == "lost", lambda: str(status()))
    assert status().detail == f"The channel {CHANNEL} is not connected: is its server running?"
    again = await Child.start("steering.testing.benches.pva_server", CHANNEL, port)
    try:
        await until(lambda: status().state == "live" and not status().detail, lambda: str(status()))
        # Frames 5 and 6 were taken while nobody served them: they are lost, and said to be.
        await again.ask(post=[frame(number, pixels + number) for number in range(7, 11)])
        await taking.until_end()
    finally:
        await again.end()
    assert taking.frames == [0, 1, 2, 3, 6, 7, 8, 9]
    assert all(np.array_equal(taking.pixels[index], pixels + index + 1) for index in taking.frames)
    assert status().missed == 2
    await taking.close()


async def killed_ingest(server, workspace, **more):
    """Four frames come, and the ingest is killed."""
    taking = Taking(PvaSource(CHANNEL, workspace=workspace, outlive=False, **more), store=False)
    await taking.until_connected()
    await server.ask(post=[frame(n, np.full((8, 8), n, "u2")) for n in range(1, 5)])
    await taking.until_frames(4)
    found = taking.source._daemon.connection()
    os.kill(int(found["pid"]), signal.SIGKILL)
    again = lambda: taking.source._daemon.connection()  # noqa: E731
    await until(lambda: (again() or found)["pid"] != found["pid"], lambda: "the ingest is not started again")
    await until(lambda: taking.source.status.state == "live", lambda: str(taking.source.status))
    return taking


async def test_a_killed_ingest_is_started_again_and_its_run_goes_on(server, workspace):
    taking = await killed_ingest(server, workspace, frames=8)
    # Two frames came while nobody listened.
    await server.ask(post=[frame(n, np.full((8, 8), n, "u2")) for n in (7, 8)])
    await taking.until_end()
    ended = next(item for item in taking.items if isinstance(item, RunEnded))
    assert (ended.frames, ended.status) == (6, "success")
    assert taking.frames == [0, 1, 2, 3, 6, 7]
    assert all((taking.pixels[index] == index + 1).all() for index in taking.frames)
    assert (taking.source.status.frames, taking.source.status.missed) == (6, 2)
    assert len({item.run for item in taking.items}) == 1
    assert len([item for item in taking.items if isinstance(item, RunStarted)]) == 1
    await taking.close()


async def test_a_run_that_a_killed_ingest_did_not_see_the_end_of_has_failed(server, workspace):
    taking = await killed_ingest(server, workspace)
    # The detector has begun anew.
    await server.ask(post=[frame(1, np.full((8, 8), 1, "u2"))])
    await taking.until_end()
    ended = next(item for item in taking.items if isinstance(item, RunEnded))
    assert (ended.run, ended.frames, ended.status) == (taking.items[0].run, 4, "fail")
    await until(lambda: len({item.run for item in taking.items}) == 2, lambda: str(taking.source.status))
    await taking.close()


async def test_a_full_ring_holds_back_and_what_is_lost_meanwhile_is_counted(server, workspace):
    pixels = np.ones((64, 64), "u2")
    source = PvaSource(
        CHANNEL, workspace=workspace, memory_bytes=20 * pixels.nbytes, disk_bytes=0, idle_seconds=2.0, outlive=False
    )
    taking = Taking(source, store=False)
    await taking.until_connected()
    await server.ask(post=[frame(n, pixels * n) for n in range(1, 31)])
    await until(lambda: "ring is full" in source.status.detail, lambda: str(source.status))
    assert len(taking.frames) == 20
    for item in [item for item in taking.items if isinstance(item, FrameBlock)]:
        source.stored(item.run, item.start, item.stop)
    taking.store = True
    await taking.until_frames(30)
    assert taking.frames == list(range(30))
    await taking.close()


async def test_a_worker_that_does_not_see_the_ring_asks_its_server(server, workspace):
    pixels = np.arange(64, dtype="u2").reshape(8, 8)
    taking = Taking(PvaSource(CHANNEL, workspace=workspace, outlive=False), store=False)
    await taking.until_connected()
    await server.ask(post=[frame(1, pixels)])
    await taking.until_frames(1)
    seen = next(item for item in taking.items if isinstance(item, FrameBlock))
    unseen = replace(seen, place=replace(seen.place, paths=("/nowhere/a.raw",)))
    found, times = await asyncio.to_thread(read_frames, unseen)
    assert np.array_equal(found[0], pixels)
    assert abs(times[0] - time.time()) < 60
    place = seen.place.server
    reading = RingClient(place.host, place.port, place.token, place.certificate)
    with pytest.raises(PermissionError, match="not allowed with this token"):
        await asyncio.to_thread(lambda: reading.request(want="end"))
    reading.close()
    stranger = RingClient(place.host, place.port, "guessed", place.certificate)
    with pytest.raises(PermissionError, match="not known here"):
        await asyncio.to_thread(lambda: stranger.request(want="status"))
    stranger.close()
    taking.source.stored(seen.run, 0, 1)
    await taking.close()
    with pytest.raises(SteeringError, match=r"does not answer|have been freed"):
        await asyncio.to_thread(read_frames, unseen)


def answers(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
async def test_the_unmodified_simulation_server_of_pvapy(dtype, workspace, monkeypatch):
    port, udp = free_port(), free_port()
    monkeypatch.setenv("EPICS_PVA_ADDR_LIST", "127.0.0.1")
    monkeypatch.setenv("EPICS_PVA_AUTO_ADDR_LIST", "NO")
    monkeypatch.setenv("EPICS_PVA_BROADCAST_PORT", str(udp))
    monkeypatch.setenv("EPICS_PVA_NAME_SERVERS", f"127.0.0.1:{port}")
    environment = os.environ | {
        "EPICS_PVAS_INTF_ADDR_LIST": "127.0.0.1",
        "EPICS_PVAS_SERVER_PORT": str(port),
        "EPICS_PVAS_BROADCAST_PORT": str(udp),
        "EPICS_PVAS_AUTO_BEACON_ADDR_LIST": "NO",
        "EPICS_PVAS_BEACON_ADDR_LIST": "127.0.0.1",
    }
    program = Path(sys.executable).with_name("pvapy-ad-sim-server")
    options = ["-cn", CHANNEL, "-nx", "64", "-ny", "48", "-dt", dtype, "-fps", "50", "-rt", "60", "-std", "4", "-dc"]
    quiet = asyncio.subprocess.DEVNULL
    running = await asyncio.create_subprocess_exec(program, *options, env=environment, stdout=quiet, stderr=quiet)
    # An address that refuses is asked again only ten seconds later.
    await until(lambda: answers(port), lambda: "the simulation server does not listen")
    taking = Taking(PvaSource(CHANNEL, workspace=workspace, frames=40, outlive=False))
    try:
        await taking.until_end()
    finally:
        running.kill()
        await running.wait()
        await taking.close()
    assert {taken.shape for taken in taking.pixels.values()} == {(48, 64)}
    assert {taken.dtype for taken in taking.pixels.values()} == {np.dtype(dtype)}
    assert taking.frames == sorted(set(taking.frames))
    assert len(taking.frames) + taking.source.status.missed >= 40
    assert taking.source.status.rejected == 0
    # Its server, on pvDatabase, repeats each frame hundreds of times for a client that asks for flow control.
    assert taking.source.status.repeated == 0
    assert re.match(r"TEST_Pva1_Image-\d{8}T", taking.items[0].run)
    assert not [
        one for one in psutil.process_iter(["cmdline"]) if str(workspace.directory) in (one.info["cmdline"] or [])
    ]


def test_an_unknown_policy_is_refused():
    with pytest.raises(SteeringError, match="Allowed: hold, newest"):
        PvaSource(CHANNEL, policy="oldest")
