"""Which of a run's analyses a page shows."""

import ipywidgets

from steering.core.cell import Cell
from steering.core.desk import Desk
from steering.core.history import Trend
from steering.core.result import Result
from steering_widgets.parts.card import close_all
from steering_widgets.parts.choice import Choice
from steering_widgets.parts.place import Place


class Look:
    """A menu of the analyses of the run, and the result and trend of the one that is chosen.

    The menu is there only if there is something to choose.

    Attributes:
        result: The newest result of the chosen analysis.
        trend: How its features went.
        point: Index of the frame whose point a person touched in a plot; ``None`` before that.
        widget: The menu.
    """

    def __init__(self, desk: Desk) -> None:
        """Begin with the main analysis."""
        board = desk.board
        self.result = Cell[Result | None](board.result.value)
        self.trend = Cell[Trend](board.trend.value)
        self.point = Cell[int | None](None)
        self._main = (Place(board.result), Place(board.trend))
        self._results, self._trends = Place(board.results), Place(board.trends)
        self._choice = Choice("st-analysis", "Analysis")
        self.widget = ipywidgets.HBox([self._choice.widget])
        self.widget.add_class("st-look")
        self.widget.layout.display = "none"

    @property
    def label(self) -> str:
        """Label of the chosen analysis; empty for the main one while no other is there."""
        return self._choice.value

    def close(self) -> None:
        """Take it off the screen."""
        close_all(self.widget)

    def refresh(self) -> bool:
        """Pass on what is newer; say whether anything is."""
        chosen, results, trends = self._choice.advance(), self._results.advance(), self._trends.advance()
        main = [place.advance() for place in self._main]
        if not (chosen or results or trends or any(main)):
            return False
        of_label = self._results.value
        if results:
            self._choice.offer(tuple(of_label), next(iter(of_label), ""))
            self.widget.layout.display = None if len(of_label) > 1 else "none"
        result, trend = self._main[0].value, self._main[1].value
        if self.label in of_label:
            result = of_label[self.label]
            trend = self._trends.value.get(self.label, Trend())
        if self.result.value is not result:
            self.result.set(result)
        if self.trend.value is not trend:
            self.trend.set(trend)
        return True
