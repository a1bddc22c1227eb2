"""One steerable parameter in the form."""

import ipywidgets

from steering.core.parameter import Parameter
from steering_widgets.parts.card import Line
from steering_widgets.parts.entry import entry_for
from steering_widgets.parts.wording import escape, limits_text, number, value_text


class ParameterRow:
    """Field, value in force, limits, what is pending, and what is wrong with what was written.

    Attributes:
        widget: The row.
        name: The parameter's.
        choices: What the parameter can be, if it is no number.
    """

    def __init__(self, parameter: Parameter) -> None:
        """Build the row of a parameter."""
        self.name = parameter.name
        # Its text is there from the first drawing on: one that came later would be written into what is being typed.
        self._shown = value_text(parameter, parameter.value)
        self.choices = parameter.choices
        self.entry = entry_for(f"st-param-{parameter.name}", parameter, parameter.description)
        self._force = ipywidgets.HTML()
        self._force.add_class("st-force")
        self._limits = ipywidgets.HTML()
        self._limits.add_class("st-limits")
        self._pending = Line("st-pending")
        self._error = Line("st-field-error")
        self.widget = ipywidgets.Box([self.entry, self._force, self._limits, self._pending, self._error])
        self.widget.add_class("st-param")
        self.widget.add_class(f"st-param-{parameter.name}-row")
        self._forget = False

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
        changed = self.changed
        value = parameter.choice(parameter.value) or number(parameter.value, parameter.decimals)
        _put(self._force, f"<b>{escape(value)}</b> {escape(parameter.units)}")
        _put(self._limits, escape(limits_text(parameter)))
        if pending is not None:
            awaited = parameter.choice(pending) or f"{number(pending, parameter.decimals)} {parameter.units}"
            self._pending.write(f"{awaited} is pending: it holds from the next point on", "warn")
        else:
            self._pending.write(f"in force since point {since}" if since else "", "plain")
        shown = value_text(parameter, parameter.value if pending is None else pending)
        self._shown = shown
        if not changed or self._forget:
            self.entry.write(shown)
        self._forget = False

    def forget(self) -> None:
        """Show what holds from now on, whatever was written for another run."""
        self._forget = True
        self.complain("")

    def settle(self) -> None:
        """Take what stands in the field as shown: it was proposed."""
        self._shown = self.entry.text

    def complain(self, sentence: str) -> None:
        """Show what is wrong with what was written, and mark the field; empty for nothing."""
        self._error.write(sentence, "error")
        if sentence:
            self.widget.add_class("st-refused")
        else:
            self.widget.remove_class("st-refused")

    def enable(self, *, allowed: bool) -> None:
        """Let the field be changed or not."""
        if self.entry.field.disabled == allowed:
            self.entry.field.disabled = not allowed


def _put(widget: ipywidgets.HTML, text: str) -> None:
    if widget.value != text:
        widget.value = text
