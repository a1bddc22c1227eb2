"""All panels of a session, laid out: what every dashboard of that session shows."""

import threading
from collections.abc import Callable
from functools import partial

import ipywidgets

from steering.core.cell import Cell
from steering.core.desk import Desk
from steering.core.errors import SteeringError
from steering.core.status import BeamlineStatus
from steering_widgets.flows.panel import FlowsPanel
from steering_widgets.frames.frame import FramePanel
from steering_widgets.pages.alone import Alone
from steering_widgets.pages.guests import invite
from steering_widgets.pages.notice import NoticeLine
from steering_widgets.pages.presence import Presence
from steering_widgets.pages.renewal import Renewal
from steering_widgets.pages.splitter import Splitter, share_of
from steering_widgets.pages.ticker import Ticker
from steering_widgets.pages.views import View, Views
from steering_widgets.pages.window import Place as WindowPlace
from steering_widgets.pages.window import Window
from steering_widgets.panels.agents import AgentsPanel
from steering_widgets.panels.analyses import AnalysesPanel
from steering_widgets.panels.compute import ComputePanel
from steering_widgets.panels.form import SteeringForm
from steering_widgets.panels.instrument import InstrumentPanel
from steering_widgets.panels.journal import JournalPanel
from steering_widgets.panels.progress import ProgressPanel
from steering_widgets.panels.source import SourcePanel
from steering_widgets.parts.card import Card, StyleSheet, close_all, send_again
from steering_widgets.parts.place import Place
from steering_widgets.plots.array import ArrayPanel
from steering_widgets.plots.curve import CurvePanel
from steering_widgets.plots.ghost import FORM, Ghost
from steering_widgets.plots.lines import LinesPanel
from steering_widgets.plots.look import Look
from steering_widgets.plots.map import MapPanel
from steering_widgets.plots.scalars import ScalarsPanel
from steering_widgets.plots.trend import TrendPanel
from steering_widgets.runs.panel import RunsPanel
from steering_widgets.runs.shown import ShownRun

# The beamline's own: along how many axes a scan measures is known before its first result.
DOCUMENTS = "documents"
CURVE, MAP = "Curve", "Map"


class Page:
    """The widgets of a session's dashboards, and the thread that keeps them up to date.

    Attributes:
        widget: What is displayed, as often as one likes.
        users: How many dashboards show it.
        opened_by: The dashboard that has opened a tab of its own for it, which lives as long as the tab.
    """

    def __init__(self, session: Desk, gone: Callable[[], bool] = lambda: False) -> None:
        """Build it.

        Args:
            session: Whose panels.
            gone: Says whether nobody holds the session any more.
        """
        self.users = 0
        self.opened_by: object = None
        self._window: Window | None = None
        self._gone = gone
        self._lock, self._over = threading.Lock(), False
        self._desk = session
        self._closed = Place(session.board.closed)
        self._presence = Presence()
        self._renewal, self._lookers = Renewal(session), Place(self._presence.looked)
        self._complaint: Cell[str] = Cell("")
        self._about = (Place(session.board.status),)
        self._source = Place(session.board.source)
        self._notice = NoticeLine(self._dismiss)
        self._look = look = Look(session)
        self._looked = Place(look.result)
        # What the form, a suggestion or a marked region would do is drawn by the plots before it is proposed.
        self._ghost = ghost = Ghost(session)
        self._curve, self._map = CurvePanel(session, look, ghost), MapPanel(session, look, ghost)
        self._frame = FramePanel(session, look.point)
        self._scalars = ScalarsPanel(session, look)
        progress, journal = ProgressPanel(session), JournalPanel(session)
        instrument = InstrumentPanel(session)
        form = SteeringForm(session, partial(ghost.want, who=FORM))
        agents = AgentsPanel(session, form.draft, ghost, form.note)
        self._curve.note = form.note
        trend, source, compute = TrendPanel(session, look), SourcePanel(session), ComputePanel(session)
        array, analyses = ArrayPanel(session, look), AnalysesPanel(session, self._frame.image)
        # Lines first: a result of many curves has one of its own besides, such as I(q), that says less.
        lines = LinesPanel(session, look)
        runs, shown = RunsPanel(session, look, self._curve, analyses.asked, lines), ShownRun(session)
        flows = FlowsPanel(session)
        drawn = (lines, self._map, self._curve, array, self._scalars)
        views = [
            View(name, panel) for name, panel in zip(("Lines", MAP, CURVE, "Image", "Columns"), drawn, strict=True)
        ]
        self._results = tuple(views)
        self._guests = invite(session, look, self._is_seen)
        self._views = Views(views, self._guests)
        self._coming = [Place(cell) for guest in self._guests for cell in (guest.built, guest.shows)]
        self._panels = (progress, form, agents)
        # Read, not touched: a few times a second are enough, and of what happened in the last minutes two.
        self._plots = (*views, analyses, runs, shown)
        self._words = (trend, instrument, journal, source, compute, flows)
        others = (instrument, journal, source, compute, analyses, runs, shown, flows)
        self._closing = (*self._panels, *others, *drawn, trend, self._frame)
        self.hellos = progress.control.hellos
        self._hellos, self._mended = Place(self.hellos), Place(self._presence.mended)
        self._splitter = Splitter(share_of(session.layout().get("share")), self._keep_share)
        # From the top: the command bar, what a person does, what comes of it beside what the instrument sees, the rest.
        plots = [view.place for view in views]
        strange = [guest.widget for guest in self._guests]
        self._menus = menus = ipywidgets.HBox([look.widget, self._views.widget])
        menus.add_class("st-looks")
        bands = (
            instrument.widget,
            _band("st-do", form.widget, agents.widget),
            _band(
                "st-see",
                _column("st-plots", shown.widget, menus, *strange, *plots, trend.widget),
                self._splitter,
                _column("st-pixels", self._frame.widget),
            ),
            runs.widget,
            _band(
                "st-more",
                _column("st-decided", journal.widget, flows.widget),
                _column("st-computed", analyses.widget, compute.widget),
                _column("st-came", source.widget),
            ),
        )
        self.widget = ipywidgets.VBox([StyleSheet(), self._presence, progress.widget, self._notice.widget, *bands])
        self.widget.add_class("st-dashboard")
        self._alone, self._wanted_alone = Alone(self.widget, self._presence), Place(self._presence.alone)
        self._opened = 0
        complaints = (self._complaint, *(guest.complaint for guest in self._guests))
        self._own = (Place(session.board.notice), *(Place(one) for one in complaints))
        ten, five, two = (*self._panels, self), self._plots, self._words
        self._ticker = Ticker(ten, five, (self._frame,), self._complaint.set, self._is_seen, two, self._in_sight)
        self._ticker.tick((*self._panels, *self._plots, *self._words, self._frame, self))

    def follow(self) -> None:
        """Begin to follow the session, from another thread: pages must have been told of the widgets before."""
        self._ticker.start()

    def refresh(self) -> bool:
        """Show the newest notice, and the panel that fits the scan's analysis."""
        self._look.refresh()
        notices = [place.advance() for place in self._own]
        about = [place.advance() for place in (*self._about, self._source, self._looked, *self._coming)]
        about.append(self._views.advance())
        for guest in self._guests:
            guest.check()
        closed = self._closed.advance()
        if closed and self._closed.value:
            self._end(self._closed.value)
        hello, mended = self._hellos.advance(), self._mended.advance()
        if (hello and self._hellos.value and self._presence.read) or (mended and self._mended.value):
            # A page that reloads reads all states and only then begins to listen: what changed in between is lost.
            send_again(self.widget)
        if about[0]:
            status = self._about[0].value
            self._presence.holds, self._presence.scans = self._renewal.holds, status.scanning
        if self._lookers.advance() and self._lookers.value:
            self._renewal.look()
        if self._wanted_alone.advance():
            self._open_alone(self._wanted_alone.value)
        if any(notices):
            self._notice.write(" ".join(place.value for place in self._own if place.value))
        if any(about):
            self._choose(self._about[0].value)
        # A row of menus of which none is shown would move the plots down beside the frame.
        shown = (
            None if any(menu.layout.display != "none" for menu in (self._look.widget, self._views.widget)) else "none"
        )
        if self._menus.layout.display != shown:
            self._menus.layout.display = shown
        return any((*notices, *about, hello, mended, closed))

    def open(self, title: str, place: WindowPlace) -> None:
        """Show it in a tab of its own; the one that was opened before goes."""
        window = Window(self.widget, title, place)
        with self._lock:
            before, self._window = self._window, window
        if before is not None:
            before.close()

    def shut(self) -> None:
        """Close the tab that was opened, if one was."""
        with self._lock:
            window, self._window = self._window, None
        if window is not None:
            window.close()

    def close(self) -> None:
        """Stop following and take everything off the screen; the session stays open. Does nothing the second time."""
        self._ticker.stop()
        with self._lock:
            if self._over:
                return
            self._over = True
        self.opened_by = None
        self.shut()
        self._alone.close()
        for panel in (*self._closing, *self._guests, self._look, self._views, self._ghost):
            panel.close()
        close_all(self.widget)

    def _end(self, why: str) -> None:
        """Grey everything, as nothing will change any more; what nobody holds goes."""
        self._presence.ended = why
        for guest in self._guests:
            guest.stop()
        # This is the ticker's own thread, which must end first.
        threading.Thread(target=self.close if self._gone() else self._ticker.stop, name="steering-page").start()

    def _open_alone(self, wanted: tuple[str, ...]) -> None:
        """Open the panels that were asked for since the last look in tabs of their own."""
        for name in wanted[self._opened :]:
            why = self._alone.open(name)
            if why:
                self._complaint.set(why)
            for view in self._results:
                view.alone = view.alone or view.panel.widget.name == name
        self._opened = len(wanted)

    def _keep_share(self, share: float) -> None:
        try:
            self._desk.keep_layout({"share": share})
        except SteeringError as error:
            self._complaint.set(str(error))

    def _dismiss(self) -> None:
        self._complaint.set("")
        self._desk.dismiss_notices()

    def _is_seen(self) -> bool:
        return self._presence.seen

    def _in_sight(self, panel: object) -> bool:
        # A view is called as what it shows. What is no card says nothing of where it is.
        card = getattr(getattr(panel, "panel", panel), "widget", None)
        return not isinstance(card, Card) or self._presence.sees(card.name)

    def _choose(self, status: BeamlineStatus) -> None:
        """Show the view that fits what is looked at; before the first result, the one that fits the scan."""
        maps = self._source.value.name in ("", DOCUMENTS) and len(status.axes) == 2
        self._views.show(self._looked.value, MAP if maps else CURVE)


def _band(hook: str, *children: ipywidgets.Widget) -> ipywidgets.Box:
    band = ipywidgets.Box(children)
    band.add_class("st-row")
    band.add_class(hook)
    return band


def _column(hook: str, *children: ipywidgets.Widget) -> ipywidgets.VBox:
    column = ipywidgets.VBox(children)
    column.add_class("st-column")
    column.add_class(hook)
    return column
