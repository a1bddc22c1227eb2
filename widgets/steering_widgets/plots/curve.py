"""The rocking curve as it grows, where the scan will still measure, and a range that a person wants measured."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from steering.core.action import SetParameter
from steering.core.cell import Cell
from steering.core.desk import Desk
from steering.core.errors import SteeringError
from steering.core.plan import Plan
from steering.core.proposal import Ruling
from steering.core.result import Feature, Result
from steering.core.status import BeamlineStatus
from steering_widgets.drawing.axis_tools import AxisTools
from steering_widgets.drawing.curve_data import (
    PAIRS,
    Curve,
    Overlay,
    axis_of,
    curve_of,
    fit_of,
    minus,
    monitors_of,
    thin,
)
from steering_widgets.drawing.curve_numbers import (
    BEST,
    MARKS,
    WIDTH,
    CurveNumbers,
    feature_of,
    half_height,
    meant,
    place_of,
    point_text,
)
from steering_widgets.drawing.curve_plot import CurvePlot
from steering_widgets.drawing.kept_file import Table
from steering_widgets.drawing.legend import Legend, kinds_of
from steering_widgets.drawing.tables import table_of_curve
from steering_widgets.drawing.wanted_range import Range, RangeForm, actions_for, why_not
from steering_widgets.parts.card import Card
from steering_widgets.parts.choice import Choice
from steering_widgets.parts.held import held
from steering_widgets.parts.place import Place
from steering_widgets.parts.wording import exposed_at, feature_text, news, several
from steering_widgets.plots.ghost import REGION, Ghost, ghost_text
from steering_widgets.plots.look import Look
from steering_widgets.plots.planned import PlannedPanel
from steering_widgets.plots.take_home import TakeHome, about

__all__ = ["CurvePanel", "axis_of", "fit_of"]

_RAW = "nothing"
_NOWHERE: NDArray[np.float64] = np.empty(0)


class CurvePanel(PlannedPanel):
    """Points with error bars, fit, peak and width, in numbers with uncertainties; and the plan at the plot's edge.

    Attributes:
        wanted: A range that a person has marked, lowest position first, in the axis' unit.
        note: Takes the values that a measured range replaced, by parameter, so that it can be taken back.
    """

    def __init__(self, desk: Desk, look: Look | None = None, ghost: Ghost | None = None) -> None:
        """Build it on a desk, which may be idle; see ``PlannedPanel``."""
        super().__init__("curve", desk, look, ghost)
        self._scans = Place(desk.board.scans)
        self._overlays: Cell[tuple[Overlay, ...]] = Cell(())
        self._earlier = Place(self._overlays)
        self._drawn = CurvePlot(self._touched)
        self.view = self._drawn.view
        self._drawn.strip.on_change("data", self._strip_dragged)
        self._showing = False
        self.note: Callable[[Mapping[str, float]], object] = lambda _: None
        self._form = RangeForm()
        self.wanted = self._form.wanted
        self._newest = Place(self._form.newest)
        self._form.go.on_click(self._measure)
        self._tools = AxisTools("curve")
        self._mark = Choice("st-curve-mark", "Mark")
        self._mark.offer(MARKS, BEST)
        self._difference = ipywidgets.Checkbox(description="Difference", indent=False)
        self._difference.add_class("st-curve-difference")
        self._difference.layout.display = "none"
        self._difference.observe(self._setting_changed, "value")
        self._take_home = TakeHome("curve", desk, self._table)
        choices = ipywidgets.Box(
            [self._mark.widget, self._monitor.widget, self._difference, self._tools.widget, self._take_home.widget]
        )
        choices.add_class("st-plot-tools")
        self._numbers = CurveNumbers()
        self._legend = Legend()
        self._axis = ("", "")
        parts = [
            choices, self.view, self._legend.widget, self._about, self._would, self._numbers.widget, self._form.widget,
        ]  # fmt: skip
        self.widget = Card("curve", "Rocking curve", parts)

    @staticmethod
    def fits(data: xr.Dataset) -> bool:
        """Say whether a result has something to show here."""
        if "intensity" not in data or data["intensity"].ndim != 1:
            return False
        # A map has two positions a point.
        return len([name for name in data if str(name).endswith("_step")]) < 2

    def overlay(
        self,
        label: str,
        positions: NDArray[np.float64],
        values: NDArray[np.float64],
        errors: NDArray[np.float64] | None = None,
    ) -> None:
        """Draw an earlier run's curve behind this one; from any thread. The same label again replaces it.

        Args:
            label: What it is called.
            positions: Shape ``(points,)``, in the unit of the axis.
            values: Shape ``(points,)``, in the unit of the curve.
            errors: One standard deviation each; not known if left out.
        """
        known = np.zeros(len(values)) if errors is None else np.nan_to_num(np.asarray(errors, dtype=np.float64))
        made = Overlay(label, np.asarray(positions, dtype=np.float64), np.asarray(values, dtype=np.float64), known)
        self._overlays.set((*(one for one in self._overlays.value if one.label != label), made))

    def clear_overlays(self) -> None:
        """Take all earlier curves away; from any thread."""
        self._overlays.set(())

    def subtract(self, *, on: bool) -> None:
        """Show the curve minus the newest of the earlier ones, or both; on the thread that draws."""
        self._difference.value = on

    def refresh(self) -> bool:
        """Show a newer result, plan, forecast or wish, if there is one."""
        asked = self._ghost.refresh()
        status, plan = self._status.advance(), self._plan.advance()
        if status and self._beginning.look(self._status.value):
            self._forget()
        edges = [
            status,
            plan,
            *(place.advance() for place in (self._rulings, self._advice, self._wish, self._forecast, self._scans)),
        ]
        settings = [
            self._changed.advance(), self._mark.advance(), self._monitor.advance(), self._earlier.advance(),
            self._tools.advance(self.view), self._point.advance(),
        ]  # fmt: skip
        result, newest, said = self._result.advance(), self._newest.advance(), self._said.advance()
        if newest and self._newest.value is not None:
            self._follow_range(*self._newest.value)
        if any((*edges, *settings, result)):
            with self.view.edit():
                if result or any(settings) or plan:
                    self._show(self._result.value)
                self._show_edges()
        self._tools.apply(self.view)
        self._numbers.settle()
        if said:
            self.widget.say(*self._said.value)
        return any((asked, *edges, *settings, result, newest, said, self._take_home.refresh()))

    def _show(self, result: Result | None) -> None:
        self._drawn.scale(log_x=self._tools.logarithmic("x"), log_y=self._tools.logarithmic("y"))
        earlier = self._earlier.value
        self._difference.layout.display = None if earlier else "none"
        if result is None or not self.fits(result.outcome.data):
            self._drawn.clear()
            self._drawn.show_earlier(earlier)
            self._numbers.clear()
            self._about.write("")
            self.widget.remark("no result yet")
            return
        data = result.outcome.data
        monitors = monitors_of(data)
        self._monitor.offer((_RAW, *monitors), _RAW)
        self._monitor.widget.layout.display = None if monitors else "none"
        monitor = self._monitor.value if self._monitor.value != _RAW else ""
        curve = curve_of(data, monitor)
        differs = bool(earlier and self._difference.value)
        shown = thin(minus(curve, earlier[-1]) if differs else curve)
        self._axis = curve.axis, curve.units
        self._drawn.show(shown)
        self._drawn.touch.show(self._drawn.points, self._point.value)
        self._drawn.show_earlier(() if differs else earlier)
        self._drawn.show_fit(*(fit_of(data) if not (monitor or differs) else (_NOWHERE, _NOWHERE)))
        features = result.outcome.features
        mark = meant(self._mark.value, features, data)
        marked = place_of(mark, features, data)
        width = features[WIDTH].value if WIDTH in features and not (monitor or differs) else math.nan
        # Around the fitted centre where there is one: the highest sample need not lie in the middle.
        middle = float(data.attrs.get("fit_centre", marked))
        self._drawn.show_mark(marked, middle, width, half_height(data))
        what = "difference of intensity" if differs else "intensity"
        self._drawn.label(curve.axis, curve.units, curve.value_units, f"{what}, to {monitor}" if monitor else what)
        self._numbers.show(result, mark)
        self._about.write(self._words(curve, shown, (mark, marked), monitor, features))
        frames = f"{several(result.provenance.frames, 'frame')}, version {result.version}"
        behind = f"; {', '.join(one.label for one in earlier)} behind it" if earlier else ""
        beside = f"; minus {earlier[-1].label}" if differs else behind
        self.widget.remark(frames + beside, news(exposed_at(result)))

    def _words(
        self, curve: Curve, shown: Curve, marked: tuple[str, float], monitor: str, features: Mapping[str, Feature]
    ) -> str:
        parts: list[str] = []
        mark, where = marked
        if math.isfinite(where):
            place = feature_of(mark, features) or Feature(where, math.nan, curve.units)
            parts.append(f"Marked: {mark.lower()}, {feature_text(place)}.")
        else:
            parts.append(f"Marked: nothing, as there is no {mark.lower()} yet.")
        if monitor:
            parts.append(f"Each point is divided by its {monitor} and multiplied by the mean {monitor}.")
        earlier = self._earlier.value
        if earlier and self._difference.value:
            parts.append(f"{earlier[-1].label} is subtracted, interpolated linearly to the same positions.")
        if len(shown.values) < curve.all and not self._difference.value:
            parts.append(f"Of {curve.all} points the lowest and the highest of each of {PAIRS} parts are drawn.")

        frame = self._point.value
        return " ".join([*parts, point_text(curve, frame) if frame is not None else ""]).strip()

    def _table(self) -> Table | None:
        result, earlier = self._result.value, self._earlier.value
        if result is None or not self.fits(result.outcome.data):
            return None
        monitor = self._monitor.value if self._monitor.value != _RAW else ""
        curve, said = curve_of(result.outcome.data, monitor), {**about(result), "normalised to": monitor or _RAW}
        if earlier and self._difference.value:
            curve, said = minus(curve, earlier[-1]), {**said, "minus": earlier[-1].label}
        return table_of_curve(curve, said)

    def _show_edges(self) -> None:
        """Show what is planned, what would be, and what was decided."""
        status, plan, result = self._status.value, self._plan.value, self._result.value
        axes = list(status.axes.values())
        if len(axes) == 1 and (result is None or self._axis == ("", "")):
            self._axis = axes[0].name, axes[0].units
            self._drawn.label(*self._axis, "counts/s")
        axis = self._axis[0]
        self._form.name_axis(*self._axis)
        ours = along(plan, axis) and (result is None or result.provenance.run in ("", plan.run))
        scanning = ours and status.scanning and plan.run == status.run
        left = plan.left(status.points_done)[:, 0] if scanning else _NOWHERE
        seen = self._foreseen(axis) if scanning else _NOWHERE
        edge = self._drawn.edge
        edge.show_plan(left)
        edge.show_ghost(seen)
        marks = self._marks() if ours else []
        edge.show_marks(marks)
        self._legend.show(
            fit=self._drawn.fitted, mark=self._drawn.marked, planned=len(left) > 0, ghost=len(seen) > 0,
            **kinds_of([one.colour for one in marks]),
        )  # fmt: skip
        ends = np.concatenate([plan.along(axis) if ours else np.array(planned_range(status)), seen])
        known = ends[np.isfinite(ends)]
        if known.size:
            low, high = float(known.min()), float(known.max())
        else:
            low, high = (0.0, 1.0) if result is None else (math.nan, math.nan)
        self._drawn.show_extent(low, high, zero=not self._tools.logarithmic("y"))
        self._would.write(ghost_text(self._wish.value, self._forecast.value) if scanning else "")
        self._form.allow(why_not(status, axis, region=self._takes_regions(status)))

    def _foreseen(self, axis: str) -> NDArray[np.float64]:
        """Say where the forecast would measure yet."""
        forecast = self._forecast.value
        if forecast is None or forecast.refusal or not along(forecast.plan, axis):
            return _NOWHERE
        return forecast.plan.left(self._status.value.points_done)[:, 0]

    def _takes_regions(self, status: BeamlineStatus) -> bool:
        return any(scan.name == status.scan and scan.region for scan in self._scans.value)

    def _forget(self) -> None:
        """Begin another scan: what was marked and subtracted was of the last one. Its curve stays behind this one."""
        self._difference.value = False
        self._form.forget()
        with self.view.edit():
            self._showing = True
            self._drawn.hide_strip()
            self._showing = False

    def _follow_range(self, how: str, ends: Range) -> None:
        """Bring the twin that was not touched to the range, and have it foretold."""
        if how == "drawn":
            self._form.write(*ends)
        else:
            with self.view.edit():
                self._showing = True
                self._drawn.show_strip(*ends)
                self._showing = False
        status = self._status.value
        if not why_not(status, self._axis[0], region=self._takes_regions(status)):
            self._ghost.want(actions_for(status, self._axis[0], ends), REGION)

    def _strip_dragged(self, _attr: str, _old: object, new: Any) -> None:
        if not self._showing and len(new["x0"]):
            self._form.draw(float(new["x0"][-1]), float(new["x1"][-1]))

    def _measure(self, _: object) -> None:
        """Propose to measure the range, all of it or nothing."""
        result, status = self._result.value, self._desk.board.status.value
        before = held(status)
        replaced: dict[str, float] = {}

        def propose() -> Ruling | str | None:
            actions = actions_for(status, self._axis[0], self._form.read())
            if not actions:
                message = "This range is measured already."
                raise SteeringError(message)
            refusal = self._desk.forecast(actions).refusal
            if refusal:
                raise SteeringError(refusal)
            for action in actions:
                ruling = self._desk.propose(action, result.basis if result is not None else "")
                if not ruling.accepted:
                    return ruling
                if isinstance(action, SetParameter):
                    replaced[action.parameter] = before[action.parameter]
            self._ghost.want((), REGION)
            return None

        self._answer.ask(propose, "Accepted: the range is measured from the next point on.")
        self.note(replaced)


def along(plan: Plan, axis: str) -> bool:
    """Say whether a plan is known, and along one axis alone."""
    return plan.known and plan.axes == (axis,)


def planned_range(status: BeamlineStatus) -> tuple[float, float]:
    """Return the lowest and highest position that the scan is to visit, NaN if its parameters do not say."""
    values = {item.name: item.value for item in status.parameters}
    if "centre" not in values or "range" not in values:
        return math.nan, math.nan
    return values["centre"] - values["range"] / 2, values["centre"] + values["range"] / 2
