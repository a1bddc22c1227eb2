"""Serves a ring over TLS: references to the session that follows, pixels to workers that do not see the files."""

import asyncio
import hmac
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from ssl import SSLContext
from typing import Any

from steering.core.waiting import within
from steering.ingest.ring import Ring
from steering.ingest.taker import POLICIES, Taker
from steering.ingest.wire import LINE_BYTES, answer

_LONGEST_WAIT = 5.0
# A worker that has pixels open does not listen for our goodbye; the usual time to wait for its answer is half a minute.
_GOODBYE_SECONDS = 1.0
_MOST_ITEMS = 64
_MOST_PIXELS = 1 << 30


class RingServer:
    """Answers those who bear one of two tokens.

    Attributes:
        sessions: How many sessions follow now.
    """

    def __init__(
        self,
        ring: Ring,
        status: Callable[[], dict[str, Any]],
        own: str,
        read: str,
        settle: Callable[[float, int], None],
    ) -> None:
        """Serve a ring.

        Args:
            ring: What is served.
            status: Says how the ingest is, in JSON.
            own: Token of sessions: they take, store and end.
            read: Token of workers: they read pixels.
            settle: Is told by each session that follows how runs end (:meth:`steering.ingest.monitor.Monitor.settle`).
        """
        self.sessions = 0
        self.stop = asyncio.Event()
        self._ring = ring
        self._status = status
        self._own, self._read, self._settle = own, read, settle
        self._open: dict[asyncio.Task[None], _Conversation] = {}

    async def start(self, host: str, port: int, context: SSLContext) -> asyncio.Server:
        """Listen; return the server, whose socket tells the port."""
        return await asyncio.start_server(
            self._accept, host, port, ssl=context, ssl_shutdown_timeout=_GOODBYE_SECONDS, limit=LINE_BYTES
        )

    async def close(self) -> None:
        """End all conversations."""
        for conversation in self._open.values():
            conversation.end()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversation = _Conversation(self._ring, self._status, self.stop, writer, self._settle)
        task = asyncio.current_task()
        if task is not None:
            self._open[task] = conversation
            task.add_done_callback(self._open.pop)
        try:
            greeting = json.loads(await within(_LONGEST_WAIT, reader.readline()))
            token = str(greeting["token"])
            own = hmac.compare_digest(token.encode(), self._own.encode())
            if not own and not hmac.compare_digest(token.encode(), self._read.encode()):
                writer.write(answer({"error": "This token is not known here."}))
                return
            self.sessions += own
            try:
                while line := await reader.readline():
                    reply = await conversation.reply(json.loads(line), own=own)
                    if writer.is_closing():
                        return
                    writer.write(reply)
                    await writer.drain()
            finally:
                self.sessions -= own
        except (ValueError, KeyError, TypeError, OSError, TimeoutError) as error:
            # Whoever sends rubbish is told so and let go; the others go on.
            with suppress(OSError):
                writer.write(answer({"error": f"{type(error).__name__}: {error}"}))
        finally:
            conversation.close()
            writer.close()


class _Conversation:
    """One connection."""

    def __init__(
        self,
        ring: Ring,
        status: Callable[[], dict[str, Any]],
        stop: asyncio.Event,
        writer: asyncio.StreamWriter,
        settle: Callable[[float, int], None],
    ) -> None:
        self._writer = writer
        self._settle = settle
        self._ring = ring
        self._status = status
        self._stop = stop
        self._taker: Taker | None = None
        self._news = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._waiting = False

    async def reply(self, request: dict[str, Any], *, own: bool) -> bytes:
        """Answer one request.

        Raises:
            ValueError: If it is not allowed or not known.
        """
        match request["want"]:
            case "pixels":
                return await asyncio.to_thread(self._pixels, request)
            case "follow" if own:
                self._follow(request)
            case "take" if own:
                return answer({"items": await self._take(request), **self._state()})
            case "stored" if own:
                for run, start, stop in request["ranges"]:
                    self._ring.stored(str(run), int(start), int(stop))
            case "end" if own:
                self._stop.set()
            case "status" if own:
                pass
            case other:
                message = f"{other!r:.40} is not allowed with this token"
                raise ValueError(message)
        return answer(self._state())

    def end(self) -> None:
        """Hang up, also on who waits for news."""
        self._writer.close()
        self._news.set()

    def close(self) -> None:
        """Let go of the ring."""
        if self._taker is not None:
            self._ring.detach(self._taker)

    def _state(self) -> dict[str, Any]:
        status = self._status()
        if self._taker is not None:
            status["later"] += self._taker.later
            status["missed"] += self._taker.missed
        return {"status": status}

    def _follow(self, request: dict[str, Any]) -> None:
        if request["policy"] not in POLICIES or self._taker is not None:
            message = f"policy {request['policy']!r:.40}; allowed once a connection: {', '.join(POLICIES)}"
            raise ValueError(message)
        have = {str(run): [(int(low), int(high)) for low, high in held] for run, held in request["have"].items()}
        if "frames" in request:
            self._settle(float(request["idle"]), int(request["frames"]))
        self._taker = Taker(request["policy"], have)
        self._ring.attach(self._taker, self._wake)

    def _wake(self) -> None:
        # From the thread that appends, with the ring locked: only a note, and only if somebody waits for it.
        if self._waiting:
            self._waiting = False
            self._loop.call_soon_threadsafe(self._news.set)

    async def _take(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        if self._taker is None:
            message = "follow first"
            raise ValueError(message)
        most = min(int(request["most"]), _MOST_ITEMS)
        self._news.clear()
        self._waiting = True
        items = self._ring.take(self._taker, most)
        if not items:
            with suppress(TimeoutError):
                await within(min(float(request["wait"]), _LONGEST_WAIT), self._news.wait())
            items = self._ring.take(self._taker, most)
        self._waiting = False
        return items

    def _pixels(self, request: dict[str, Any]) -> bytes:
        offset, size = int(request["offset"]), int(request["bytes"])
        path = self._ring.path(str(request["segment"]))
        if path is None or not 0 < size <= _MOST_PIXELS or offset < 0:
            return answer({"error": "These frames have been freed, because their result is stored."})
        try:
            return answer({}, _piece(path, offset, size))
        except FileNotFoundError:
            # It was spilled to disk between the question and the answer.
            moved = self._ring.path(str(request["segment"]))
            if moved is None:
                return answer({"error": "These frames have been freed, because their result is stored."})
            return answer({}, _piece(moved, offset, size))


def _piece(path: Path, offset: int, size: int) -> bytes:
    with path.open("rb") as file:
        return os.pread(file.fileno(), size, offset)
