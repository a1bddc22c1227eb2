"""Compiled code, where numba is installed (``steering[fast]``), made aside once there was enough to do for it.

To load numba and compile takes a process one to four seconds, which a scan of some hundred frames never gets back. So
that begins once there was much to do again and again, in a thread of its own, and numpy goes on until it is done.
"""

import logging
import threading
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Generic, TypeVar

_LOG = logging.getLogger(__name__)
Made = TypeVar("Made")


class Aside(Generic[Made]):
    """Something that is compiled when it is worth it. Several threads may ask for it."""

    def __init__(self, make: Callable[[], Made], many: int, calls: int) -> None:
        """Prepare; nothing is loaded.

        Args:
            make: Compiles it; called once, with numba installed.
            many: So much at a time is a backlog.
            calls: So many such calls are worth it.
        """
        self._make = make
        self._many, self._calls = many, calls
        self._seen = 0
        self._making = threading.Lock()
        self._made: Made | None = None
        self._thread: threading.Thread | None = None

    def ready(self, size: int) -> Made | None:
        """Return it if it is there; else count that there was so much to do, and perhaps begin.

        Args:
            size: How much there is to do.
        """
        if self._made is None and self._thread is None and size >= self._many:
            self._seen += 1
            if self._seen >= self._calls:
                self._thread = threading.Thread(target=self._load_aside, name="steering-compile")
                self._thread.start()
        return self._made

    @property
    def there(self) -> bool:
        """Whether it is compiled."""
        return self._made is not None

    def load(self) -> None:
        """Load and compile it now, or wait until somebody else has; does nothing without numba."""
        if self._made is None and find_spec("numba") is not None:
            with self._making:
                if self._made is None:
                    self._made = self._make()

    def _load_aside(self) -> None:
        try:
            self.load()
        except Exception:  # noqa: BLE001  (whatever is wrong with numba here, numpy goes on)
            _LOG.warning("numba is installed but could not compile; numpy does it instead.", exc_info=True)


def jit(numba: Any, function: Callable[..., Made]) -> Callable[..., Made]:
    """Compile a function, and keep what was compiled until next time where there is a folder for it."""
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:
        return numba.njit(nogil=True)(function)
