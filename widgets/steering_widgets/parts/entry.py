"""Fields of a form: a text field for a number with a unit, and a menu of choices."""

from typing import TypeAlias

import ipywidgets

from steering.core.parameter import Parameter
from steering_widgets.parts.units import read_number, shown_unit
from steering_widgets.parts.wording import escape, limits_text, value_text


class NumberEntry(ipywidgets.HBox):
    """Label, field and unit. Takes any text, so that what is wrong with it can be said in a sentence.

    Attributes:
        field: The text field.
    """

    def __init__(self, hook: str, label: str, units: str, text: str = "", meaning: str = "") -> None:
        """Build it.

        Args:
            hook: CSS hook of the field, for example ``"st-param-exposure"``.
            label: What it is.
            units: Unit, shown after the field.
            text: What stands in it.
            meaning: One sentence, shown when the pointer rests on it.
        """
        self._labels = ("", "", "")
        self.field = ipywidgets.Text(value=text)
        self.field.add_class(hook)
        self._units = ipywidgets.HTML()
        self._units.add_class("st-units")
        super().__init__([self.field, self._units])
        self.relabel(label, units, meaning)
        self.add_class("st-entry")

    @property
    def text(self) -> str:
        """What stands in the field."""
        return self.field.value.strip()

    def write(self, text: str) -> None:
        """Put a text into the field."""
        if self.field.value != text:
            self.field.value = text

    def relabel(self, label: str, units: str, meaning: str = "") -> None:
        """Change label, unit and meaning."""
        if (label, units, meaning) == self._labels:
            return
        self._labels = (label, units, meaning)
        self.field.description = label
        self.field.tooltip = meaning or f"{label} in {shown_unit(units)}"
        self._units.value = escape(shown_unit(units))

    def number(self) -> float:
        """Read the number, with its unit or without; ``nan`` and ``inf`` are numbers, which the guard then refuses.

        Raises:
            SteeringError: If it is none, or one in another unit.
        """
        return read_number(self._labels[0], self.text, self._labels[1])


class ChoiceEntry(ipywidgets.HBox):
    """Label and menu of a parameter that is a choice.

    Attributes:
        field: The menu.
    """

    def __init__(self, hook: str, parameter: Parameter, meaning: str = "") -> None:
        """Build it.

        Args:
            hook: CSS hook of the menu, for example ``"st-param-filters"``.
            parameter: With its choices, and the one that holds.
            meaning: One sentence, shown when the pointer rests on it.
        """
        self._parameter = parameter
        self.field = ipywidgets.Dropdown(
            options=parameter.choices, value=parameter.choice(parameter.value), description=parameter.name
        )
        self.field.add_class(hook)
        super().__init__([self.field])
        self.relabel(parameter.name, "", meaning)
        self.add_class("st-entry")

    @property
    def text(self) -> str:
        """Name of what is chosen."""
        return str(self.field.value)

    def write(self, text: str) -> None:
        """Choose by name."""
        if self.field.value != text:
            self.field.value = text

    def relabel(self, label: str, units: str, meaning: str = "") -> None:
        """Change label and meaning; a choice has no unit."""
        del units
        if self.field.description != label:
            self.field.description = label
        if self.field.tooltip != (meaning or label):
            self.field.tooltip = meaning or label

    def number(self) -> float:
        """Return the number of what is chosen."""
        return self._parameter.value_of(self.text)


Entry: TypeAlias = NumberEntry | ChoiceEntry


def entry_for(hook: str, parameter: Parameter, meaning: str = "") -> Entry:
    """Make the field of a parameter.

    Args:
        hook: Its CSS hook.
        parameter: With the value that stands in it at first.
        meaning: One sentence, shown when the pointer rests on it; description and limits if left out.
    """
    meaning = meaning or f"{parameter.description}: {limits_text(parameter)}".removeprefix(": ")
    if parameter.choices:
        return ChoiceEntry(hook, parameter, meaning)
    return NumberEntry(hook, parameter.name, parameter.units, value_text(parameter, parameter.value), meaning)
