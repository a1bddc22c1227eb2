"""What the desk answered to a click."""

import logging
from collections.abc import Callable

from steering.core.cell import Cell
from steering.core.errors import SteeringError, said
from steering.core.proposal import Ruling

_LOG = logging.getLogger(__name__)


def answer_of(error: Exception, late: str = "The session did not answer in time. Try again.") -> str:
    """Put into words why the desk gave no answer.

    Args:
        error: What it raised.
        late: What to say where it took too long.
    """
    if isinstance(error, TimeoutError) and not str(error):
        return late
    return str(error) if isinstance(error, (SteeringError, TimeoutError)) else f"This could not be done: {said(error)}."


class Answer(Cell[tuple[str, str]]):
    """Sentence and kind (as in ``card.Line``) of the newest answer.

    Callbacks of clicks write it, on whichever thread the kernel runs them; the panel's ``refresh`` shows it. So no
    widget redraws itself on a click.
    """

    def __init__(self) -> None:
        """Begin with nothing said."""
        super().__init__(("", "plain"))

    def ask(self, question: Callable[[], Ruling | str | None], done: str = "") -> bool:
        """Ask the desk something and keep what it answers.

        Args:
            question: Calls the desk.
            done: What to say when it worked.

        Returns:
            Whether it was done.
        """
        try:
            ruling = question()
        except Exception as error:  # noqa: BLE001  (whatever it is, whoever has clicked must know)
            if not isinstance(error, (SteeringError, TimeoutError)):
                _LOG.exception("the desk could not answer")
            self.set((answer_of(error), "error"))
            return False
        if isinstance(ruling, Ruling) and not ruling.accepted:
            self.set((ruling.reason, "error"))
            return False
        self.set((done, "good"))
        return True
