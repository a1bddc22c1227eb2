"""Renews the lease of a person who only looks: to look at a scan that one steers is to attend to it."""

import logging
import threading
import time

from steering.core.desk import Desk
from steering.core.errors import SteeringError

_LOG = logging.getLogger(__name__)
# A lease that lasts for longer than this (seconds) needs no renewal yet.
ENOUGH_SECONDS = 100.0


class Renewal:
    """Takes the lease again for its holder, unless somebody asks for it: then only what the holder does keeps it."""

    def __init__(self, desk: Desk) -> None:
        """Renew a desk's lease; nothing is done before :meth:`look`."""
        self._desk = desk
        self._asking = threading.Lock()

    @property
    def holds(self) -> bool:
        """Whether this desk holds a lease that nobody asks for."""
        lease = self._desk.board.status.value.lease
        return bool(lease.holder) and lease.holder == self._desk.name and not lease.asked

    def look(self) -> None:
        """Note that the page is looked at; returns at once."""
        lease = self._desk.board.status.value.lease
        if self.holds and lease.until - time.time() < ENOUGH_SECONDS and self._asking.acquire(blocking=False):
            # Off the thread that draws: a service may answer late.
            threading.Thread(target=self._renew, name="steering-lease", daemon=True).start()

    def _renew(self) -> None:
        try:
            # What was so when the page said it may have changed: a lease that was given away is not taken back.
            if self.holds:
                self._desk.take_lease()
        except (SteeringError, TimeoutError) as error:
            _LOG.warning("the lease of %s could not be renewed: %s", self._desk.name, error)
        finally:
            self._asking.release()
