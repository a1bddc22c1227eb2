"""A port for a server that is still to be started."""

import random
import socket
from contextlib import ExitStack
from pathlib import Path

_LOOPBACK = "127.0.0.1"
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST, _USUAL_FIRST = 10_000, 32_768


def free_port() -> int:
    """Pick a port that is free on loopback now, for TCP and UDP, and that no connection is given later.

    A server binds seconds after its port was chosen. Any connection of any program may have been given a port of the
    system's own range by then, so one below that range is picked. Another server may still be faster.

    Raises:
        OSError: If none of a thousand is free.
    """
    try:
        first = int(_RANGE.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        # Another system: Linux' usual range.
        first = _USUAL_FIRST
    system = random.SystemRandom()
    ports = range(_LOWEST, first) if first - _LOWEST > 1000 else range(1024, 65_536)
    for port in system.sample(ports, 1000):
        if _is_free(port):
            return port
    message = "none of a thousand ports on 127.0.0.1 is free"
    raise OSError(message)


def _is_free(port: int) -> bool:
    with ExitStack() as stack:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            try:
                stack.enter_context(socket.socket(type=kind)).bind((_LOOPBACK, port))
            except OSError:
                return False
    return True
