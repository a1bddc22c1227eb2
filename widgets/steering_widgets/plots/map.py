"""A map as it grows, what is planned of it, and a finer look at a part of it."""

import time

import ipywidgets
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from steering.core.desk import Desk
from steering.core.errors import SteeringError
from steering.core.proposal import Ruling
from steering.core.result import Result
from steering.core.status import BeamlineStatus
from steering_widgets.drawing.axis_tools import AxisTools
from steering_widgets.drawing.cells import make_cells, quantities_of
from steering_widgets.drawing.colours import PALETTES
from steering_widgets.drawing.curve_data import monitors_of
from steering_widgets.drawing.kept_file import Table
from steering_widgets.drawing.legend import Legend, kinds_of
from steering_widgets.drawing.map_plot import MapPlot
from steering_widgets.drawing.plot import ADVICE_COLOUR, GHOST_COLOUR, MARK_COLOUR
from steering_widgets.drawing.region import MapAxes, RegionForm
from steering_widgets.drawing.tables import table_along
from steering_widgets.parts.card import Card, button
from steering_widgets.parts.place import Place
from steering_widgets.parts.wording import exposed_at, marking_hint, news, several, title
from steering_widgets.plots.ghost import REGION, Ghost, ghost_text
from steering_widgets.plots.look import Look
from steering_widgets.plots.planned import PlannedPanel
from steering_widgets.plots.take_home import TakeHome, about

# A map of more rectangles than this is sent at most twice a second when it has to be sent whole.
_LARGE, _LARGE_SECONDS = 4000, 0.5
# Planned dots are sent whole: a few that are measured already may still be drawn, this share of them.
_SHARE = 0.01
_RAW = "nothing"
_REACHES_ZERO = "Only where all positions are above 0"
_NOWHERE = np.empty((0, 2))


class MapPanel(PlannedPanel):
    """Each point a rectangle of its cell's size; a region can be marked and looked at more finely."""

    def __init__(self, desk: Desk, look: Look | None = None, ghost: Ghost | None = None) -> None:
        """Build it on a desk, which may be idle; see ``PlannedPanel``."""
        super().__init__("map", desk, look, ghost)
        self._axes = MapAxes()
        self._sent_whole, self._late = 0.0, False
        self._dotted = (-1, -1)
        self._finer = button("st-finer", "Look finer here", "Measure this region on its own grid first", strong=True)
        self._finer.on_click(self._look_finer)
        self.form = RegionForm(self._finer)
        self._region = Place(self.form.newest)
        self._drawn = MapPlot(self.form.draw, self._touched, PALETTES["viridis"])
        self.view = self._drawn.view
        self._quantity = ipywidgets.Dropdown(options=[("Intensity", "intensity")], description="Colour by")
        self._quantity.add_class("st-quantity")
        self._log = ipywidgets.Checkbox(
            description="Log colours", indent=False, tooltip="A logarithmic scale of the colours"
        )
        self._log.add_class("st-map-log")
        for control in (self._quantity, self._log):
            control.observe(self._setting_changed, "value")
        self._tools = AxisTools("map", colour=True)
        self._take_home = TakeHome("map", desk, self._table)
        bar = ipywidgets.Box(
            [self._quantity, self._monitor.widget, self._log, self._tools.widget, self._take_home.widget]
        )
        bar.add_class("st-plot-tools")
        self._legend = Legend(
            planned=("\u2022", MARK_COLOUR), ghost=("\u2022", GHOST_COLOUR), decision=("\u25bd", MARK_COLOUR),
            advice=("\u25bd", ADVICE_COLOUR),
        )  # fmt: skip
        hint = ipywidgets.HTML(marking_hint("region"))
        hint.add_class("st-hint")
        parts = [bar, self.view, self._legend.widget, self._about, self._would, hint, self.form.widget]
        self.widget = Card("map", "Map", parts)

    @staticmethod
    def fits(data: xr.Dataset) -> bool:
        """Say whether a result has something to show here."""
        return "point" in data.dims and len([name for name in data if str(name).endswith("_step")]) == 2

    def refresh(self) -> bool:
        """Show a newer result or plan, a drawn or typed region, and the answer to the last click."""
        asked = self._ghost.refresh()
        status, result = self._status.advance(), self._result.advance()
        edges = [
            status,
            *(one.advance() for one in (self._plan, self._rulings, self._advice, self._wish, self._forecast)),
        ]
        settings = [
            self._changed.advance(), self._monitor.advance(), self._point.advance(), self._tools.advance(self.view),
        ]  # fmt: skip
        if status and self._beginning.look(self._status.value):
            # What was marked was of the last scan.
            self.form.forget()
            with self.view.edit():
                self._drawn.hide_box()
        if status:
            self._finer.disabled = not self._status.value.scanning
            self._name_axes(planned_axes(self._status.value) or self._axes)
        if result or any(edges):
            settings.append(self._allow_logarithmic())
        if result or any(settings) or (self._late and time.monotonic() - self._sent_whole > _LARGE_SECONDS):
            self._show(self._result.value)
        if result or any(edges):
            with self.view.edit():
                self._show_plan()
        self._tools.apply(self.view)
        region = self._region.advance()
        if region and self._region.value is not None:
            how, where = self._region.value
            # Whichever of the twins was touched last tells the other.
            follow = self.form.write if how == "drawn" else self._drawn.show_box
            follow(where)
            self._foretell()
        said = self._said.advance()
        if said:
            self.widget.say(*self._said.value)
        return any((asked, *edges, *settings, result, region, said, self._take_home.refresh()))

    def _show(self, result: Result | None) -> None:
        if result is None or not self.fits(result.outcome.data):
            with self.view.edit():
                self._drawn.clear()
            self._about.write("")
            self.widget.remark("no result yet")
            return
        data = result.outcome.data
        self._offer(data)
        quantity = str(self._quantity.value)
        axes = axes_of(data, self._status.value)
        monitors = monitors_of(data) if "intensity" in data else []
        self._monitor.offer((_RAW, *monitors), _RAW)
        self._monitor.widget.layout.display = None if monitors else "none"
        cells = make_cells(data, axes, quantity, self._monitor.value)
        now = time.monotonic()
        with self.view.edit():
            self._drawn.scale(log_x=self._tools.logarithmic("x"), log_y=self._tools.logarithmic("y"))
            may = len(cells) <= _LARGE or now - self._sent_whole >= _LARGE_SECONDS
            sent = self._drawn.show(cells, whole=may)
            self._late = sent == "later"
            self._sent_whole = now if sent == "all" else self._sent_whole
            units = str(data[quantity].attrs.get("units", ""))
            self._drawn.colour(cells, axes, (title(quantity), units), log=bool(self._log.value),
                               follow=self._tools.automatic("colour"))  # fmt: skip
            self._name_axes(axes)
            self._about.write(self._drawn.touched(self._point.value, axes, (title(quantity), units)))
        if len(cells):
            self.form.propose_step(float(cells.columns["width"].min()) / 5)
        self.widget.remark(f"{several(len(cells), 'point')}, version {result.version}", news(exposed_at(result)))

    def _table(self) -> Table | None:
        result = self._result.value
        if result is None or not self.fits(result.outcome.data):
            return None
        return table_along(result.outcome.data, "point", about(result))

    def _allow_logarithmic(self) -> bool:
        """Offer logarithmic axes where all that is measured or planned is above zero; say whether that has changed."""
        before = [self._tools.logarithmic(side) for side in ("x", "y")]
        result, plan = self._result.value, self._plan.value
        data = result.outcome.data if result is not None and self.fits(result.outcome.data) else None
        axes = self._axes if data is None else axes_of(data, self._status.value)
        for side, name in (("x", axes.x), ("y", axes.y)):
            known = [data[name].values] if data is not None and name in data else []
            known += [plan.positions[:, plan.axes.index(name)]] if plan.known and name in plan.axes else []
            above = bool(known) and all(bool((places > 0).all()) for places in known)
            self._tools.allow(side, allowed=above, why=_REACHES_ZERO)
        return before != [self._tools.logarithmic(side) for side in ("x", "y")]

    def _show_plan(self) -> None:
        """Show what is planned, what would be, and what was decided."""
        status, plan, result = self._status.value, self._plan.value, self._result.value
        axes = self._axes
        ours = plan.known and {axes.x, axes.y} == set(plan.axes)
        ours = ours and (result is None or result.provenance.run in ("", plan.run))
        scanning = ours and status.scanning and plan.run == status.run
        order = [plan.axes.index(axes.x), plan.axes.index(axes.y)] if ours else [0, 1]
        left = plan.left(status.points_done)[:, order] if scanning else _NOWHERE
        forecast = self._forecast.value if scanning else None
        seen = _NOWHERE
        if forecast is not None and not forecast.refusal and forecast.plan.axes == plan.axes:
            would = forecast.plan.left(status.points_done)
            # What is planned anyway is drawn already.
            seen = would[~np.isin(_rows(would), _rows(plan.left(status.points_done)))][:, order]
        if self._stale(len(left)):
            self._drawn.show_planned(left)
        self._drawn.show_ghost(seen)
        marks = self._marks() if ours else []
        self._drawn.show_marks(marks, order)
        self._legend.show(planned=len(left) > 0, ghost=len(seen) > 0, **kinds_of([one.colour for one in marks]))
        corners = np.array([plan.positions.min(axis=0), plan.positions.max(axis=0)])[:, order] if ours else _NOWHERE
        self._drawn.show_extent(corners, empty=result is None)
        self._would.write(ghost_text(self._wish.value, forecast) if scanning else "")

    def _stale(self, left: int) -> bool:
        """Say whether the planned dots have to be sent anew."""
        path, shown = self._dotted
        if path == id(self._plan.value) and 0 <= shown - left <= _SHARE * shown and (left > 0 or shown == 0):
            return False
        self._dotted = id(self._plan.value), left
        return True

    def _name_axes(self, axes: MapAxes) -> None:
        if axes == self._axes:
            return
        self._axes = axes
        self.form.name_axes(axes)
        with self.view.edit():
            self._drawn.name_axes(axes)

    def _offer(self, data: xr.Dataset) -> None:
        names = [(title(name), name) for name in quantities_of(data)]
        if names and tuple(names) != tuple(self._quantity.options):
            chosen = self._quantity.value
            self._quantity.options = names
            if chosen in dict(names).values():
                self._quantity.value = chosen

    def _foretell(self) -> None:
        """Ask what a look at the marked region would do."""
        try:
            action = self.form.action()
        except SteeringError:
            return
        if self._status.value.scanning:
            self._ghost.want((action,), REGION)

    def _look_finer(self, _: object) -> None:
        result = self._result.value

        def propose() -> Ruling:
            ruling = self._desk.propose(self.form.action(), result.basis if result is not None else "")
            if ruling.accepted:
                self._ghost.want((), REGION)
            return ruling

        self._answer.ask(propose, "Accepted: the region is measured next, then the rest.")


def planned_axes(status: BeamlineStatus) -> MapAxes | None:
    """Name the axes of a map that is being measured, before its first point; nothing for another scan."""
    if len(status.axes) != 2:
        return None
    slow, fast = status.axes.values()
    return MapAxes(fast.name, slow.name, fast.units, slow.units)


def axes_of(data: xr.Dataset, status: BeamlineStatus) -> MapAxes:
    """Name the map's axes: the scan's fast axis is drawn to the right."""
    names = [name for name in reversed(list(status.axes)) if name in data]
    if len(names) != 2:
        names = sorted(str(name).removesuffix("_step") for name in data if str(name).endswith("_step"))
    x, y = names[:2]
    return MapAxes(x, y, str(data[x].attrs.get("units", "")), str(data[y].attrs.get("units", "")))


def _rows(positions: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Make one value of each pair of positions, so that pairs can be compared."""
    return positions[:, 0] + 1j * positions[:, 1]
