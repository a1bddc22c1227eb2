"""A region of a map in numbers: the twin of the box that is drawn, since Bokeh offers nothing to a keyboard."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from threading import get_ident

import ipywidgets

from steering.core.action import InsertRegion
from steering.core.cell import Cell
from steering.core.errors import SteeringError
from steering_widgets.parts.entry import NumberEntry
from steering_widgets.parts.wording import decimals_for, plain

_DECIMALS = 3


@dataclass(frozen=True)
class Region:
    """A rectangle, in the axes' units: ``x`` is drawn to the right, ``y`` upwards."""

    x0: float
    x1: float
    y0: float
    y1: float


@dataclass(frozen=True)
class MapAxes:
    """The two axes of a map: names and units."""

    x: str = "x"
    y: str = "y"
    x_units: str = ""
    y_units: str = ""


class RegionForm:
    """Fields x0, x1, y0, y1 and step.

    Attributes:
        widget: The row of fields.
        newest: The newest region, and whether it was ``"drawn"`` or ``"typed"``; ``None`` before the first.
    """

    def __init__(self, go: ipywidgets.Button) -> None:
        """Begin empty; ``go`` is the button that proposes the region."""
        self._axes = MapAxes()
        self.x0 = NumberEntry("st-region-x0", "x from", "")
        self.x1 = NumberEntry("st-region-x1", "to", "")
        self.y0 = NumberEntry("st-region-y0", "y from", "")
        self.y1 = NumberEntry("st-region-y1", "to", "")
        self.step = NumberEntry("st-region-step", "step", "")
        self.widget = ipywidgets.Box([self.x0, self.x1, self.y0, self.y1, self.step, go])
        self.widget.add_class("st-region")
        self.newest: Cell[tuple[str, Region] | None] = Cell(None)
        self._writer = 0
        for entry in (self.x0, self.x1, self.y0, self.y1):
            entry.field.observe(self._field_changed, "value")

    def name_axes(self, axes: MapAxes) -> None:
        """Label the fields with the axes of this map."""
        if axes == self._axes:
            return
        self._axes = axes
        self.x0.relabel(f"{axes.x} from", axes.x_units)
        self.x1.relabel("to", axes.x_units)
        self.y0.relabel(f"{axes.y} from", axes.y_units)
        self.y1.relabel("to", axes.y_units)
        self.step.relabel("step", axes.x_units)

    def draw(self, region: Region) -> None:
        """Take a region that was drawn; from any thread."""
        self.newest.set(("drawn", region))

    def write(self, region: Region) -> None:
        """Put a region that was drawn into the fields."""
        ends = (region.x0, region.x1), (region.y0, region.y1)
        self._fill([plain(one, decimals_for(abs(pair[1] - pair[0]), _DECIMALS)) for pair in ends for one in pair])

    def forget(self) -> None:
        """Begin anew, with empty fields."""
        self._fill([""] * 4)
        self.step.write("")
        self.newest.set(None)

    def _fill(self, texts: Sequence[str]) -> None:
        # What this thread writes is not typed by a person; the fields change one by one and tell of each.
        self._writer = get_ident()
        for entry, text in zip((self.x0, self.x1, self.y0, self.y1), texts, strict=True):
            entry.write(text)
        self._writer = 0

    def propose_step(self, step: float) -> None:
        """Fill the step field, unless somebody wrote into it; with nothing where the step is not known."""
        if not self.step.text and 0 < step < math.inf:
            self.step.write(plain(step, decimals_for(step, _DECIMALS)))

    def action(self) -> InsertRegion:
        """Read the fields.

        Raises:
            SteeringError: If one of them is no number.
        """
        axes, step = self._axes, self.step.number()
        region = {
            axes.y: (self.y0.number(), self.y1.number()),
            axes.x: (self.x0.number(), self.x1.number()),
        }
        return InsertRegion(region, dict.fromkeys(region, step))

    def _field_changed(self, _: object) -> None:
        if self._writer == get_ident():
            return
        try:
            region = Region(self.x0.number(), self.x1.number(), self.y0.number(), self.y1.number())
        except SteeringError:
            return  # half written; the button says what is missing
        self.newest.set(("typed", region))
