"""Decides which states are merged and when, like the digits of a counter.

As soon as there are ``base`` states of one weight, they are merged into one state of the next weight. So a block takes
part in few merges, few states exist at any time, and a lost state can be made again from few others.
"""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")

BASE = 8


class Reduction(Generic[Item]):
    """Keeps the states that are not merged yet, heaviest first."""

    def __init__(self, merge: Callable[[Sequence[Item]], Item], base: int = BASE) -> None:
        """Begin with no items. ``merge`` merges ``base`` items into one."""
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
        """The items that are not merged yet, heaviest first."""
        return tuple(item for _, item in self._ranks)
