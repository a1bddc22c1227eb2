"""A range of a curve in numbers: the twin of the strip that is dragged, and the button that proposes to measure it."""

import math
from threading import get_ident

import ipywidgets

from steering.core.action import Action, InsertRegion, SetParameter
from steering.core.cell import Cell
from steering.core.errors import SteeringError
from steering.core.status import BeamlineStatus
from steering_widgets.parts.card import Line, button
from steering_widgets.parts.entry import NumberEntry
from steering_widgets.parts.wording import decimals_for, marking_hint, plain

_DECIMALS = 5
Range = tuple[float, float]


class RangeForm:
    """Fields from and to.

    Attributes:
        wanted: The range, lowest position first, in the axis' unit; ``None`` before the first.
        newest: The same, with whether it was ``"drawn"`` or ``"typed"``.
        go: The button.
        widget: Hint, fields and button.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self.wanted: Cell[Range | None] = Cell(None)
        self.newest: Cell[tuple[str, Range] | None] = Cell(None)
        self._low = NumberEntry("st-range-low", "from", "")
        self._high = NumberEntry("st-range-high", "to", "")
        self.go = button("st-range-measure", "Measure this range", "Propose to measure there", strong=True)
        self._why = Line("st-range-why")
        self._writer = 0
        for entry in (self._low, self._high):
            entry.field.observe(self._field_changed, "value")
        hint = ipywidgets.HTML(marking_hint("range"))
        hint.add_class("st-hint")
        row = ipywidgets.Box([self._low, self._high, self.go])
        row.add_class("st-range-row")
        self.widget = ipywidgets.VBox([hint, row, self._why])

    def name_axis(self, axis: str, units: str) -> None:
        """Label the fields."""
        self._low.relabel(f"{axis} from", units)
        self._high.relabel("to", units)

    def draw(self, low: float, high: float) -> None:
        """Take a range that was dragged; from any thread."""
        ends = min(low, high), max(low, high)
        self.newest.set(("drawn", ends))
        self.wanted.set(ends)

    def write(self, low: float, high: float) -> None:
        """Put a range into the fields."""
        decimals = decimals_for(abs(high - low), _DECIMALS)
        self._fill(plain(low, decimals), plain(high, decimals))

    def forget(self) -> None:
        """Begin anew, with empty fields."""
        self._fill("", "")
        self.newest.set(None)
        self.wanted.set(None)

    def _fill(self, low: str, high: str) -> None:
        # What this thread writes is not typed by a person.
        self._writer = get_ident()
        self._low.write(low)
        self._high.write(high)
        self._writer = 0

    def allow(self, why: str) -> None:
        """Enable the button, or say why it is not."""
        if self.go.disabled != bool(why):
            self.go.disabled = bool(why)
        self._why.write(why)

    def read(self) -> Range:
        """Read the fields.

        Raises:
            SteeringError: If they are no range.
        """
        low, high = self._low.number(), self._high.number()
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            message = "Write two numbers, the first below the second."
            raise SteeringError(message)
        return low, high

    def _field_changed(self, _: object) -> None:
        if self._writer == get_ident():
            return
        try:
            ends = self.read()
        except SteeringError:
            return  # half written; the button says what is missing
        self.newest.set(("typed", ends))
        self.wanted.set(ends)


def why_not(status: BeamlineStatus, axis: str, *, region: bool) -> str:
    """Say why a range of this scan cannot be measured; empty if it can.

    Args:
        status: Of the beamline.
        axis: What the curve is drawn along.
        region: Whether the scan takes regions.
    """
    if not status.scanning:
        return "No scan is running, so no range can be measured now."
    if list(status.axes) != [axis]:
        return f"The scan that runs moves not only {axis}, so it cannot measure this range. Start a scan along {axis}."
    if {"centre", "range"} <= {item.name for item in status.parameters} or region:
        return ""
    return "This scan has no centre and range and takes no regions, so its range cannot be changed from here."


def actions_for(status: BeamlineStatus, axis: str, ends: Range) -> tuple[Action, ...]:
    """Make what has to be proposed for a range to be measured.

    Args:
        status: Of a scan that :func:`why_not` has nothing against.
        axis: What the curve is drawn along.
        ends: Lowest and highest position, in the axis' unit.
    """
    low, high = ends
    values = {item.name: item for item in status.parameters}
    if {"centre", "range"} <= values.keys():
        wished = {"centre": (low + high) / 2, "range": high - low}
        rounded = {name: round(value, max(values[name].decimals, 1) + 2) for name, value in wished.items()}
        now = {name: status.pending.get(name, values[name].value) for name in wished}
        return tuple(SetParameter(name, value) for name, value in rounded.items() if value != now[name])
    step = values["step"].value if "step" in values else (high - low) / 20
    return (InsertRegion({axis: (low, high)}, {axis: step}),)
