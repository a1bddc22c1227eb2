"""Which states are merged when: a counter to a base.

As soon as there are as many states of one weight as the base says, they are merged into one of the next weight. So a
block takes part in few merges, few states are alive at any time, and one that is lost is made again from few others.
"""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")

BASE = 8


class Reduction(Generic[Item]):
    """Keeps the states that are not merged yet, heaviest first."""

    def __init__(self, merge: Callable[[Sequence[Item]], Item], base: int = BASE) -> None:
        """Begin with none; ``merge`` makes one item of ``base`` of them."""
        self._merge = merge
        self._base = base
        self._ranks: list[tuple[int, Item]] = []

    def add(self, item: Item) -> None:
        """Add an item of weight one and merge what can be merged."""
        rank = 0
        while len(self._ranks) >= self._base - 1 and self._ranks[1 - self._base][0] == rank:
            others = [other for _, other in self._ranks[1 - self._base :]]
            del self._ranks[1 - self._base :]
            item = self._merge([*others, item])
            rank += 1
        self._ranks.append((rank, item))

    @property
    def items(self) -> tuple[Item, ...]:
        """What is not merged yet, heaviest first."""
        return tuple(item for _, item in self._ranks)
