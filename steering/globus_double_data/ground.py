"""What the services of the double stand on: one lock, one count, the faults, and the threads that work."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

from steering.globus_double_data.effects import Effects
from steering.globus_double_data.faults import Faults


class Ground:
    """Shared by all services.

    Attributes:
        lock: Held by whoever reads or writes what is shared; told when something changes.
        effects: What was done.
        faults: What is wrong.
        time_scale: By how much a flow's waits are shortened: 0.01 makes 100 s one second.
    """

    def __init__(self, *, time_scale: float = 1.0) -> None:
        """Begin with nothing done and nothing wrong."""
        self.lock = threading.Condition(threading.RLock())
        self.effects = Effects()
        self.faults = Faults()
        self.time_scale = time_scale
        self._closing = False
        self._threads: list[threading.Thread] = []

    @property
    def closing(self) -> bool:
        """Whether the double ends."""
        return self._closing

    def work(self, what: Callable[[], None], name: str) -> None:
        """Do something in a thread of its own, which ends when the double does."""
        thread = threading.Thread(target=what, name=f"double-{name}", daemon=True)
        with self.lock:
            self._threads = [one for one in self._threads if one.is_alive()]
            self._threads.append(thread)
            thread.start()

    def until(self, true: Callable[[], bool], seconds: float | None = None) -> bool:
        """Wait until something is true, the time is over, or the double ends; return whether it is true.

        Args:
            true: Asked under the lock, each time that somebody tells that something changed.
            seconds: For how long at most.
        """
        with self.lock:
            self.lock.wait_for(lambda: self._closing or true(), seconds)
            return true()

    def close(self) -> None:
        """End all work."""
        with self.lock:
            self._closing = True
            self.lock.notify_all()
            threads = list(self._threads)
        for thread in threads:
            thread.join()


def now() -> str:
    """Say what time it is, as Globus writes it."""
    return datetime.now(UTC).isoformat()
