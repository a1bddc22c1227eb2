"""A card that shows a value of the board, and of it what a person has chosen."""

from typing import Generic, Protocol, TypeVar

from steering_widgets.parts.card import Card, close_all
from steering_widgets.parts.place import Place
from steering_widgets.plots.take_home import TakeHome

T = TypeVar("T")


class Advances(Protocol):
    """A place or a menu."""

    def advance(self) -> bool:
        """Say whether there is something new since this was last asked."""
        ...


class ChosenPanel(Generic[T]):
    """Shows its value anew whenever that changes, or what was chosen of it does.

    Attributes:
        widget: What is displayed.
    """

    widget: Card

    def __init__(self, shown: Place[T], choices: tuple[Advances, ...], take_home: TakeHome) -> None:
        """Follow a value, and what a person chooses; ``take_home`` says what it has written."""
        self._shown, self._choices, self._take_home = shown, choices, take_home

    def refresh(self) -> bool:
        """Show a newer value, or another part of it."""
        # All must advance, so no short cut between them.
        moved = [one.advance() for one in (self._shown, *self._choices)]
        if any(moved):
            self._show(self._shown.value)
        return self._take_home.refresh() or any(moved)

    def close(self) -> None:
        """Take it off the screen."""
        close_all(self.widget)

    def _show(self, value: T, /) -> None:
        raise NotImplementedError
