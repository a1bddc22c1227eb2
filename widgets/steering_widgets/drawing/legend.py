"""Says what the marks on a plot mean, as far as there are such marks on it now."""

from collections.abc import Sequence

import ipywidgets

from steering_widgets.drawing.plot import ADVICE_COLOUR, FIT_COLOUR, GHOST_COLOUR, MARK_COLOUR

# What a mark looks like, its colour, and what it means.
_MARKS = {
    "fit": ("\u2501", FIT_COLOUR, "fit"),
    "mark": ("\u2506", MARK_COLOUR, "marked value"),
    "planned": ("\u2758", MARK_COLOUR, "still to measure"),
    "ghost": ("\u2758", GHOST_COLOUR, "would be measured"),
    "decision": ("\u25bc", MARK_COLOUR, "decision"),
    "advice": ("\u25bc", ADVICE_COLOUR, "an agent's hint"),
}


class Legend:
    """One line below a plot.

    Attributes:
        widget: The line. It keeps its place while it is empty.
    """

    def __init__(self, **looks: tuple[str, str]) -> None:
        """Begin without marks.

        Args:
            looks: Character and colour of a mark that looks different on this plot.
        """
        self._looks = {name: looks.get(name, (glyph, colour)) for name, (glyph, colour, _) in _MARKS.items()}
        self.widget = ipywidgets.HTML()
        self.widget.add_class("st-legend")

    def show(self, **there: bool) -> None:
        """Explain those marks that are on the plot.

        Args:
            there: For ``fit``, ``mark``, ``planned``, ``ghost``, ``decision`` and ``advice`` whether there are such.
        """
        text = "".join(
            f'<span><span aria-hidden="true" style="color: {colour}">{glyph}</span> {_MARKS[name][2]}</span>'
            for name, (glyph, colour) in self._looks.items()
            if there.get(name)
        )
        if self.widget.value != text:
            self.widget.value = text


def kinds_of(colours: Sequence[str]) -> dict[str, bool]:
    """Say which kinds of decisions' marks there are, by their colours."""
    return {"decision": any(one != ADVICE_COLOUR for one in colours), "advice": ADVICE_COLOUR in colours}
