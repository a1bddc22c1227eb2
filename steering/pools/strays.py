"""Stray jobs: second jobs of a name, and jobs that may still appear after the batch system denied that it has them."""

from collections.abc import Iterable

from steering.pools.orders import Cancel, Find, Order

# Number of times that a denied name is looked up again, and the seconds between two look-ups.
_LOOKS, _AGAIN = 10, 60.0


class Strays:
    """Jobs that have no place in a pool and must still be ended or looked for."""

    def __init__(self) -> None:
        """Begin with none."""
        self._ids: list[str] = []
        # Time of the last look-up of each denied submission, by its name.
        self._denied: dict[str, float] = {}
        self._looks: dict[str, int] = {}

    @property
    def none(self) -> bool:
        """Whether no job must be ended and no submission is in doubt."""
        return not (self._ids or self._denied)

    def add(self, ids: Iterable[str]) -> None:
        """Add jobs that must be ended."""
        self._ids += [one for one in ids if one not in self._ids]

    def denied(self, name: str, now: float) -> None:
        """Note that the batch system denied a submission of this name. If it is slow, the job may still appear."""
        self._denied[name] = now

    def orders(self, now: float) -> list[Order]:
        """Return the orders that are due now."""
        orders: list[Order] = [Cancel(one, "") for one in self._ids]
        self._ids = []
        for name, since in list(self._denied.items()):
            if now - since >= _AGAIN:
                orders.append(Find(name))
                self._denied[name] = now
                self._looks[name] = self._looks.get(name, 0) + 1
                if self._looks[name] >= _LOOKS:
                    del self._denied[name], self._looks[name]
        return orders
