"""The WebSocket that sends a client everything, and what both sockets share."""

import asyncio
import math
from contextlib import aclosing, suppress

from fastapi import WebSocket, WebSocketDisconnect

from steering.beamline.newest import Newest
from steering.beamline.tokens import Person
from steering.core.instrument import Instrument
from steering.core.plan import Plan
from steering.core.waiting import within
from steering.machine.steady import steady
from steering.service.service import Beamline
from steering.service.wire import UNAUTHORISED, dumps, encode_frame, encode_plan

# Status is sent at most so often (seconds); entries are sent at once.
STATUS_INTERVAL = 0.1
INSTRUMENT_INTERVAL = 0.5
PREVIEW_INTERVAL = 0.005
HEARTBEAT_INTERVAL = 2.0
# The clock may be set meanwhile.
_LONGEST_SLEEP = 1.0
# How what starlette and uvicorn raise for a socket that is closed begins.
_CLOSED = ("Cannot call", "WebSocket is not connected", "Unexpected ASGI message")


async def serve_stream(socket: WebSocket, beamline: Beamline, person: Person | None, newest: Newest) -> None:
    """Send a client everything: the run so far, then each entry as it comes, status, and the newest frames."""
    await socket.accept()
    if person is None or "read" not in person.scopes:
        await socket.close(UNAUTHORISED, "The token is missing, unknown or has run out. Ask for a new one.")
        return
    scans = await asyncio.to_thread(beamline.scans)
    await socket.send_text(dumps({"kind": "welcome", "name": person.name, "scans": list(scans)}))
    lock = asyncio.Lock()
    tasks = [
        asyncio.create_task(_send_entries(socket, beamline, lock)),
        asyncio.create_task(_send_status(socket, beamline, lock)),
        asyncio.create_task(_send_plan(socket, beamline, lock)),
        asyncio.create_task(_send_instrument(socket, beamline, lock)),
        asyncio.create_task(_send_frames(socket, newest, lock)),
        asyncio.create_task(_drain(socket)),
        asyncio.create_task(until_void(socket, person)),
    ]
    await until_one_ends(tasks)


async def _send_entries(socket: WebSocket, beamline: Beamline, lock: asyncio.Lock) -> None:
    listener = beamline.hub.listen()
    try:
        async for began, entries in listener.batches():
            if began:
                async with lock:
                    await socket.send_text(dumps({"kind": "begin"}))
            for entry in entries:
                async with lock:
                    await socket.send_text(dumps({"kind": entry.kind, "name": entry.name, "content": entry.content}))
    finally:
        beamline.hub.leave(listener)


async def _send_status(socket: WebSocket, beamline: Beamline, lock: asyncio.Lock) -> None:
    loop = asyncio.get_running_loop()
    sent, sent_at = None, 0.0
    while True:
        status = await asyncio.to_thread(beamline.status)
        if status != sent or loop.time() - sent_at > HEARTBEAT_INTERVAL:
            async with lock:
                await socket.send_text(dumps({"kind": "status", "status": status}))
            sent, sent_at = status, loop.time()
        await asyncio.sleep(STATUS_INTERVAL)


async def _send_plan(socket: WebSocket, beamline: Beamline, lock: asyncio.Lock) -> None:
    """Send the plan now, and whenever it has changed."""
    sent: Plan | None = None
    while True:
        plan = await asyncio.to_thread(beamline.plan)
        if plan is not sent:
            message = await asyncio.to_thread(encode_plan, plan)
            async with lock:
                await socket.send_text(message)
            sent = plan
        await asyncio.sleep(STATUS_INTERVAL)


async def _send_instrument(socket: WebSocket, beamline: Beamline, lock: asyncio.Lock) -> None:
    """Send the instrument strip when what a person reads in it has changed."""
    sent = Instrument()
    while True:
        shown = beamline.instrument()
        if shown != sent:
            async with lock:
                await socket.send_text(dumps({"kind": "instrument", "readings": list(shown.readings)}))
            sent = shown
        await asyncio.sleep(INSTRUMENT_INTERVAL)


async def _send_frames(socket: WebSocket, newest: Newest, lock: asyncio.Lock) -> None:
    async with aclosing(newest.frames()) as frames:
        async for frame in frames:
            async with lock:
                await socket.send_bytes(encode_frame(frame))
            # No eye sees more.
            await asyncio.sleep(PREVIEW_INTERVAL)


async def _drain(socket: WebSocket) -> None:
    """Notice that the client has gone; what it says on this socket means nothing."""
    while True:
        await words(socket)


async def words(socket: WebSocket) -> str | bytes:
    """Wait for the next message of a client; whoever reads it checks what is in it, text or not.

    Raises:
        WebSocketDisconnect: If the client has gone.
    """
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005), message.get("reason"))
    text = message.get("text")
    return text if text is not None else message.get("bytes") or b""


async def until_void(socket: WebSocket, person: Person) -> None:
    """Close a socket when the token that opened it runs out; never ends where it does not."""
    never = asyncio.Event()
    while (left := person.until - steady()) > 0:
        with suppress(TimeoutError):
            await within(None if math.isinf(left) else min(left, _LONGEST_SLEEP), never.wait())
    await socket.close(UNAUTHORISED, "The token has run out. Ask for a new one.")


async def until_one_ends(tasks: list["asyncio.Task[None]"]) -> None:
    """Wait until a task ends, mostly because the client has gone; end the others."""
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in outcomes:
        gone = isinstance(outcome, asyncio.CancelledError | WebSocketDisconnect)
        if isinstance(outcome, Exception) and not gone and not _of_closed_socket(outcome):
            raise outcome


def _of_closed_socket(error: Exception) -> bool:
    """Say whether an error means that the socket is closed: there is no class of its own for it."""
    return isinstance(error, RuntimeError) and str(error).startswith(_CLOSED)
