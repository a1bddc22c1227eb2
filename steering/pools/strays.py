"""Jobs that nobody wants: second ones of a name, and those that may still come to be after they were denied."""

from collections.abc import Iterable

from steering.pools.orders import Cancel, Find, Order

# A name that was denied is looked up again so often, so many seconds apart.
_LOOKS, _AGAIN = 10, 60.0


class Strays:
    """What is still to be ended, or looked for, of jobs that are in no place of a pool."""

    def __init__(self) -> None:
        """Begin with none."""
        self._ids: list[str] = []
        # By the name of a submission that was denied, when it was last looked up.
        self._denied: dict[str, float] = {}
        self._looks: dict[str, int] = {}

    @property
    def none(self) -> bool:
        """Whether nothing is to be ended, and no submission is in doubt."""
        return not (self._ids or self._denied)

    def add(self, ids: Iterable[str]) -> None:
        """Have jobs ended."""
        self._ids += [one for one in ids if one not in self._ids]

    def denied(self, name: str, now: float) -> None:
        """A submission of this name was denied: where the batch system is slow it may still come to be."""
        self._denied[name] = now

    def orders(self, now: float) -> list[Order]:
        """Return what should be done now."""
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
