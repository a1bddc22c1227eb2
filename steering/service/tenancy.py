"""Who holds the lease, until when, and who asks for it."""

from dataclasses import replace
from threading import Lock
from typing import Literal, TypeAlias

from steering.core.errors import SteeringError
from steering.core.status import Lease
from steering.machine.steady import steady, to_wall

Wish: TypeAlias = Literal["take", "release", "ask", "give", "keep"]

# The lease of a holder who does nothing for so long (seconds) runs out, connected or not.
LEASE_SECONDS = 120.0


class Tenancy:
    """At most one person steers at a time; acting extends the lease, and renews one that has run out meanwhile."""

    def __init__(self) -> None:
        """Begin with a free lease."""
        self._lock = Lock()
        self._lease = Lease()
        # Whose lease has run out, while it is nobody's.
        self._last = ""

    @property
    def lease(self) -> Lease:
        """The lease now; one that has run out is free, or that of whoever asked for it."""
        with self._lock:
            return _shown(self._current())

    def wish(self, wish: Wish, name: str) -> Lease:
        """Take, release, ask for, hand over or keep the lease.

        Raises:
            SteeringError: If it is somebody else's to decide.
        """
        match wish:
            case "take":
                return self.take(name)
            case "release":
                return self.release(name)
            case "ask":
                return self.ask(name)
            case "give":
                return self.give(name)
            case "keep":
                return self.keep(name)

    def take(self, name: str) -> Lease:
        """Take or extend the lease.

        Raises:
            SteeringError: If somebody else holds it.
        """
        with self._lock:
            current = self._current()
            if current.holder not in ("", name):
                left = current.until - steady()
                message = (
                    f"The lease is held by {current.holder}. It runs out in {left:.0f} s unless {current.holder} acts. "
                    "Ask for it, or wait."
                )
                raise SteeringError(message)
            return _shown(self._give_to(name, asked=current.asked))

    def release(self, name: str) -> Lease:
        """Give the lease back, to whoever asks for it; does nothing if somebody else holds it."""
        with self._lock:
            current = self._current()
            if current.holder == name:
                self._lease, self._last = Lease(), ""
                if current.asked:
                    self._give_to(current.asked)
            return _shown(self._lease)

    def ask(self, name: str) -> Lease:
        """Ask the holder for the lease; takes it if it is free.

        Raises:
            SteeringError: If somebody else asks already.
        """
        with self._lock:
            current = self._current()
            if current.holder in ("", name):
                return _shown(self._give_to(name, asked=current.asked))
            if current.asked not in ("", name):
                message = (
                    f"{current.asked} has asked {current.holder} for the lease before. Wait until that is decided."
                )
                raise SteeringError(message)
            self._lease = replace(current, asked=name)
            return _shown(self._lease)

    def give(self, name: str) -> Lease:
        """Hand the lease to whoever asks for it.

        Raises:
            SteeringError: If nobody asks, or somebody else holds it.
        """
        with self._lock:
            current = self._held_by(name)
            if not current.asked:
                message = "Nobody asks for the lease. Release it to let anybody steer."
                raise SteeringError(message)
            return _shown(self._give_to(current.asked))

    def keep(self, name: str) -> Lease:
        """Turn down who asks for the lease, and extend it.

        Raises:
            SteeringError: If somebody else holds it.
        """
        with self._lock:
            self._held_by(name)
            return _shown(self._give_to(name))

    def acted(self, name: str, *, agent: bool = False) -> None:
        """Extend the lease of whoever acts, also if it has run out and nobody else has taken it.

        Args:
            name: Of the person.
            agent: Whether an agent acts in that person's place: then the lease runs out all the same for whoever asks.
        """
        with self._lock:
            current = self._current()
            mine = current.holder == name or (not current.holder and self._last == name)
            if mine and not (agent and current.asked):
                self._give_to(name, asked=current.asked)

    def _give_to(self, name: str, asked: str = "") -> Lease:
        self._lease, self._last = Lease(name, steady() + LEASE_SECONDS, asked), ""
        return self._lease

    def _held_by(self, name: str) -> Lease:
        current = self._current()
        if current.holder != name:
            holder = current.holder or "nobody"
            message = f"The lease is held by {holder}, not by {name}."
            raise SteeringError(message)
        return current

    def _current(self) -> Lease:
        if self._lease.until < steady():
            asked = self._lease.asked
            self._last = self._lease.holder or self._last
            self._lease = Lease()
            if asked:
                self._give_to(asked)
        return self._lease


def _shown(lease: Lease) -> Lease:
    """A lease as others read it, by the clock on the wall."""
    return replace(lease, until=to_wall(lease.until))
