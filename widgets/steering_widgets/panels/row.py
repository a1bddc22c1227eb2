"""One parameter in the form: of a scan that is to be started, or of the one that runs."""

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import ipywidgets

from steering.core.errors import SteeringError
from steering.core.parameter import Parameter
from steering.guard import judge_value
from steering_widgets.parts.card import Line
from steering_widgets.parts.entry import entry_for
from steering_widgets.parts.units import shown_unit, without_unit
from steering_widgets.parts.wording import escape, limits_text, number, value_text


def _ignore(_: object) -> None:
    """Take no note of what is typed."""


class ParameterRow:
    """Field, value in force, limits, what was edited or is pending, and what is wrong with what was written.

    Attributes:
        widget: The row.
        name: The parameter's.
        choices: What the parameter can be, if it is no number.
    """

    def __init__(
        self,
        parameter: Parameter,
        hook: str = "st-param",
        typed: Callable[[object], object] = _ignore,
        *,
        steered: bool = True,
    ) -> None:
        """Build the row of a parameter.

        Args:
            parameter: With the value that stands in the field at first.
            hook: The field's CSS hook is this, a dash, and the parameter's name.
            typed: Called with what changed, on any thread, when the field does.
            steered: Whether it belongs to a scan that runs, so that one step is at most so large.
        """
        self._steered = steered
        self.name = parameter.name
        self._parameter = parameter
        # Its text is there from the first drawing on: one that came later would be written into what is being typed.
        self._shown = value_text(parameter, parameter.value)
        self.choices = parameter.choices
        self.entry = entry_for(f"{hook}-{parameter.name}", parameter, parameter.description)
        self.entry.field.observe(typed, "value")
        self._force = ipywidgets.HTML()
        self._force.add_class("st-force")
        self._limits = ipywidgets.HTML(escape(limits_text(parameter, steered=steered)))
        self._limits.add_class("st-limits")
        self._edited = Line("st-edited-line")
        self._pending = Line("st-pending")
        self._error = Line("st-field-error")
        parts = [self.entry, self._force, self._limits, self._edited, self._pending, self._error]
        self.widget = ipywidgets.Box(parts)
        self.widget.add_class("st-param")
        self.widget.add_class(f"{hook}-{parameter.name}-row")
        self._forget = False
        self._complained: str | None = None

    @property
    def changed(self) -> bool:
        """Whether a person wrote something else into the field than what was shown."""
        return self.entry.text != self._shown

    def write(self, parameter: Parameter, pending: float | None, since: int) -> None:
        """Show value and limits.

        Args:
            parameter: With the value in force.
            pending: Value that holds from the next point on, if any.
            since: Point from which the value has been in force, 0 if from the start.
        """
        self._parameter = parameter
        value = parameter.choice(parameter.value) or number(parameter.value, parameter.decimals)
        units = shown_unit(parameter.units)
        _put(self._force, f"<b>{escape(value)}</b> {escape(units)}")
        _put(self._limits, escape(limits_text(parameter, steered=self._steered)))
        if pending is not None:
            awaited = parameter.choice(pending) or f"{number(pending, parameter.decimals)} {units}"
            self._pending.write(f"{awaited} from the next point", "warn")
        else:
            self._pending.write(f"in force since point {since}" if since else "", "plain")
        shown = value_text(parameter, parameter.value if pending is None else pending)
        # Looked at last: a person types on another thread.
        untouched, self._shown = not self.changed, shown
        if untouched or self._forget:
            self.entry.write(shown)
        self._forget = False
        self.mark()

    def mark(self) -> None:
        """Say what would change, as ``0.25 → 1.5 s``, and mark the field; nothing if it was not edited."""
        if self._complained is not None and self._complained != self.entry.text:
            self.complain("")  # what was said of it is not of what stands there now
        self._mark_beyond()
        if not self.changed:
            self._edited.write("")
            self.widget.remove_class("st-edited")
            return
        self.widget.add_class("st-edited")
        self._edited.write(f"{self._words(self._shown)} → {self._words(self.entry.text)}", "warn")

    def _mark_beyond(self) -> None:
        """Mark a value that would be refused, before anybody is asked; what may be stands under the field anyway."""
        held = self._parameter if self._steered else replace(self._parameter, largest_step=math.inf)
        refused = ""
        if self.changed:
            # Half a number is not wrong yet.
            with suppress(SteeringError):
                refused = judge_value(self.name, self.entry.number(), {self.name: held})
        if refused:
            self.widget.add_class("st-beyond")
        else:
            self.widget.remove_class("st-beyond")

    def forget(self) -> None:
        """Show what holds at the next ``write``, whatever a person has written."""
        self._forget = True
        self.complain("")

    def settle(self) -> None:
        """Take what stands in the field as shown: it was proposed."""
        self._shown = self.entry.text
        self.mark()

    def complain(self, sentence: str) -> None:
        """Show what is wrong with what was written, and mark the field; empty for nothing."""
        self._complained = self.entry.text if sentence else None
        self._error.write(sentence, "error")
        if sentence:
            self.widget.add_class("st-refused")
        else:
            self.widget.remove_class("st-refused")

    def enable(self, *, allowed: bool) -> None:
        """Let the field be changed or not."""
        if self.entry.field.disabled == allowed:
            self.entry.field.disabled = not allowed

    def _words(self, text: str) -> str:
        units = self._parameter.units
        return f"{without_unit(text, units) or 'nothing'} {shown_unit(units)}".strip()


def _put(widget: ipywidgets.HTML, text: str) -> None:
    if widget.value != text:
        widget.value = text
