"""The one thread that writes into widgets."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

_LOG = logging.getLogger(__name__)

# A look without news costs microseconds; a frame must not wait long for the next look.
FRAME_SECONDS = 1 / 120
PANEL_SECONDS = 0.1
# A browser draws a plot for some ten milliseconds, in which it paints no frame; nobody reads a curve more often.
PLOT_SECONDS = 0.25


class Panel(Protocol):
    """What can be refreshed."""

    def refresh(self) -> bool:
        """Pull newer versions; say whether anything changed."""
        ...


class Ticker:
    """Calls ``refresh`` of panels, each kind at its own rate, until stopped or the kernel ends."""

    def __init__(
        self,
        panels: Sequence[Panel],
        plots: Sequence[Panel],
        frames: Sequence[Panel],
        complain: Callable[[str], object],
    ) -> None:
        """Prepare it; :meth:`start` starts it.

        Args:
            panels: Refreshed ten times a second.
            plots: Refreshed four times a second.
            frames: Refreshed as soon as there is news.
            complain: Takes a sentence when a panel failed, and an empty one when it works again.
        """
        self._slow = ((PANEL_SECONDS, list(panels)), (PLOT_SECONDS, list(plots)))
        self._frames = list(frames)
        self._complain = complain
        self._failing: set[str] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="steering-ticker", daemon=True)

    def start(self) -> None:
        """Begin to tick."""
        self._thread.start()

    def stop(self) -> None:
        """End; returns when the last refresh is over."""
        self._stopping.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()

    def tick(self, panels: Sequence[Panel]) -> None:
        """Refresh panels once; one that fails does not keep the others from being shown."""
        for panel in panels:
            name = type(panel).__name__
            try:
                panel.refresh()
            except Exception as error:  # noqa: BLE001  (whatever it is: the other panels must live, the person must know)
                if name not in self._failing:
                    _LOG.exception("%s cannot be shown", name)
                self._failing.add(name)
                self._complain(f"{name} cannot be shown: {type(error).__name__}: {error}. The other panels go on.")
            else:
                if name in self._failing:
                    self._failing.discard(name)
                    if not self._failing:
                        self._complain("")

    def _run(self) -> None:
        main = threading.main_thread()
        due = [0.0] * len(self._slow)
        while not self._stopping.wait(FRAME_SECONDS) and main.is_alive():
            self.tick(self._frames)
            for place, (seconds, panels) in enumerate(self._slow):
                if time.monotonic() >= due[place]:
                    due[place] = time.monotonic() + seconds
                    self.tick(panels)
