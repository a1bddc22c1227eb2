"""A reader's place in a cell."""

from typing import Generic, TypeVar

from steering.core.cell import Cell

Value = TypeVar("Value")


class Place(Generic[Value]):
    """What one reader has seen of a cell.

    Attributes:
        value: The newest value that this reader has pulled.
    """

    def __init__(self, cell: Cell[Value]) -> None:
        """Begin before the cell's present value, so that the first ``advance`` finds news."""
        self._cell = cell
        self._version = -1
        self.value = cell.value

    def advance(self) -> bool:
        """Pull the newest value; say whether it is newer than the last one pulled."""
        news = self._cell.newer(self._version)
        if news is None:
            return False
        self._version, self.value = news
        return True
