"""Runs a cell of a notebook on a thread of its kernel, once the page that joins it has drawn the dashboard.

A kernel that runs a cell answers nothing else: a page that opens the notebook at that moment would show nothing before
the cell has ended. And a page that is not told of all widgets within 4 s asks for each of them, which takes half a
minute on a busy machine: a scan that began meanwhile would take the kernel's time for its first frames.
"""

from contextlib import suppress
from threading import Thread
from typing import Any

from steering.core.errors import SteeringError, said

# A page that has not drawn it by then may still come; the scan is there for whoever looks in another way.
_DRAWN_SECONDS = 30.0


def run_beside(code: str, names: dict[str, Any]) -> Thread:
    """Run code as a cell would be run, when a page shows the ``dashboard`` of the kernel, and return at once.

    Args:
        code: Source of the cell.
        names: The kernel's own; what goes wrong is told as a notice of the ``session`` in it.
    """

    def run() -> None:
        with suppress(TimeoutError):
            names["dashboard"].hellos.wait(bool, _DRAWN_SECONDS)
        try:
            exec(compile(code, "<the tutorial's cell>", "exec"), names)  # noqa: S102  (a cell of our own tutorial)
        except Exception as error:
            if "session" not in names:
                # There is no page that could tell it, so it goes to the kernel's log.
                raise
            why = str(error) if isinstance(error, SteeringError) else f"{said(error)}."
            if isinstance(error, TimeoutError) and not str(error):
                why = "The session did not answer in time."
            names["session"].board.notice.set(f"The scan was not started. {why} Choose it, and press Start.")

    thread = Thread(target=run, name="steering-first-scan", daemon=True)
    thread.start()
    return thread
