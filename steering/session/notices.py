"""What goes wrong on the session's side, as long as it does: each cause has one sentence, and takes it back."""

from collections.abc import Callable

from steering.core.cell import Cell


class Notices:
    """Sentences by cause, on the board together."""

    def __init__(self, cell: Cell[str]) -> None:
        """Write into a cell of the board."""
        self._cell = cell
        self._said: dict[str, str] = {}

    def of(self, cause: str) -> Callable[[str], None]:
        """Return what takes the sentence of one cause; an empty one says that it is over."""

        def complain(sentence: str) -> None:
            self.say(cause, sentence)

        return complain

    def say(self, cause: str, sentence: str) -> None:
        """Say what is wrong because of a cause; an empty sentence says that nothing is any more."""
        if not sentence and cause not in self._said:
            return
        self._said.pop(cause, None)
        if sentence:
            # The newest is read first.
            self._said = {cause: sentence, **self._said}
        self._write()

    def dismiss(self) -> None:
        """Forget what was said; what is still wrong is said again when it happens again."""
        self._said = {}
        self._write()

    def _write(self) -> None:
        text = " ".join(dict.fromkeys(self._said.values()))
        if text != self._cell.value:
            self._cell.set(text)
