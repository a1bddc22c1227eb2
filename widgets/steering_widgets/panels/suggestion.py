"""What an agent would do: the newest only, for a person to accept, edit or dismiss."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias

import ipywidgets

from steering.core.action import Action, SetParameter
from steering.core.agent import Suggestion
from steering.core.cell import Cell
from steering.core.desk import Desk
from steering.core.proposal import Ruling
from steering.core.status import BeamlineStatus
from steering_widgets.parts.answer import Answer
from steering_widgets.parts.card import Line, button
from steering_widgets.parts.held import held
from steering_widgets.parts.units import with_shown_units
from steering_widgets.parts.wording import action_text, age, basis_text, escape

# A press that took longer than this (seconds) the page itself asks about again.
_SEEN_SECONDS = 2.0

Note: TypeAlias = Callable[[Mapping[str, float]], object]

_DRAFTED = "The values stand in the form. Change them, and press Apply."


class SuggestionCard:
    """One card; what was suggested together is accepted, edited and dismissed together.

    Attributes:
        widget: Takes no room while nothing is suggested.
    """

    def __init__(
        self, desk: Desk, answer: Answer, draft: Cell[Mapping[str, float]] | None = None, note: Note = lambda _: None
    ) -> None:
        """Begin empty.

        Args:
            desk: Where a suggestion is accepted.
            answer: Takes what the desk says.
            draft: Where values are written for a person to edit; without it nothing can be edited.
            note: Takes the values that an accepted suggestion replaced, by parameter.
        """
        self._desk = desk
        self._answer = answer
        self._draft, self._note = draft, note
        self._shown: tuple[Suggestion, ...] = ()
        # What it would have done until when, and since when it would do something else.
        self._before: tuple[Action, ...] = ()
        self._until = self._since = -math.inf
        self._words = ""
        self._text = ipywidgets.HTML()
        self._would = Line("st-would")
        self._accept = button("st-accept", "Accept", "Propose this in your name", strong=True)
        self._edit = button("st-edit-suggestion", "Edit", "Write the values into the form, to look at and change")
        self._dismiss = button("st-dismiss-suggestion", "Dismiss", "Take this suggestion away")
        self._accept.on_click(self._accepted)
        self._edit.on_click(self._edited)
        self._dismiss.on_click(lambda _: self._all(self._desk.dismiss, ""))
        buttons = ipywidgets.HBox([self._accept, self._edit, self._dismiss])
        buttons.add_class("st-buttons")
        self.widget = ipywidgets.Box([self._text, self._would, buttons])
        self.widget.add_class("st-suggestion")
        self.widget.layout.display = "none"

    def write(self, suggestions: Sequence[Suggestion], status: BeamlineStatus) -> tuple[Action, ...]:
        """Show the newest; returns what it would do."""
        self._note_change(tuple(one.action for one in newest(suggestions)))
        self._shown = newest(suggestions)
        if self._shown and self._answer.value[0] == _DRAFTED:
            # Of the one before: beside another suggestion it would be taken for a word about that.
            self._answer.set(("", "plain"))
        self.widget.layout.display = None if self._shown else "none"
        if not self._shown:
            self._text.value = ""
            self._would.write("")
            return ()
        self._words = "; ".join(action_text(one.action, status) for one in self._shown)
        first = self._shown[0]
        reasons = list(dict.fromkeys(one.reason for one in self._shown))
        when = f", {age(first.made_at)} ago" if first.made_at else ""
        who = f"{escape(first.agent)} suggests{when}" if first.agent else f"Suggested{when}"
        basis = f", from {escape(basis_text(first.basis))}" if first.basis else ""
        self._text.value = (
            f'<div class="st-basis">{who}{basis}</div>'
            f'<div role="status" aria-live="polite"><b>{escape(_sentence(self._words))}</b></div>'
            f"<div>{escape(with_shown_units(_sentence('; '.join(reasons))))}</div>"
        )
        _show(self._edit, shown=self._draft is not None and bool(self._values()))
        return tuple(one.action for one in self._shown)

    def tell(self, outcome: str) -> None:
        """Say what would come of it; nothing while that is not known."""
        self._would.write(outcome if self._shown else "")

    def _values(self) -> dict[str, float]:
        actions = [one.action for one in self._shown]
        return {action.parameter: action.value for action in actions if isinstance(action, SetParameter)}

    def _note_change(self, actions: tuple[Action, ...]) -> None:
        now, shown = time.monotonic(), tuple(one.action for one in self._shown)
        if shown and actions != shown:
            self._before, self._until = shown, now
        if actions and actions != shown and actions != self._before and now - self._until < _SEEN_SECONDS:
            self._since = now

    def _accepted(self, _: object) -> None:
        if time.monotonic() - self._since < _SEEN_SECONDS:
            # A press is for what the person has read.
            self._answer.set(
                ("The suggestion has just changed, so nothing was done. Read it, and press again.", "warn")
            )
            return
        before = held(self._desk.board.status.value)
        taken = self._all(self._desk.accept, f"Accepted: {self._words}.")
        actions = [one.action for one in taken]
        names = [one.parameter for one in actions if isinstance(one, SetParameter) and one.parameter in before]
        self._note({name: before[name] for name in names})

    def _all(self, do: Callable[[Suggestion], Ruling | None], done: str) -> list[Suggestion]:
        """Do something with each suggestion, as far as it can be done; return those with which it was."""
        taken: list[Suggestion] = []
        for suggestion in self._shown:
            if not self._answer.ask(partial(do, suggestion), done):
                break
            taken.append(suggestion)
        return taken

    def _edited(self, _: object) -> None:
        if self._draft is not None:
            self._draft.set(self._values())
            self._all(self._desk.dismiss, _DRAFTED)


def _sentence(words: str) -> str:
    """Begin it with a capital letter."""
    return words[:1].upper() + words[1:]


def newest(suggestions: Sequence[Suggestion]) -> tuple[Suggestion, ...]:
    """Choose what was suggested last; what one agent said at one moment belongs together."""
    if not suggestions:
        return ()
    last = max(reversed(suggestions), key=lambda one: one.made_at)
    together = (last.agent, last.made_at, last.basis)
    return tuple(one for one in suggestions if (one.agent, one.made_at, one.basis) == together)


def _show(one: ipywidgets.Button, *, shown: bool) -> None:
    display = None if shown else "none"
    if one.layout.display != display:
        one.layout.display = display
