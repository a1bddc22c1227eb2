"""Runs a cell of a notebook on a thread of its kernel, which meanwhile answers the page that joins it.

A kernel that runs a cell answers nothing else: a page that opens the notebook at that moment would show nothing before
the cell has ended, and to start a scan takes seconds on a busy machine.
"""

from threading import Thread
from typing import Any

from steering.core.errors import SteeringError, said


def run_beside(code: str, names: dict[str, Any]) -> Thread:
    """Run code as a cell would be run, and return at once.

    Args:
        code: Source of the cell.
        names: The kernel's own; what goes wrong is told as a notice of the ``session`` in it.
    """

    def run() -> None:
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
