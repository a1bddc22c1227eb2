"""A guest who sees none of the beamline's files: the service sends its frames, and lets the record be read."""

import json
import subprocess
import sys
import time

import httpx
import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

import steering
from steering.beamline.embedded import find_service
from steering.core.errors import SteeringError
from steering.core.waiting import within
from steering.core.workspace import Workspace
from steering.places.served import ServedFrames
from tests.beamline.site import over
from tests.processes import left_behind, of_workspace

pytestmark = pytest.mark.system
# Each process sees another folder there: that of the service is nobody else's.
HIDDEN = "/proc/self/cwd/beamline"


def served(tmp_path, *more):
    """Serve a beamline whose files have names that lead nowhere in any other process."""
    command = [sys.executable, "-m", "steering.cli", "serve", "--workspace", HIDDEN, "--speed", "20", *more]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    place = Workspace(tmp_path / "beamline")
    deadline = time.monotonic() + 120
    while find_service(place) is None:
        assert process.poll() is None, "the service ended"
        assert time.monotonic() < deadline, "the service did not start"
        time.sleep(0.1)
    return process, find_service(place)


@pytest.fixture(scope="module")
def guest(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guest")
    process, service = served(folder)
    made = steering.open(url=service["url"], token=service["token"], workspace=Workspace(folder / "guest"))
    yield made
    processes = of_workspace(made.workspace)
    made.shutdown()
    process.terminate()
    process.wait(300)
    assert left_behind(processes) == []


def test_a_guest_sees_what_the_host_sees(guest):
    run = guest.start("rocking", step=0.05)
    guest.wait(300)
    result = guest.board.result.value
    assert (result.provenance.run, result.provenance.frames) == (run, 21)
    assert guest.board.latency.value.counts.failed == 0
    block = guest._writer._documents.index.newest
    assert isinstance(block.place, ServedFrames)
    assert guest.frame_at(3).pixels.max() > 0

    # The record is the host's, and can be read but not written.
    kept = over(guest, run)
    assert kept.uid == run
    assert kept["primary"].sizes["event"] == 21
    assert (np.asarray(kept.frames(3, 4))[0] == guest.frame_at(3).pixels).all()
    token = guest._client.secret
    key = {"Authorization": f"Apikey {token}"}
    url = f"{guest._client.url}/api/v1"
    assert httpx.post(f"{url}/metadata/{run}", headers=key, json={}).json()["detail"] == (
        "The record can be read here, not written."
    )
    assert httpx.get(f"{url}/metadata/").status_code == 401
    assert httpx.get(f"{url}/metadata/", headers={"Authorization": "Apikey guess"}).status_code == 401

    # Frames of the runs' own files are sent, and nothing else.
    bearer = {"Authorization": f"Bearer {token}"}
    for path in ("/etc/passwd", f"{block.place.place.path}/../../run/beamline.json", "../beamline.json", ""):
        answer = httpx.get(f"{guest._client.url}/frames?path={path}&dataset=/a&first=0&stop=1", headers=bearer)
        assert answer.status_code == 409
        assert "No run of this service has named the file" in answer.json()["detail"]
    path = block.place.place.path
    for first, stop in ((-1, 1), (3, 3), (0, 10**6)):
        asked = {"path": path, "dataset": "/entry/data/data", "first": first, "stop": stop}
        answer = httpx.get(f"{guest._client.url}/frames", params=asked, headers=bearer)
        assert "not to be had at once" in answer.json()["detail"]
    assert httpx.get(f"{guest._client.url}/frames", params=asked).status_code == 401


def test_where_there_is_no_record_that_is_said(tmp_path):
    process, service = served(tmp_path, "--no-record")
    place = Workspace(tmp_path / "guest")
    guest = steering.open(url=service["url"], token=service["token"], workspace=place)
    try:
        with pytest.raises(SteeringError, match="runs without a record, as it was started with --no-record"):
            _ = guest.record
        guest.start("rocking", step=0.1)
        guest.wait(300)
        assert guest.board.result.value.provenance.frames == 11
        assert guest.board.notice.value == ""
    finally:
        guest.shutdown()
        process.terminate()
        process.wait(300)


async def heard_out(socket):
    while True:
        await within(30, socket.recv())


async def test_sockets_end_with_their_token(guest):
    client = guest._client
    # On the session's own loop, where its client lives.
    token = guest._do(client.token(guest.name, frozenset({"read", "operate"}), 3.0))
    address = client.url.replace("http", "ws", 1)
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        connect(f"{address}/stream", additional_headers=headers, proxy=None) as stream,
        connect(f"{address}/control", proxy=None) as control,
    ):
        # On one machine compression costs a core its time and saves nothing.
        assert [one.response.headers.get("Sec-WebSocket-Extensions") for one in (stream, control)] == [None, None]
        await control.send(json.dumps({"token": token}))
        for socket in (stream, control):
            with pytest.raises(ConnectionClosed) as closed:
                await heard_out(socket)
            assert closed.value.rcvd.code == 4401
            assert "The token has run out" in closed.value.rcvd.reason
