"""What becomes of a press of a button: asked for once more if the kernel was busy, and done off the kernel's thread.

See ``press.js`` for the page's side.
"""

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PRESS_CODE = Path(__file__).with_name("press.js")
# A confirmation that comes later than this (seconds) has itself waited for a busy kernel.
_FRESH_SECONDS = 2.0
_WAITING_KEPT = 16
_LOG = logging.getLogger(__name__)

Send = Callable[[Mapping[str, Any]], object]


@dataclass
class _Press:
    """A press that the page has been asked about."""

    button: str
    holds: Callable[[], bool]
    asked: float


class Presses:
    """The presses of one card's buttons, or of one bar's."""

    def __init__(self, send: Send, act: Callable[[str], str], written: Callable[[], Callable[[], bool]]) -> None:
        """Wire it.

        Args:
            send: Sends a message to the page.
            act: Does what a button is for, in a thread; may return a sentence for the person.
            written: Notes what stands in the fields now, and returns what says whether that still stands there: a press
                means what stood there when it was made.
        """
        self._send = send
        self._act = act
        self._written = written
        self._waiting: dict[str, _Press] = {}
        self._doing: ThreadPoolExecutor | None = None

    def receive(self, content: Mapping[str, Any]) -> bool:
        """Take a message of the page; say whether it was one of a press."""
        kind, press = content.get("kind"), str(content.get("press", ""))
        if kind == "press":
            while len(self._waiting) >= _WAITING_KEPT:
                del self._waiting[next(iter(self._waiting))]
            self._waiting[press] = _Press(str(content.get("button", "")), self._written(), time.monotonic())
            self._send({"kind": "asked", "press": press})
        elif kind == "no":
            self._waiting.pop(press, None)
        elif kind == "yes":
            self._confirmed(press)
        else:
            return False
        return True

    def close(self) -> None:
        """Do nothing more."""
        self._waiting.clear()
        if self._doing is not None:
            self._doing.shutdown(wait=False)

    def _confirmed(self, press: str) -> None:
        waiting = self._waiting.get(press)
        if waiting is None:
            return
        now = time.monotonic()
        if now - waiting.asked > _FRESH_SECONDS:
            waiting.asked = now
            self._send({"kind": "asked", "press": press})
            return
        if not waiting.holds():
            # A page sends what is typed fast a moment later, so it may come after the press: the page knows whether it
            # stood there already.
            waiting.holds, waiting.asked = self._written(), now
            self._send({"kind": "asked", "press": press, "changed": True})
            return
        del self._waiting[press]
        if self._doing is None:
            # Off the kernel's thread, which must stay free, and one after another.
            self._doing = ThreadPoolExecutor(1, thread_name_prefix="steering-press")
        self._doing.submit(self._do, press, waiting.button)

    def _do(self, press: str, button: str) -> None:
        try:
            text = self._act(button)
        except Exception as error:  # noqa: BLE001  (whatever it is, the person must know, and the page waits for it)
            _LOG.exception("a button of the dashboard failed")
            text = f"This could not be done ({type(error).__name__}: {error})."
        self._send({"kind": "done", "press": press, "text": text})
