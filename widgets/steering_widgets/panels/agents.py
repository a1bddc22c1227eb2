"""Agents: how far each is let in, and what the newest suggestion is."""

from collections.abc import Callable, Mapping
from functools import cache

import ipywidgets

from steering.core import registry
from steering.core.cell import Cell
from steering.core.desk import Desk
from steering_widgets.panels.suggestion import Note, SuggestionCard
from steering_widgets.parts.answer import Answer
from steering_widgets.parts.card import Card, Line, button, close_all, mark
from steering_widgets.parts.place import Place
from steering_widgets.parts.wording import escape, several
from steering_widgets.plots.ghost import SUGGESTION, Ghost, outcome_text

_MODES = {
    "off": "It looks at nothing",
    "suggest": "It says what it would do; you accept or not",
    "automatic": "It proposes what it would do, in your name and within the limits",
}
_HINT = "What an agent suggests is shown here, for you to accept or not. Set one to “suggest”."
_WAITING = "Nothing is suggested now."


class AgentsPanel:
    """The newest suggestion, and a row for each agent with its mode; those that no scan here names fold away."""

    def __init__(
        self,
        desk: Desk,
        draft: Cell[Mapping[str, float]] | None = None,
        ghost: Ghost | None = None,
        note: Note = lambda _: None,
    ) -> None:
        """Build it on a desk, which may be idle.

        Args:
            desk: Where modes are set, and suggestions accepted.
            draft: Where values are written for a person to edit.
            ghost: Is told what the shown suggestion would do, whenever that changes, and knows what would come of it.
            note: Takes the values that an accepted one replaced, by parameter.
        """
        self._desk = desk
        self._ghost = ghost or Ghost(desk)
        self._wish, self._forecast = Place(self._ghost.wanted), Place(self._ghost.forecast)
        board = desk.board
        self._modes, self._idle = Place(board.modes), Place(board.idle)
        self._suggestions, self._status = Place(board.suggestions), Place(board.status)
        self._scans, self._all = Place(board.scans), Cell(0)
        self._unfolded = Place(self._all)
        self._answer = Answer()
        self._said = Place(self._answer)
        self._rows: dict[str, ModeRow] = {}
        self._agents = ipywidgets.VBox()
        self._agents.add_class("st-agents")
        self._others = button("st-other-agents", "", "Agents that no scan of this beamline names")
        self._others.on_click(lambda _: self._all.set(1 - self._all.value))
        self._hint = ipywidgets.HTML()
        self._hint.add_class("st-hint")
        self._card = SuggestionCard(desk, self._answer, draft, note)
        self.widget = Card("agents", "Agents", [self._card.widget, self._hint, self._agents, self._others])

    def refresh(self) -> bool:
        """Show newer modes and suggestions, and the answer to the last click."""
        # All places must advance, so no short cut between them.
        moved = [place.advance() for place in (self._modes, self._idle, self._suggestions, self._said)]
        status, scans, unfolded = self._status.advance(), self._scans.advance(), self._unfolded.advance()
        if moved[0] or moved[1] or scans or unfolded:
            self._write_modes(self._modes.value, self._idle.value)
        if moved[2]:
            self._ghost.want(self._card.write(self._suggestions.value, self._status.value), SUGGESTION)
        self._ghost.refresh()
        would = [self._wish.advance(), self._forecast.advance()]
        if any(would):
            mine = self._wish.value.who == SUGGESTION
            self._card.tell(outcome_text(self._forecast.value if mine else None))
        if moved[0] or moved[1] or moved[2]:
            self._write_hint()
        if moved[3]:
            self.widget.say(*self._said.value)
        return any((*moved, *would, status, scans, unfolded))

    def close(self) -> None:
        """Take it off the screen."""
        for row in self._rows.values():
            close_all(row.widget)
        close_all(self.widget)

    def _write_hint(self) -> None:
        able = [name for name in self._modes.value if name not in self._idle.value]
        asked = any(self._modes.value[name] != "off" for name in able)
        text = "" if self._suggestions.value or not able else _WAITING if asked else _HINT
        if self._hint.value != escape(text):
            self._hint.value = escape(text)
        display = None if text else "none"
        if self._hint.layout.display != display:
            self._hint.layout.display = display

    def _write_modes(self, modes: Mapping[str, str], idle: Mapping[str, str]) -> None:
        for name in modes:
            if name not in self._rows:
                self._rows[name] = ModeRow(name, self._desk, self._answer)
        named = {one.label for scan in self._scans.value for one in scan.agents}
        others = [name for name, mode in modes.items() if named and name not in named and mode == "off"]
        folded: set[str] = set() if self._unfolded.value else set(others)
        shown = tuple(self._rows[name].widget for name in modes if name not in folded)
        if shown != self._agents.children:
            self._agents.children = shown
        for name, mode in modes.items():
            self._rows[name].write(mode, idle.get(name, ""))
            # Those that no scan here names are new to whoever unfolds them.
            self._rows[name].explain(meaning_of(name) if name in others and self._unfolded.value else "")
        text = f"{'Hide' if self._unfolded.value else 'Show'} {several(len(others), 'other agent')}"
        if self._others.description != text:
            self._others.description = text
        self._others.layout.display = None if others else "none"
        self.widget.layout.display = None if modes else "none"


@cache
def meaning_of(agent: str) -> str:
    """Say in a few words what an installed agent does, as its class says it; empty for one that is not installed."""
    if agent not in registry.names("agents"):
        return ""
    return (registry.load("agents", agent).__doc__ or "").strip().split("\n")[0]


class ModeRow:
    """One button for each mode of an agent; the one that holds stands out, whoever chose it.

    Attributes:
        widget: The row.
    """

    def __init__(self, name: str, desk: Desk, answer: Answer) -> None:
        """Build it; ``answer`` takes what the desk says."""
        self._name = name
        self._desk = desk
        self._answer = answer
        label = ipywidgets.HTML(f"Agent {escape(name)}")
        self._buttons = {
            mode: button(f"st-mode-{name}-{mode}", mode, f"{name}: {meaning}") for mode, meaning in _MODES.items()
        }
        for mode, one in self._buttons.items():
            one.on_click(self._chooser(mode))
        self._row = ipywidgets.HBox(list(self._buttons.values()))
        self._row.add_class("st-modes")
        self._why = ipywidgets.HTML()
        self._why.add_class("st-faint")
        self._does = Line("st-agent-does")
        self.widget = ipywidgets.HBox([label, self._row, self._why, self._does])
        self.widget.add_class("st-mode")
        self.widget.add_class(f"st-mode-{name}")

    def write(self, mode: str, idle: str) -> None:
        """Show the mode that holds, or why none does anything now."""
        self._why.value = escape(idle)
        self._row.layout.display = "none" if idle else ""
        self._why.layout.display = "" if idle else "none"
        for name, one in self._buttons.items():
            mark(one, "st-chosen", on=name == mode)
            # A class says nothing to who hears the page.
            one.tooltip = f"{self._name}: {_MODES[name]}{' (this holds now)' if name == mode else ''}"

    def explain(self, text: str) -> None:
        """Say below the row what the agent does; empty for nothing."""
        self._does.write(text)

    def _chooser(self, mode: str) -> Callable[[object], None]:
        def choose(_: object) -> None:
            # The button that stands out says it: a sentence below would move all that stands under the card.
            self._answer.ask(lambda: self._desk.set_mode(self._name, mode))

        return choose
