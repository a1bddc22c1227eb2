import gc
import json
import threading
from dataclasses import replace

import pytest

from steering.core.action import SetParameter
from steering.core.errors import SteeringError
from steering.core.proposal import Ruling
from steering_widgets import ControlBar, Dashboard, JournalPanel
from steering_widgets.pages.page import Page
from steering_widgets.pages.ticker import Ticker
from tests.widgets.fake import FakeDesk
from tests.widgets.views import Views, find, is_shown, text_of


@pytest.fixture
def desk():
    return FakeDesk()


@pytest.fixture
def dashboard(desk):
    made = Page(desk)
    made._ticker.stop()
    yield made
    made.close()


def test_idle_tells_what_to_do_next(dashboard):
    assert "Choose a scan and press Start." in text_of(dashboard.widget)


@pytest.mark.parametrize(("scan", "shown", "hidden"), [("rocking", "curve", "map"), ("map", "map", "curve")])
def test_it_shows_the_panel_that_fits_the_scan(dashboard, desk, scan, shown, hidden):
    desk.start(scan)
    dashboard.refresh()
    assert is_shown(dashboard.widget, f"st-panel-{shown}")
    assert not is_shown(dashboard.widget, f"st-panel-{hidden}")


def test_a_range_that_was_marked_on_the_curve_is_taken_back_in_the_form(dashboard, desk):
    desk.start("rocking")
    desk.advance(10)
    form = dashboard._panels[1]
    form.refresh()
    dashboard._curve.refresh()
    find(dashboard.widget, "st-range-low").value = "0.1"
    find(dashboard.widget, "st-range-high").value = "0.3"
    find(dashboard.widget, "st-range-measure").click()
    form.refresh()
    assert find(dashboard.widget, "st-undo").description == "Undo 2 changes"
    find(dashboard.widget, "st-undo").click()
    assert desk.actions[-2:] == [SetParameter("centre", 0.22), SetParameter("range", 1.0)]


def test_a_notice_of_the_session_is_shown(dashboard, desk):
    desk.board.notice.set("The facility has lost 2 workers; their frames are analysed again.")
    dashboard.refresh()
    assert "lost 2 workers" in text_of(find(dashboard.widget, "st-notice"))


def test_it_displays_itself_as_often_as_one_likes(desk):
    dashboard = Dashboard(desk)
    first, second = (dashboard._repr_mimebundle_() for _ in range(2))
    bundle = first[0] if isinstance(first, tuple) else first
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert first == second
    dashboard.close()


def test_a_page_that_comes_back_is_sent_every_state_again_and_one_that_was_there_from_the_first_is_not(dashboard):
    dashboard.refresh()
    sent = []
    find(dashboard.widget, "st-progress").send_state = lambda *names: sent.append(names)
    views = Views(dashboard._panels[0].control)
    views.say(kind="hello", view="a")
    dashboard.refresh()
    assert sent == []
    dashboard._presence.get_state()  # as a page that is loaded asks for
    views.say(kind="hello", view="b")
    dashboard.refresh()
    assert sent == [()]


def test_closing_ends_its_thread(desk):
    made = Page(desk)
    made.follow()
    made.close()
    assert "steering-ticker" not in {thread.name for thread in threading.enumerate() if thread is made._ticker._thread}


def test_a_panel_that_fails_is_said_and_the_others_go_on(caplog):
    class Broken:
        def refresh(self):
            raise ValueError("no such thing")

    class Sound:
        refreshed = 0

        def refresh(self):
            self.refreshed += 1
            return True

    sound, said = Sound(), []
    ticker = Ticker([Broken(), sound], [], [], said.append)
    ticker.tick([Broken(), sound])
    ticker.tick([Broken(), sound])
    assert sound.refreshed == 2
    assert said[0] == "Broken cannot be shown: ValueError: no such thing. The other panels go on."
    assert len(caplog.records) == 1
    Broken.refresh = Sound.refresh
    Broken.refreshed = 0
    ticker.tick([Broken()])
    assert said[-1] == ""


def test_the_journal_is_newest_first_and_shows_refusals_differently(desk):
    desk.start("rocking")
    desk.propose(SetParameter("exposure", 1.0), "result 7")
    desk.propose(SetParameter("exposure", 99.0))
    journal = JournalPanel(desk)
    journal.refresh()
    text = text_of(journal.widget)
    assert text.index("st-refused") < text.index("st-accepted")
    assert "0.25 s → 1 s" in text
    assert "pending" in text
    assert "on result 7" in text
    assert "2 rulings, 1 refused" in text
    journal.close()


def test_the_journal_has_the_digits_of_its_parameters(desk):
    desk.start("rocking")
    told = Ruling("1", "ana", "set", "centre", "0.220004 deg", "0.2199996 deg", "accepted", "", "", 0.0, 0.0)
    other = replace(told, id="2", subject="filters", old="0.220004 mm", new="thin")
    desk.board.rulings.set((told, other))
    journal = JournalPanel(desk)
    journal.refresh()
    assert "<td>0.22 ° → 0.22 °</td>" in text_of(journal.widget)
    # What is no parameter of this scan stays as it was written.
    assert "<td>0.220004 mm → thin</td>" in text_of(journal.widget)
    journal.close()


def test_the_journal_escapes_what_it_is_told(desk):
    nasty = "<img src=x onerror=alert(1)>"
    desk.board.rulings.set((Ruling("1", nasty, nasty, nasty, nasty, nasty, "refused", nasty, nasty, 0.0, 0.0),))
    journal = JournalPanel(desk)
    journal.refresh()
    assert "<img" not in text_of(journal.widget)
    journal.close()


def test_the_control_bar_gives_its_address_to_a_view_and_never_into_a_trait(desk):
    desk.address = {"port": "4711", "token": "secret-token"}
    bar = ControlBar(desk)
    views = Views(bar)
    views.say(kind="hello", view="a")
    assert views.heard("address") == [{"kind": "address", "view": "a", "port": "4711", "token": "secret-token"}]
    assert "secret-token" not in json.dumps(bar.get_state(), default=str)
    bar.close()


def test_the_control_bar_says_when_the_service_cannot_be_asked(desk, monkeypatch):
    def fail():
        raise SteeringError("The beamline service does not answer.")

    monkeypatch.setattr(desk, "control_address", fail)
    bar = ControlBar(desk)
    views = Views(bar)
    views.say(kind="hello", view="a")
    assert views.heard("address") == [{"kind": "address", "view": "a"}]
    assert bar.problem == "The beamline service does not answer."
    bar.close()


def test_it_opens_in_a_tab_that_shows_the_same_widget_and_a_second_time_in_its_place(desk):
    dashboard = Dashboard(desk)
    dashboard.open()
    tab = dashboard._page._window._tab
    (shown,) = tab.outputs
    assert shown["data"]["application/vnd.jupyter.widget-view+json"]["model_id"] == dashboard.widget.model_id
    assert (tab.title, tab.anchor) == ("Steering", "tab-after")
    dashboard.open(beside=True)
    assert tab.comm is None, "it is closed"
    assert dashboard._page._window._tab.anchor == "split-right"
    last = dashboard._page._window._tab
    dashboard.close()
    assert last.comm is None


def test_a_tab_keeps_its_dashboard_though_nobody_has_a_name_for_it(desk):
    Dashboard(desk).open()
    gc.collect()
    again = Dashboard(desk)
    assert again._page.users == 2
    assert again._page.opened_by is not None
    again._page.opened_by.close()
    again.close()


def tabs_of(page):
    return {name: window._tab.title for name, (window, _, _) in page._alone._tabs.items()}


def ask_for(page, *names):
    for name in names:
        page._presence._receive(page._presence, {"kind": "alone", "view": "one", "panel": name}, ())
    page.refresh()


def test_a_panel_opens_in_a_tab_of_its_own_and_stays_up_to_date_there(dashboard, desk):
    desk.start("rocking")
    dashboard.refresh()
    ask_for(dashboard, "curve", "journal")
    assert tabs_of(dashboard) == {"curve": "Steering: Rocking curve", "journal": "Steering: Journal"}
    first = dashboard._alone._tabs["curve"][0]
    ask_for(dashboard, "curve")
    assert dashboard._alone._tabs["curve"][0] is not first
    assert first._tab.comm is None
    # Another view takes its place in the page; in the tab it is seen still.
    curve = next(view for view in dashboard._results if view.panel is dashboard._curve)
    curve.shown = False
    desk.advance(3)
    assert curve.refresh()
    dashboard.close()
    assert tabs_of(dashboard) == {}


def test_a_panel_that_is_not_there_is_said(dashboard):
    ask_for(dashboard, "../x")
    dashboard.refresh()
    assert "has no panel &#x27;../x&#x27;" in text_of(dashboard.widget)
    assert tabs_of(dashboard) == {}


def test_the_layout_is_as_it_was_left(desk):
    desk.laid_out = {"share": 0.7}
    page = Page(desk)
    page._ticker.stop()
    try:
        assert page._splitter.share == 0.7
        page._splitter.share = 0.6
        assert desk.laid_out == {"share": 0.6}
        desk.fail = "The layout cannot be kept: no room."
        page._splitter.share = 0.5
        page.refresh()
        assert "no room" in text_of(page.widget)
    finally:
        page.close()
