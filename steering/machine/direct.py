"""Ways to this machine and to a session's own service: never through a proxy, whatever the environment says.

Laboratories set ``HTTP_PROXY``. A proxy cannot reach a loopback address, and a token that it is handed is not a secret
any more. What lies outside (data, Globus) goes the way that the environment says.
"""

import ipaddress
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Lock
from typing import Final, TypeVar
from urllib.parse import urlsplit

Value = TypeVar("Value")

# For ``httpx``: takes the place of what the environment says, and nothing else of it (certificates stay).
MOUNTS: Final[dict[str, None]] = {"http://": None, "https://": None, "all://": None}
_NAMES = ("no_proxy", "NO_PROXY")
_LOCK = Lock()


def is_loopback(url: str) -> bool:
    """Say whether an address is this machine's own."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@contextmanager
def no_proxy(url: str) -> Generator[None]:
    """Have an HTTP client that is made inside go to a host directly, where it takes no :data:`MOUNTS`.

    Tiled's client reads the environment once, when it is made.
    """
    host = urlsplit(url).hostname or ""
    with _LOCK:
        before = {name: os.environ.get(name) for name in _NAMES}
        for name, value in before.items():
            os.environ[name] = ",".join(filter(None, (value, host)))
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


def made_for(url: str, make: Callable[[], Value], *, own: bool = False) -> Value:
    """Make an HTTP client of a server, without a proxy if that is on this machine.

    Args:
        url: Of the server.
        make: Makes the client; called once.
        own: Whether the server is a session's own: then no proxy is asked, wherever it is.
    """
    if not (own or is_loopback(url)):
        return make()
    with no_proxy(url):
        return make()


def key_headers(key: str) -> dict[str, str]:
    """Write what a request to a Tiled server carries; its own client asks its first question without the key."""
    return {"Authorization": f"Apikey {key}"} if key else {}
