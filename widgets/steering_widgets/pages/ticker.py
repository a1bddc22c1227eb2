"""The one thread that writes into widgets."""

import logging
import math
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Protocol

from steering.core.cell import BELLS
from steering_widgets.parts.card import Card

_LOG = logging.getLogger(__name__)

# Frames are looked at as soon as there is news of any kind: no more often than a screen paints while they come, and
# than this while what is new is something else. A look without news costs microseconds.
FRAME_SECONDS, NEWS_SECONDS = 1 / 120, 1 / 250
PANEL_SECONDS = 0.1
# A browser draws a plot for some ten milliseconds, in which it paints no frame; nobody reads a curve more often.
PLOT_SECONDS = 0.2
# Words and counts in tables, which nobody has to act on at once.
WORDS_SECONDS = 0.5
# Plots and words that are due wait so long for a frame to go along with: what comes together is painted together, and a
# page that is painted once instead of three times is the largest part of what a scan costs.
COMPANY_SECONDS = 0.1
# What is scrolled away or behind another tab. Never so late that it would be grey when it is scrolled into sight.
UNSEEN_SECONDS = 1.0
# After the last news it looks on for so long, for what a panel has put off; then it sleeps until there is news.
LINGER_SECONDS = 2.0
# Code that calls an observer, and that of this package, is not the one that is to blame.
_OURS = ("steering_widgets", "traitlets", "ipywidgets", "comm", "ipykernel", "anywidget", "bokeh")


class Panel(Protocol):
    """What can be refreshed."""

    def refresh(self) -> bool:
        """Pull newer versions; say whether anything changed."""
        ...


@dataclass
class _Round:
    """Panels that are refreshed together.

    Attributes:
        panels: These.
        seconds: How often.
        patience: How long they wait for a frame, in seconds.
        due: When they are next, monotonic time in seconds.
        all_due: When those that nobody has in sight are next.
    """

    panels: Sequence[Panel]
    seconds: float
    patience: float
    due: float = 0.0
    all_due: float = 0.0

    def is_due(self, now: float, *, went: bool) -> bool:
        """Say whether to refresh them now, just after a frame went or without one; if so the next time is set."""
        if now < self.due + (0.0 if went else self.patience):
            return False
        # All on the same beat: they meet. One that is rounded down to now is the one after it.
        self.due = (math.floor(now / self.seconds + 1e-6) + 1) * self.seconds
        return True

    def chosen(self, now: float, in_sight: Callable[[Panel], bool]) -> Sequence[Panel]:
        """Give those that are to be refreshed now: what is in sight, and now and then the others too."""
        if now < self.all_due:
            return [panel for panel in self.panels if in_sight(panel)]
        self.all_due = now + UNSEEN_SECONDS
        return self.panels


class Ticker:
    """Calls ``refresh`` of panels, each kind at its own rate, while there is news and somebody to see it."""

    def __init__(
        self,
        panels: Sequence[Panel],
        plots: Sequence[Panel],
        frames: Sequence[Panel],
        complain: Callable[[str], object],
        wanted: Callable[[], bool] = lambda: True,
        words: Sequence[Panel] = (),
        in_sight: Callable[[Panel], bool] = lambda _: True,
    ) -> None:
        """Prepare it; :meth:`start` starts it.

        Args:
            panels: Refreshed ten times a second.
            plots: Refreshed five times a second.
            frames: Refreshed as soon as there is news.
            complain: Takes a sentence when a panel failed, and an empty one when it works again.
            wanted: Says whether anybody sees the panels.
            words: Refreshed twice a second.
            in_sight: Says of a plot or of words whether anybody has them in sight; if not, it is
                refreshed once a second.
        """
        self._slow = (
            _Round(list(panels), PANEL_SECONDS, 0.0),
            _Round(list(plots), PLOT_SECONDS, COMPANY_SECONDS),
            _Round(list(words), WORDS_SECONDS, COMPANY_SECONDS),
        )
        self._frames = list(frames)
        self._complain = complain
        self._wanted, self._in_sight = wanted, in_sight
        self._failing: set[str] = set()
        self._blamed: set[str] = set()
        self._stopping = threading.Event()
        self._bell = threading.Event()
        self._thread = threading.Thread(target=self._run, name="steering-ticker", daemon=True)

    def start(self) -> None:
        """Begin to tick."""
        BELLS.add(self._bell)
        # What there is already is news.
        self._bell.set()
        self._thread.start()

    def stop(self) -> None:
        """End; returns when the last refresh is over."""
        self._stopping.set()
        self._bell.set()
        BELLS.remove(self._bell)
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()

    def tick(self, panels: Sequence[Panel]) -> bool:
        """Refresh panels once; one that fails does not keep the others from being shown.

        Returns:
            Whether any of them had something new.
        """
        changed = False
        for panel in panels:
            # A view is called as what it shows.
            shown = getattr(panel, "panel", panel)
            name = type(shown).__name__
            try:
                changed = panel.refresh() or changed
                widget = getattr(shown, "widget", None)
                if isinstance(widget, Card):
                    widget.settle()
            except Exception as error:  # noqa: BLE001  (whatever it is: the other panels must live, the person must know)
                self._failed(name, error)
            else:
                if name in self._failing:
                    self._failing.discard(name)
                    if not self._failing:
                        self._complain("")
        return changed

    def _failed(self, name: str, error: Exception) -> None:
        observer = culprit(error)
        if observer:
            # It is the person's own; the panel is shown, but for what the observer kept from it.
            if observer not in self._blamed:
                self._blamed.add(observer)
                _LOG.error("an observer of a widget failed: %s", observer, exc_info=error)
                self._complain(
                    f"Your observer {observer} failed: {type(error).__name__}: {error}. The panels go on; this is said "
                    "once."
                )
            return
        if name not in self._failing:
            _LOG.exception("%s cannot be shown", name)
        self._failing.add(name)
        self._complain(f"{name} cannot be shown: {type(error).__name__}: {error}. The other panels go on.")

    def _run(self) -> None:
        now = rested = time.monotonic()
        until = now + LINGER_SECONDS
        while not sys.is_finalizing():
            self._bell.wait(self._pause(now))
            if self._stopping.wait(max(rested - time.monotonic(), 0.0)):
                return
            now = time.monotonic()
            if self._bell.is_set():
                self._bell.clear()
                until = now + LINGER_SECONDS
            if now > until or not self._wanted():
                # Nothing is looked at, and nothing sent, while nothing happens or nobody sees it.
                self._bell.wait()
                continue
            went = self.tick(self._frames)
            rested = now + (FRAME_SECONDS if went else NEWS_SECONDS)
            for one in self._slow:
                now = time.monotonic()
                if one.is_due(now, went=went):
                    self.tick(one.chosen(now, self._in_sight))

    def _pause(self, now: float) -> float:
        """Return for how many seconds nothing is due if there is no news."""
        due = min((one.due + one.patience for one in self._slow if one.panels), default=math.inf)
        return max(min(due - now, PANEL_SECONDS), 0.0)


def culprit(error: BaseException) -> str:
    """Name the function of a person's that raised an error while one of our widgets changed; empty if there is none."""
    called = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        module = _module(frame)
        if module.split(".")[0] == "traitlets":
            called = module
        elif called and module.split(".")[0] not in _OURS:
            return f"{frame.f_code.co_qualname} ({frame.f_code.co_filename}, line {line})"
    return ""


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))
