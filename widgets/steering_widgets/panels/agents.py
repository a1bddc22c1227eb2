"""Agents: how far each is let in, and what they suggest."""

from collections.abc import Callable

import ipywidgets

from steering.core.agent import Suggestion
from steering.core.desk import Desk
from steering.core.status import BeamlineStatus
from steering_widgets.parts.answer import Answer
from steering_widgets.parts.card import button, close_all
from steering_widgets.parts.wording import action_text, escape

_MODES = {
    "off": "It looks at nothing",
    "suggest": "It says what it would do; you accept or not",
    "automatic": "It proposes what it would do, in your name and within the limits",
}


class AgentRows:
    """One row for each agent with its mode, and one for each suggestion with a button to accept it."""

    def __init__(self, desk: Desk, answer: Answer) -> None:
        """Build it; ``answer`` takes what the desk says."""
        self._desk = desk
        self._answer = answer
        self._modes: dict[str, ModeRow] = {}
        self._rows: list[SuggestionRow] = []
        self._agents = ipywidgets.VBox()
        self._suggestions = ipywidgets.VBox()
        self.widget = ipywidgets.VBox([self._agents, self._suggestions])
        self.widget.add_class("st-agents")

    def write_modes(self, modes: dict[str, str], idle: dict[str, str]) -> None:
        """Show each agent's mode, or why it can do nothing."""
        for name in modes:
            if name not in self._modes:
                self._modes[name] = ModeRow(name, self._desk, self._answer)
        shown = tuple(self._modes[name].widget for name in modes)
        if shown != self._agents.children:
            self._agents.children = shown
        for name, mode in modes.items():
            self._modes[name].write(mode, idle.get(name, ""))

    def write_suggestions(self, suggestions: tuple[Suggestion, ...], status: BeamlineStatus) -> None:
        """Show what agents suggest, newest first."""
        while len(self._rows) < len(suggestions):
            self._rows.append(SuggestionRow(self._desk, self._answer))
        for row, suggestion in zip(self._rows, reversed(suggestions), strict=False):
            row.write(suggestion, status)
        # Rows are kept for later suggestions: a page may still be drawing those that are taken away.
        self._suggestions.children = tuple(row.widget for row in self._rows[: len(suggestions)])

    def close(self) -> None:
        """Close the rows that are not shown now."""
        for row in (*self._modes.values(), *self._rows):
            close_all(row.widget)


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
        self.widget = ipywidgets.HBox([label, self._row, self._why])
        self.widget.add_class("st-mode")
        self.widget.add_class(f"st-mode-{name}")

    def write(self, mode: str, idle: str) -> None:
        """Show the mode that holds, or why none does anything now."""
        self._why.value = escape(idle)
        self._row.layout.display = "none" if idle else ""
        self._why.layout.display = "" if idle else "none"
        for name, one in self._buttons.items():
            if name == mode:
                one.add_class("st-chosen")
            else:
                one.remove_class("st-chosen")

    def _chooser(self, mode: str) -> Callable[[object], None]:
        def choose(_: object) -> None:
            self._answer.ask(
                lambda: self._desk.set_mode(self._name, mode), f"The agent {self._name} is now in mode {mode}."
            )

        return choose


class SuggestionRow:
    """What an agent would do, why, and a button to do it.

    Attributes:
        widget: The row.
    """

    def __init__(self, desk: Desk, answer: Answer) -> None:
        """Build it empty; ``answer`` takes what the desk says."""
        self._desk = desk
        self._answer = answer
        self._suggestion: Suggestion | None = None
        self._words = ""
        self._text = ipywidgets.HTML()
        self._accept = button("st-accept", "Accept", "Propose this in your name", strong=True)
        self._accept.on_click(self._clicked)
        self._dismiss = button("st-dismiss-suggestion", "Dismiss", "Take this suggestion away")
        self._dismiss.on_click(self._dismissed)
        self.widget = ipywidgets.HBox([self._text, self._accept, self._dismiss])
        self.widget.add_class("st-suggestion")

    def write(self, suggestion: Suggestion, status: BeamlineStatus) -> None:
        """Show a suggestion."""
        self._suggestion = suggestion
        self._words = action_text(suggestion.action, status)
        basis = f'<br><span class="st-basis">{escape(suggestion.basis)}</span>' if suggestion.basis else ""
        heading = escape(self._words[:1].upper() + self._words[1:])
        self._text.value = f"<b>{heading}</b><br>{escape(suggestion.reason)}{basis}"

    def _clicked(self, _: object) -> None:
        suggestion = self._suggestion
        if suggestion is not None:
            self._answer.ask(lambda: self._desk.accept(suggestion), f"Accepted: {self._words}.")

    def _dismissed(self, _: object) -> None:
        suggestion = self._suggestion
        if suggestion is not None:
            self._answer.ask(lambda: self._desk.dismiss(suggestion))
