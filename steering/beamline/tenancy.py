"""Who holds the lease, and until when."""

import time
from threading import Lock

from steering.core.errors import SteeringError
from steering.core.status import Lease

# A holder who is not heard of for so long (seconds) has left; the lease is then free.
LEASE_SECONDS = 120.0


class Tenancy:
    """At most one person steers at a time; the lease runs out unless its holder is heard of."""

    def __init__(self) -> None:
        """Begin with a free lease."""
        self._lock = Lock()
        self._lease = Lease()

    @property
    def lease(self) -> Lease:
        """The lease now; an expired one is free."""
        with self._lock:
            return self._current()

    def take(self, name: str) -> Lease:
        """Take or renew the lease.

        Raises:
            SteeringError: If somebody else holds it.
        """
        with self._lock:
            current = self._current()
            if current.holder not in ("", name):
                left = current.until - time.time()
                message = (
                    f"The lease is held by {current.holder} for at least another {left:.0f} s. "
                    f"Ask {current.holder} to release it."
                )
                raise SteeringError(message)
            self._lease = Lease(name, time.time() + LEASE_SECONDS)
            return self._lease

    def release(self, name: str) -> Lease:
        """Give the lease back; does nothing if somebody else holds it."""
        with self._lock:
            if self._current().holder == name:
                self._lease = Lease()
            return self._lease

    def heard_of(self, name: str) -> None:
        """Renew the lease if ``name`` holds it."""
        with self._lock:
            if self._current().holder == name:
                self._lease = Lease(name, time.time() + LEASE_SECONDS)

    def _current(self) -> Lease:
        if self._lease.until < time.time():
            self._lease = Lease()
        return self._lease
