"""Scales of a plot: logarithmic or not, following the data or as a person has zoomed."""

import ipywidgets

from steering.core.cell import Cell
from steering_widgets.bokeh_view.view import BokehView
from steering_widgets.parts.card import button
from steering_widgets.parts.place import Place


class AxisTools:
    """Boxes to tick, and a button that shows all data again.

    What they say is true of the plot once the panel has called :meth:`apply`.

    Attributes:
        widget: The row.
    """

    def __init__(self, name: str, *, log: str = "xy", colour: bool = False) -> None:
        """Begin with linear scales that follow the data.

        Args:
            name: For the CSS hooks ``st-{name}-log-x``, ``st-{name}-auto-y`` and so on.
            log: Axes that may be logarithmic.
            colour: Whether there are colours, whose scale may follow the data too.
        """
        self._settings: Cell[int] = Cell(0)
        self._place = Place(self._settings)
        self._log = {axis: self._box(f"st-{name}-log-{axis}", f"Log {axis}", ticked=False) for axis in log}
        automatic = ("x", "y", "colour") if colour else ("x", "y")
        self._auto = {axis: self._box(f"st-{name}-auto-{axis}", f"Auto {axis}", ticked=True) for axis in automatic}
        for axis, box in self._auto.items():
            box.tooltip = f"Follow the data along {axis}; off: keep what is shown"
        self._fits: Cell[int] = Cell(0)
        self._fit_asked = Place(self._fits)
        self._fit_asked.advance()
        fit = button(f"st-{name}-fit", "Fit", "Show all data, and follow them again")
        fit.on_click(lambda _: self._fits.set(self._fits.value + 1))
        self._zoomed: Place[frozenset[str]] | None = None
        self._applied: tuple[str, ...] | None = ()
        self.widget = ipywidgets.Box([*self._log.values(), *self._auto.values(), fit])
        self.widget.add_class("st-plot-tools")

    def logarithmic(self, axis: str) -> bool:
        """Say whether an axis is to be logarithmic."""
        return axis in self._log and bool(self._log[axis].value) and not self._log[axis].disabled

    def allow(self, axis: str, *, allowed: bool, why: str) -> None:
        """Say whether an axis can be logarithmic, and if not, why; it is linear then, and may be wanted again later."""
        box = self._log[axis]
        box.disabled, box.tooltip = not allowed, "" if allowed else why

    def automatic(self, axis: str) -> bool:
        """Say whether the scale of an axis, or of ``"colour"``, follows the data."""
        return bool(self._auto[axis].value)

    def advance(self, view: BokehView) -> bool:
        """Take what a person did, on this row or by zooming in the plot; say whether there was anything."""
        if self._zoomed is None:
            self._zoomed = Place(view.zoomed)
            self._zoomed.advance()
        zoomed, fitted, changed = self._zoomed.advance(), self._fit_asked.advance(), self._place.advance()
        if zoomed:
            for axis in self._zoomed.value:
                self._auto[axis].value = False
            # The view that was zoomed holds already; the others must not jump.
            self._applied = None
        if fitted:
            for box in self._auto.values():
                box.value = True
            self._applied = None
        return any((zoomed, fitted, changed))

    def apply(self, view: BokehView) -> None:
        """Tell the views which axes follow the data."""
        held = tuple(axis for axis in ("x", "y") if not self.automatic(axis))
        if held != self._applied:
            self._applied = held
            view.hold(held)

    def _box(self, hook: str, label: str, *, ticked: bool) -> ipywidgets.Checkbox:
        box = ipywidgets.Checkbox(value=ticked, description=label, indent=False)
        box.add_class(hook)
        box.observe(self._changed, "value")
        return box

    def _changed(self, _: object) -> None:
        self._settings.set(self._settings.value + 1)
