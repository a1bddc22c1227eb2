"""A proxy is set, as at most laboratories: it hears nothing of a session, its service, its record, nor their tokens."""

import asyncio
import json
import socket
import threading

import pytest

import steering
from steering.commands.check import check
from steering.core.workspace import Workspace
from steering.sources.tiled import TiledSource

pytestmark = pytest.mark.system


@pytest.fixture
def heard(monkeypatch):
    """What a listener hears that the environment names as the proxy for everything."""
    calls = []
    listener = socket.create_server(("127.0.0.1", 0))

    def listen():
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer:
                peer.settimeout(3)
                calls.append(peer.recv(4000))

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, address)
        monkeypatch.setenv(name.upper(), address)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield calls
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


async def test_a_whole_session_asks_no_proxy(heard, tmp_path, capsys):
    place = Workspace(tmp_path)
    session = steering.open(workspace=place, speed=20.0)
    try:
        run = session.start("rocking", step=0.1)
        session.wait(300)
        assert session.record[run].result("rocking_curve")
        record = session._record_address
        source = TiledSource(record["url"], key=record["key"], run=run)
        async for item in source.items():
            if item.run == run:
                source.close()
        guest = steering.open(**session.invite("guest"), workspace=Workspace(tmp_path / "guest"))
        guest.shutdown()
        await asyncio.to_thread(check, ["--workspace", str(place.directory), "--json"])
        findings = {found["what"]: found for found in json.loads(capsys.readouterr().out)}
        assert findings["record"]["ready"]
        assert findings["beamline service"]["ready"]
    finally:
        session.shutdown()
    assert heard == []
