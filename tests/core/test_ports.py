"""A port that waits for its server is one that no connection is given meanwhile."""

import socket
from pathlib import Path

import pytest

from steering.machine import ports
from steering.machine.ports import free_port


def test_it_is_free_and_below_those_that_connections_are_given():
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    found = [free_port() for _ in range(50)]
    assert all(port < first for port in found)
    assert len(set(found)) > 1
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(type=kind) as one:
            one.bind(("127.0.0.1", found[0]))


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_one_that_is_taken_for_tcp_or_udp_is_not_picked(kind, monkeypatch):
    with socket.socket(type=kind) as one:
        one.bind(("127.0.0.1", 0))
        taken, free = one.getsockname()[1], free_port()
        monkeypatch.setattr(ports.random.SystemRandom, "sample", lambda *_: [taken, free])
        assert free_port() == free
        monkeypatch.setattr(ports.random.SystemRandom, "sample", lambda *_: [taken])
        with pytest.raises(OSError, match="is free"):
            free_port()


def test_where_the_system_says_no_range_linux_usual_one_holds(monkeypatch, tmp_path):
    for text in ("", "many ports", None):
        file = tmp_path / "range"
        file.unlink(missing_ok=True)
        if text is not None:
            file.write_text(text)
        monkeypatch.setattr(ports, "_RANGE", file)
        assert 10_000 <= free_port() < 32_768
    # A machine whose connections may have any port: whatever is free.
    file.write_text("1024 65535")
    assert 1024 <= free_port() < 65_536
