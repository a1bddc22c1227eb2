"""Which states are merged when: a binary counter.

Two states of equal weight are merged as soon as there are two, so a block takes part in about log2(blocks) merges, the
states alive at any time are about as few, and a state lost with its worker is made again from few others.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Reduction(Generic[Item]):
    """Keeps the states that are not merged yet, heaviest first."""

    def __init__(self, merge: Callable[[Item, Item], Item]) -> None:
        """Begin with none; ``merge`` makes one item of two."""
        self._merge = merge
        self._ranks: list[tuple[int, Item]] = []

    def add(self, item: Item) -> None:
        """Add an item of weight one and merge what can be merged."""
        rank = 0
        while self._ranks and self._ranks[-1][0] == rank:
            _, other = self._ranks.pop()
            item = self._merge(other, item)
            rank += 1
        self._ranks.append((rank, item))

    @property
    def items(self) -> tuple[Item, ...]:
        """What is not merged yet, heaviest first."""
        return tuple(item for _, item in self._ranks)
