"""What a plot of a scan's result follows: the result, the scan and its plan, and what somebody thinks of doing."""

from steering.core.cell import Cell
from steering.core.desk import Desk
from steering_widgets.drawing.marks import Mark, marks_of, marks_of_advice
from steering_widgets.parts.answer import Answer
from steering_widgets.parts.beginning import Beginning
from steering_widgets.parts.card import Card, Line, close_all
from steering_widgets.parts.choice import Choice
from steering_widgets.parts.place import Place
from steering_widgets.plots.ghost import Ghost
from steering_widgets.plots.look import Look


class PlannedPanel:
    """A plot over which lies what is planned.

    Attributes:
        widget: What is displayed.
    """

    widget: Card

    def __init__(self, name: str, desk: Desk, look: Look | None = None, ghost: Ghost | None = None) -> None:
        """Build it on a desk, which may be idle; of the analysis that is looked at, or the main one.

        Args:
            name: The plot's, in its CSS hooks.
            desk: Whose scan.
            look: Which analysis; and where the point is written that a person touches.
            ghost: What somebody thinks of doing, drawn beside the plan.
        """
        board = desk.board
        self._desk, self._ghost = desk, ghost or Ghost(desk)
        self._result, self._status = Place((look or board).result), Place(board.status)
        self._plan, self._rulings, self._advice = Place(board.plan), Place(board.rulings), Place(board.advice)
        self._wish, self._forecast = Place(self._ghost.wanted), Place(self._ghost.forecast)
        self._beginning = Beginning()
        self._touched = look.point if look is not None else Cell[int | None](None)
        self._point = Place(self._touched)
        self._answer = Answer()
        self._said = Place(self._answer)
        self._settings = Cell(0)
        self._changed = Place(self._settings)
        self._monitor = Choice(f"st-{name}-monitor", "Normalise to")
        self._monitor.widget.layout.display = "none"
        self._about, self._would = Line(f"st-{name}-about"), Line("st-ghost")

    def close(self) -> None:
        """Take it off the screen."""
        close_all(self.widget)

    def _marks(self) -> list[Mark]:
        """Place what was decided in the scan, and what agents came to say."""
        rulings, plan = self._rulings.value, self._plan.value
        advice = marks_of_advice(self._advice.value, rulings, plan, self._status.value)
        return [*advice, *marks_of(rulings, plan)]

    def _setting_changed(self, _: object) -> None:
        self._settings.set(self._settings.value + 1)
