"""The WebSocket over which a page pauses, resumes, finishes and aborts past a busy kernel.

While a scan runs the page is sent a status at least once a second, each with a number: its *beat*. So the page sees
within seconds that the link is dead. With each press it sends the beat that it heard last. A press that lay in a dead
link until the link came back names an old beat, and is not carried out: a person has seen since that nothing happened.

While no scan runs nothing is sent, so that a hub can tell that nobody works.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from fastapi import HTTPException, WebSocket

from steering.beamline.pace import Pace, Paces
from steering.beamline.reading import read_json
from steering.beamline.sockets import STATUS_INTERVAL, until_one_ends, until_void, words
from steering.beamline.tokens import Person, Tokens
from steering.core.errors import SteeringError
from steering.core.json import Json
from steering.core.proposal import Ruling
from steering.core.waiting import within
from steering.service.service import Beamline
from steering.service.wire import UNAUTHORISED, dumps

Judge = Callable[[Beamline, Json, Person], Ruling]

HELLO_TIMEOUT = 10.0
BEAT_SECONDS = 1.0
# A press that names a beat of so long ago (seconds) has been under way for too long.
LATE_SECONDS = 3.0
_BEATS_KEPT = 64


async def serve_control(
    socket: WebSocket,
    beamline: Beamline,
    tokens: Tokens,
    judge: Judge,
    paces: Paces,
    pace_of: Callable[[Person], Pace],
) -> None:
    """Take pause, resume, finish and abort from a browser; push state and progress.

    Args:
        socket: Of the page.
        beamline: What is steered.
        tokens: Who may come in.
        judge: What judges a press.
        paces: Where it is counted how often somebody asks.
        pace_of: How often somebody may.
    """
    await socket.accept()
    try:
        hello = read_json(await within(HELLO_TIMEOUT, words(socket)))
        token = hello.get("token") if isinstance(hello, dict) else None
    except (TimeoutError, SteeringError):
        token = None
    person = tokens.person(token) if isinstance(token, str) else None
    if person is None or "operate" not in person.scopes:
        await paces.turn_away()
        await socket.close(UNAUTHORISED, "The token is missing, unknown or has run out.")
        return
    link = _Link(socket, beamline, person, judge, paces, pace_of)
    await until_one_ends(
        [
            asyncio.create_task(link.receive()),
            asyncio.create_task(link.push()),
            asyncio.create_task(until_void(socket, person)),
        ]
    )


class _Link:
    """One page."""

    def __init__(
        self,
        socket: WebSocket,
        beamline: Beamline,
        person: Person,
        judge: Judge,
        paces: Paces,
        pace_of: Callable[[Person], Pace],
    ) -> None:
        self._paces = paces
        self._pace_of = pace_of
        self._socket = socket
        self._beamline = beamline
        self._person = person
        self._judge = judge
        self._lock = asyncio.Lock()
        self._loop = asyncio.get_running_loop()
        self._beats: deque[tuple[int, float]] = deque(maxlen=_BEATS_KEPT)

    async def receive(self) -> None:
        """Answer each press, with its own id."""
        while True:
            text = await words(self._socket)
            # Counted apart: an agent or a script of the same person that is refused again and again must not be in the
            # way of the person's own abort.
            refused = await self._paces.turn(f"{self._person.name} on the page", self._pace_of(self._person))
            if refused is None:
                await self._paces.turn_away()
            answer = await self._answer(text, heard=refused is not None)
            ruling = answer.get("ruling")
            if refused is not None and isinstance(ruling, Ruling) and ruling.accepted:
                refused.give_back()
            await self._send(answer)

    async def push(self) -> None:
        """Send the status when it changes, and once a second while a scan runs."""
        sent: dict[str, Any] = {}
        beat = 0
        while True:
            status = await asyncio.to_thread(self._beamline.status)
            now = {
                "kind": "status",
                "state": status.state,
                "scanning": status.scanning,
                "points_done": status.points_done,
                "points_left": status.points_left,
                "why": status.why,
                "ended": status.ended.status,
            }
            quiet = self._loop.time() - self._beats[-1][1] if self._beats else BEAT_SECONDS
            if now != sent or (status.scanning and quiet >= BEAT_SECONDS):
                beat += 1
                await self._send({**now, "beat": beat})
                self._beats.append((beat, self._loop.time()))
                sent = now
            await asyncio.sleep(STATUS_INTERVAL)

    async def _send(self, content: dict[str, Any]) -> None:
        async with self._lock:
            await self._socket.send_text(dumps(content))

    async def _answer(self, text: str | bytes, *, heard: bool) -> dict[str, Any]:
        try:
            message = read_json(text)
        except SteeringError as error:
            return {"kind": "error", "id": "", "message": str(error)}
        if not isinstance(message, dict) or message.get("kind") != "propose":
            return {"kind": "error", "id": "", "message": 'Only messages of kind "propose" are taken here.'}
        named = message.get("id")
        answer = {"id": named if isinstance(named, str) else ""}
        if not heard:
            return {"kind": "error", **answer, "message": f"{self._person.name} asks too often. Wait a second."}
        late = self._late(message.get("heard"))
        if late:
            return {"kind": "late", **answer, "message": late}
        content: Json = {name: value for name, value in message.items() if name not in ("kind", "heard")}
        try:
            ruling = await asyncio.to_thread(self._judge, self._beamline, content, self._person)
        except HTTPException as error:
            return {"kind": "error", **answer, "message": str(error.detail)}
        return {"kind": "ruling", **answer, "ruling": ruling}

    def _late(self, heard: Json) -> str:
        """Say why a press is too late to be carried out; empty if it is not."""
        if isinstance(heard, bool) or not isinstance(heard, int):
            return "A press needs heard, the number of the beat that was heard last."
        at = next((sent for beat, sent in self._beats if beat == heard), None)
        if at is None:
            return "This was pressed before the link was there, so it was not carried out. Press again."
        age = self._loop.time() - at
        if age <= LATE_SECONDS or not self._beamline.status().scanning:
            return ""
        return f"This came about {age:.0f} s after it was pressed, so it was not carried out. Press again to do it."
