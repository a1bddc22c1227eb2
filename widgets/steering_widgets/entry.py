"""A text field for a number with a unit."""

import ipywidgets

from steering.core.errors import SteeringError
from steering_widgets.wording import MINUS, escape


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
        self.field.tooltip = meaning or f"{label} in {units}"
        self._units.value = escape(units)

    def number(self) -> float:
        """Read the number; ``nan`` and ``inf`` are numbers here, which the guard then refuses.

        Raises:
            SteeringError: If it is none.
        """
        try:
            return float(self.text.replace(MINUS, "-").replace(",", "."))
        except ValueError:
            shown = f"“{self.text}” is not a number" if self.text else "no number is given"
            message = f"{self._labels[0]}: {shown}. Write one such as 0.5."
            raise SteeringError(message) from None
