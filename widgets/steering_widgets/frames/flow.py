"""How much may be under way to a view: at most two frames, the latest wins, and nothing waits for ever.

A view that keeps up is asked only now and then whether it has painted a frame. Each answer makes the kernel busy and
idle again, which JupyterLab shows on each page in half a dozen places, with two requests to its server for the page's
icon: at ten frames a second more work than painting them.
"""

import asyncio
import math
from dataclasses import dataclass, field
from typing import NamedTuple

# A frame that was sent and not acknowledged for so long (seconds) no longer holds the next one up.
ACK_SECONDS = 1.5
# A view that answered sooner keeps up, and is asked this often (seconds).
QUICK_SECONDS = 0.15
ASK_SECONDS = 0.5
# While a cell blocks the kernel no acknowledgement can be read; then a frame goes out this often.
BLOCKED_SECONDS = 0.15
# A view that has not answered for so long is gone. If it is there after all, it hears that, and speaks again.
GONE_SECONDS = 20.0
MOST_IN_FLIGHT = 2
# A histogram is read by a person: so often (seconds) is enough. It goes with a frame that goes anyway; only one that no
# other has followed for so long goes a second time for it.
COUNTED_SECONDS = 0.5


@dataclass
class Window:
    """The part of the frame that a view looks at, in pixels; zero size is the whole frame."""

    row: int = 0
    column: int = 0
    rows: int = 0
    columns: int = 0


class Sending(NamedTuple):
    """What goes with a frame: its histogram, and the question whether it has been painted."""

    counts: bool
    asks: bool


@dataclass
class Flow:
    """What one view wants, and what is under way to it.

    Attributes:
        width: Width of its canvas in screen pixels.
        height: Height of its canvas in screen pixels.
        visible: Whether anybody can see it.
        window: What it looks at.
        shown: What was last sent, to tell whether there is news.
        counted: What was last sent with its histogram.
        counted_at: When that was, monotonic time in seconds.
        waited: Monotonic time since which it was asked and has not answered, in seconds; NaN if it owes no answer.
    """

    width: float
    height: float
    visible: bool
    window: Window
    shown: object = None
    counted: object = None
    counted_at: float = -math.inf
    waited: float = math.nan
    _asked: dict[int, float] = field(default_factory=dict[int, float])
    _since: int = 0
    _sent_at: float = -math.inf
    _asked_at: float = -math.inf
    _took: float = math.inf

    def ready(self, now: float, *, blocked: bool) -> bool:
        """Say whether another frame may go out."""
        if blocked:
            # No answer can be read.
            return self.visible and now - self._sent_at >= BLOCKED_SECONDS
        late = [serial for serial, at in self._asked.items() if now - at >= ACK_SECONDS]
        for serial in late:
            del self._asked[serial]
            self._took, self._since = math.inf, len(self._asked)
        return self.visible and (not self._asked or self._since < MOST_IN_FLIGHT)

    def gone(self, now: float, *, blocked: bool) -> bool:
        """Say whether the view owes an answer for too long. One that is asked nothing says nothing, and stays."""
        if blocked and not math.isnan(self.waited):
            # It may well speak: nobody listens.
            self.waited = now
        return now - self.waited > GONE_SECONDS

    def wants(self, newest: object, now: float) -> bool:
        """Say whether the view has not got what is newest, or its histogram though it has stood for a while."""
        return self.shown != newest or (self.counted != newest and now - self._sent_at >= COUNTED_SECONDS)

    def sent(self, serial: int, now: float, shown: object) -> Sending:
        """Note that a frame goes out; say what should go with it."""
        asks = self._took > QUICK_SECONDS or now - self._asked_at >= ASK_SECONDS
        if asks:
            self._since = self._since if self._asked else 0
            self._asked[serial] = self._asked_at = now
            if math.isnan(self.waited):
                self.waited = now
        self._since += 1
        self._sent_at, self.shown = now, shown
        counts = now - self.counted_at >= COUNTED_SECONDS
        if counts:
            self.counted, self.counted_at = shown, now
        return Sending(counts, asks)

    def acknowledged(self, serial: int, now: float) -> None:
        """Note that a frame was painted, as it was asked."""
        at = self._asked.pop(serial, None)
        if at is not None:
            self._took = now - at
            self._since = len(self._asked)
        self.waited = math.nan


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
