"""Hears from a Tiled server, by its websocket, that something has changed.

Tiled sends what was written as messages of their own. Here they only say *when* to look: what is looked at then is read
in the usual way, in order and without gaps, whatever was missed while the connection was down. A server that has no
streams, or an older one, is looked at now and then as ever.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from steering.machine.direct import is_loopback, key_headers

# After a connection was lost (seconds). A server that refuses is asked again much later.
_AGAIN_SECONDS, _REFUSED_SECONDS = 2.0, 60.0
# A server that is gone does not answer that a connection is closed; nobody waits for that.
_PARTING_SECONDS = 1.0
_LARGEST_MESSAGE = 64 << 20


class TiledNews:
    """Listens to some nodes of a catalogue. Belongs to the event loop that :meth:`listen` first runs in."""

    def __init__(self, key: str, tell: Callable[[], None]) -> None:
        """Prepare.

        Args:
            key: API key, if the server wants one.
            tell: Called for each message.
        """
        self._key = key
        self._tell = tell
        self._listening: dict[str, asyncio.Task[None]] = {}
        self._heard: set[str] = set()

    @property
    def connected(self) -> bool:
        """Whether each change of the nodes is heard of now."""
        return bool(self._listening) and self._heard >= self._listening.keys()

    def listen(self, nodes: Iterable[str]) -> None:
        """Listen to these nodes and no others.

        Args:
            nodes: Addresses of their metadata, as Tiled's client gives them (``node.uri``).
        """
        wanted = {_stream_of(node) for node in nodes}
        for address in self._listening.keys() - wanted:
            self._listening.pop(address).cancel()
            self._heard.discard(address)
        for address in wanted - self._listening.keys():
            self._listening[address] = asyncio.get_running_loop().create_task(self._follow(address))

    async def close(self) -> None:
        """End all connections."""
        tasks = list(self._listening.values())
        self.listen(())
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, address: str) -> None:
        from websockets.exceptions import InvalidHandshake, WebSocketException

        while True:
            pause = _AGAIN_SECONDS
            try:
                await self._hear(address)
            except InvalidHandshake:
                pause = _REFUSED_SECONDS
            except (WebSocketException, OSError):
                pass
            finally:
                self._heard.discard(address)
            await asyncio.sleep(pause)

    async def _hear(self, address: str) -> None:
        from websockets.asyncio.client import connect

        direct: dict[str, Any] = {"proxy": None} if is_loopback(address) else {}
        async with connect(
            address,
            additional_headers=key_headers(self._key),
            max_size=_LARGEST_MESSAGE,
            max_queue=1,
            close_timeout=_PARTING_SECONDS,
            **direct,
        ) as socket:
            self._heard.add(address)
            # What was written before is looked for once.
            self._tell()
            async for _ in socket:
                self._tell()


def _stream_of(node: str) -> str:
    """Say where a node's messages come from."""
    parts = urlsplit(node)
    scheme = "wss" if parts.scheme == "https" else "ws"
    path = parts.path.replace("/metadata/", "/stream/single/", 1)
    return urlunsplit((scheme, parts.netloc, path, "envelope_format=msgpack", ""))
