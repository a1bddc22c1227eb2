"""A detector of ophyd's that has finished before its ``trigger`` returned: its status is forgotten by then."""

from collections.abc import Callable
from typing import Any


class Finished:
    """A status of what is over."""

    done = success = True

    def add_callback(self, callback: Callable[[Any], object]) -> None:
        """Call back at once."""
        callback(self)

    def exception(self, timeout: float | None = 0.0) -> BaseException | None:
        """Say that nothing went wrong."""
        del timeout
        return None


def never_without_status(device: Any) -> None:
    """See that an areaDetector of ophyd's answers with a status: on a busy machine a short exposure is over too soon.

    ophyd forgets the status when the acquisition ends, on another thread, and ``trigger`` then returns none.
    """
    kind: type[Any] = device.__class__
    if not hasattr(kind, "_acquire_changed") or "trigger" in vars(device):
        return
    trigger = device.trigger

    def triggered(*arguments: Any, **settings: Any) -> Any:
        status = trigger(*arguments, **settings)
        return Finished() if status is None else status

    device.trigger = triggered
