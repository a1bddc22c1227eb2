"""What the desk answered to a click."""

from collections.abc import Callable

from steering.core.cell import Cell
from steering.core.errors import SteeringError
from steering.core.proposal import Ruling


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
        except (SteeringError, TimeoutError) as error:
            self.set((str(error) or "The session did not answer in time. Try again.", "error"))
            return False
        if isinstance(ruling, Ruling) and not ruling.accepted:
            self.set((ruling.reason, "error"))
            return False
        self.set((done, "good"))
        return True
