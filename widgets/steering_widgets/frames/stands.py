"""Where the detector of the shown frames stands, for the read-out under the cursor."""

from steering.core.board import Board
from steering.geometry.geometry import Geometry
from steering_widgets.parts.place import Place


class Stands:
    """Follows which run is shown, and reads where its detector stands.

    Attributes:
        numbers: Those of :class:`steering.geometry.geometry.Geometry`; ``None`` where nobody has said them.
    """

    def __init__(self, board: Board) -> None:
        """Begin without any."""
        self._runs, self._span = Place(board.runs), Place(board.span)
        self.numbers: dict[str, float] | None = None

    def refresh(self) -> None:
        """Read it anew, if another run is shown."""
        # Both are asked: each of them may be what has changed.
        if not any([self._runs.advance(), self._span.advance()]):
            return
        shown = self._span.value.run
        given = next((run.geometry for run in reversed(self._runs.value) if run.uid == shown), None)
        try:
            self.numbers = Geometry.of(given).json() if given else None
        except ValueError:
            # A document of somebody else may hold anything; then it is not known.
            self.numbers = None
