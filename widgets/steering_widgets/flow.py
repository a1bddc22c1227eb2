"""How much may be under way to a view: at most two frames, the latest wins, and nothing waits for ever."""

import asyncio
import time
from dataclasses import dataclass, field

# A frame that was sent and not acknowledged for so long (seconds) no longer holds the next one up.
ACK_SECONDS = 1.5
# While a cell blocks the kernel no acknowledgement can be read; then a frame goes out this often.
BLOCKED_SECONDS = 0.15
# A view that was not heard of for so long is gone; its page says that it is there every few seconds.
GONE_SECONDS = 20.0
MOST_IN_FLIGHT = 2


@dataclass
class Window:
    """The part of the frame that a view looks at, in pixels; zero size is the whole frame."""

    row: int = 0
    column: int = 0
    rows: int = 0
    columns: int = 0


@dataclass
class Flow:
    """What one view wants, and what is under way to it.

    Attributes:
        width: Width of its canvas in screen pixels.
        height: Height of its canvas in screen pixels.
        visible: Whether anybody can see it.
        window: What it looks at.
        shown: What was last sent, to tell whether there is news.
        heard: Monotonic time at which it was last heard of, in seconds.
    """

    width: float
    height: float
    visible: bool
    window: Window
    shown: object = None
    heard: float = field(default_factory=time.monotonic)
    _in_flight: dict[int, float] = field(default_factory=dict[int, float])

    def ready(self, now: float, *, blocked: bool) -> bool:
        """Say whether another frame may go out."""
        patience = BLOCKED_SECONDS if blocked else ACK_SECONDS
        self._in_flight = {serial: at for serial, at in self._in_flight.items() if now - at < patience}
        limit = 1 if blocked else MOST_IN_FLIGHT
        return self.visible and len(self._in_flight) < limit

    def gone(self, now: float, *, blocked: bool) -> bool:
        """Say whether the view has been silent for too long."""
        if blocked:
            # It may well speak: nobody listens.
            self.heard = now
        return now - self.heard > GONE_SECONDS

    def sent(self, serial: int, now: float, shown: object) -> None:
        """Note that a frame went out."""
        self._in_flight[serial] = now
        self.shown = shown

    def acknowledged(self, serial: int, now: float) -> None:
        """Note that a frame was painted."""
        self._in_flight.pop(serial, None)
        self.heard = now


class Pulse:
    """Feels whether the kernel's main loop runs, or a cell blocks it."""

    def __init__(self) -> None:
        """Take the loop that this thread runs in; without one nothing is ever blocked."""
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None
        self._asked = 0.0
        self._answered = True

    def blocked(self, now: float) -> bool:
        """Say whether the loop has not answered for a while; ask again. Cheap: one call an eighth of a second."""
        if self._loop is None or self._loop.is_closed():
            return False
        if self._answered and now - self._asked > BLOCKED_SECONDS:
            self._asked, self._answered = now, False
            self._loop.call_soon_threadsafe(self._answer)
        return not self._answered and now - self._asked > BLOCKED_SECONDS

    def _answer(self) -> None:
        self._answered = True
