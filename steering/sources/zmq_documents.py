"""Blocks from the documents of a RunEngine elsewhere, that its 0MQ publisher sends; read only.

The RunEngine has a ``bluesky.callbacks.zmq.Publisher``, which sends to a proxy (``bluesky-zmq-proxy``); this listens to
the proxy's other port. Documents are JSON, or pickles, which are read and never run
(:mod:`steering.documents.plain_pickle`). 0MQ keeps nothing for who does not
listen: a run that began before is left out.
"""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, cast

from numpy.typing import NDArray

from steering.core.errors import SteeringError
from steering.core.source import SourceItem, SourceStatus
from steering.documents.plain_pickle import read_pickle
from steering.sources.documents import DocumentSource

# A larger message is no document, and the connection that it came by is closed.
_MOST_BYTES = 64_000_000
# The other side is asked so often (milliseconds) whether it is there, and has so long to answer.
_HEARTBEAT_MS, _SILENCE_MS = 1000, 3000
# So many documents that wait are taken in before their blocks are handed on, joined.
_AT_ONCE = 1024
# More runs are never open at once: of these the oldest has lost its end.
_MOST_OPEN = 16


class ZmqSource:
    """Listens to a 0MQ proxy that a RunEngine publishes to."""

    def __init__(
        self,
        address: str = "127.0.0.1:5578",
        *,
        prefix: str = "",
        keys: "tuple[str | Path, str | Path] | None" = None,
        stream: str = "primary",
        detector: str = "",
        mask: "str | Path | NDArray[Any] | None" = None,
        saturated: float = math.inf,
    ) -> None:
        """Choose what to listen to; nothing is opened before :meth:`items`.

        Args:
            address: Host and port of the proxy's out port, for example ``"beamline:5578"``.
            prefix: The publisher's, if several share the proxy; all are listened to if left out.
            keys: For a proxy with CURVE security: the file with our secret key, and the one with the server's public
                key, as ``zmq.auth.create_certificates`` writes them.
            stream: Which stream's frames and events.
            detector: Whose frames are taken where there are several: a data key, or the name of a device. The first
                one of the stream's descriptor if left out.
            mask: Bad pixels: an array of the frames' shape that is not zero where they are bad, or a file with one.
            saturated: Counts from which on a pixel is saturated, and so no count.

        Raises:
            SteeringError: If the address or the prefix is none.
        """
        host, _, port = address.removeprefix("tcp://").rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            message = (
                f"The address {address!r:.80} is none: name the host and the proxy's out port, such as beamline:5578."
            )
            raise SteeringError(message)
        if " " in prefix:
            message = f"The prefix {prefix!r:.80} has a space in it, which no publisher's has."
            raise SteeringError(message)
        self._address = f"tcp://{host}:{port}"
        self._prefix = prefix.encode()
        self._keys = keys
        self._documents = DocumentSource(stream, detector=detector, mask=mask, saturated=saturated)
        self._unread = 0
        self._unread_sentence = ""
        self._linked: bool = False
        # Uids of the runs that are open, and of their descriptors.
        self._known: dict[str, set[str]] = {}
        self._before = 0
        self._closing: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self._closed = False

    @property
    def rejected(self) -> int:
        """How many documents were malformed."""
        return self._documents.rejected + self._unread

    @property
    def last_rejection(self) -> str:
        """A sentence about the newest of them."""
        return self._unread_sentence or self._documents.last_rejection

    @property
    def status(self) -> SourceStatus:
        """How it is; ``"lost"`` while the proxy cannot be reached."""
        told = self._documents.status
        state, detail = told.state, told.detail
        if self._closed:
            state = "ended"
        elif self._closing is not None and not self._linked:
            state = "lost"
            detail = (
                f"Nobody answers at {self._address}. It is tried on: is the proxy running, and is this its out port?"
            )
        elif self._before:
            detail = (
                f"A run began before this session listened: it is left out ({self._before} documents so far). {detail}"
            ).strip()
        return SourceStatus(state, detail, told.frames, told.missed, self.rejected, told.repeated, told.later)

    async def items(self) -> AsyncIterator[SourceItem]:
        """Yield run starts, blocks and run ends."""
        import zmq
        import zmq.asyncio

        closing = asyncio.Event()
        self._closing = asyncio.get_running_loop(), closing
        context = zmq.asyncio.Context()
        socket = context.socket(zmq.SUB)
        tasks: list[asyncio.Task[Any]] = []
        try:
            socket.setsockopt(zmq.LINGER, 0)
            socket.setsockopt(zmq.MAXMSGSIZE, _MOST_BYTES)
            # Nothing is thrown away while the session is busy.
            socket.setsockopt(zmq.RCVHWM, 0)
            socket.setsockopt(zmq.HEARTBEAT_IVL, _HEARTBEAT_MS)
            socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, _SILENCE_MS)
            self._secure(socket)
            monitor = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
            socket.setsockopt(zmq.SUBSCRIBE, self._prefix)
            socket.connect(self._address)
            waiting = asyncio.create_task(closing.wait())
            tasks += [waiting, asyncio.create_task(self._watch(monitor))]
            while not self._closed:
                receiving = asyncio.ensure_future(socket.recv())
                await asyncio.wait([receiving, waiting], return_when=asyncio.FIRST_COMPLETED)
                if not receiving.done():
                    receiving.cancel()
                    break
                self._take(receiving.result())
                for _ in range(_AT_ONCE):
                    if not await socket.poll(0):
                        break
                    self._take(await socket.recv())
                for item in self._documents.taken():
                    yield item
            self._documents.end_open()
            self._documents.close()
            for item in self._documents.taken():
                yield item
        finally:
            self._closed = True
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            socket.disable_monitor()
            context.destroy(linger=0)

    def stored(self, run: str, start: int, stop: int) -> None:
        """Do nothing: the frames are in the detector's own files."""

    def close(self) -> None:
        """End ``items``; runs that are open end as failed, as their end is not heard."""
        self._closed = True
        if self._closing is not None and not self._closing[0].is_closed():
            self._closing[0].call_soon_threadsafe(self._closing[1].set)

    def _secure(self, socket: Any) -> None:
        """Take the keys of a proxy with CURVE security.

        Raises:
            SteeringError: If a file cannot be read, or holds no key.
        """
        if self._keys is None:
            return
        import zmq.auth

        auth = cast("Any", zmq.auth)
        ours, theirs = (Path(one).expanduser() for one in self._keys)
        try:
            public, secret = auth.load_certificate(ours)
            server, _ = auth.load_certificate(theirs)
        except (OSError, ValueError) as error:
            message = f"The keys for {self._address} cannot be read: {error}."
            raise SteeringError(message) from error
        if secret is None:
            message = f"{ours} holds no secret key. Name the file that ends in .key_secret."
            raise SteeringError(message)
        socket.curve_publickey, socket.curve_secretkey, socket.curve_serverkey = public, secret, server

    async def _watch(self, monitor: Any) -> None:
        """Know whether the proxy is there: 0MQ itself tries on without a word."""
        import zmq
        from zmq.utils import monitor as events

        while True:
            event: dict[str, Any] = await cast("Any", events).recv_monitor_message(monitor)
            self._linked = bool(event["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED)

    def _take(self, message: bytes) -> None:
        """Take in a message: prefix, name and document, with spaces between."""
        prefix, _, rest = message.partition(b" ")
        name, _, content = rest.partition(b" ")
        if self._prefix and prefix != self._prefix:
            # A longer one that begins alike.
            return
        try:
            self._feed(name.decode("ascii"), _document(content))
        except (ValueError, RecursionError) as error:
            self._unread += 1
            self._unread_sentence = f"A message from {self._address} is no document: {error!s:.200}."

    def _feed(self, name: str, document: Mapping[str, Any]) -> None:
        match name:
            case "start":
                self._before = 0
                self._known[str(document.get("uid"))] = set()
                while len(self._known) > _MOST_OPEN:
                    del self._known[next(iter(self._known))]
            case "descriptor" if (run := str(document.get("run_start"))) in self._known:
                self._known[run].add(str(document.get("uid")))
            case "stop":
                self._known.pop(str(document.get("run_start")), None)
                self._before = 0
            case "event" | "event_page" | "descriptor":
                descriptor = str(document.get("descriptor"))
                self._before += not any(descriptor in known for known in self._known.values())
            case _:
                pass
        self._documents.feed(name, document)


# The first byte of a pickle: of the protocols from 2 on, and of a dictionary's in protocol 0 and 1.
_PICKLES = (b"\x80", b"(", b"}")


def _document(content: bytes) -> Mapping[str, Any]:
    """Read a document.

    Raises:
        ValueError: If it is none.
    """
    document = read_pickle(content) if content[:1] in _PICKLES else json.loads(content)
    if isinstance(document, dict):
        return cast("Mapping[str, Any]", document)
    message = f"it is a {type(document).__name__}, not a dictionary"
    raise ValueError(message)
