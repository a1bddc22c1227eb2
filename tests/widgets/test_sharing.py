"""Dashboards of one session share one page; it costs nothing while nothing happens, and goes with its session."""

import gc
import threading
import time
import weakref

import pytest
from ipywidgets.widgets import widget as widgets_module

from steering.core.cell import BELLS
from steering_widgets import Dashboard
from steering_widgets.pages import dashboard as dashboard_module
from steering_widgets.pages.page import Page
from steering_widgets.pages.presence import Presence
from steering_widgets.pages.ticker import Ticker
from tests.widgets.fake import FakeDesk
from tests.widgets.views import Views

SOON = 60.0


def until(condition, what):
    end = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen within {SOON:g} s"
        threading.Event().wait(0.01)


def tickers():
    return {thread for thread in threading.enumerate() if thread.name == "steering-ticker"}


@pytest.fixture(autouse=True)
def nothing_is_left():
    yield
    gc.collect()
    until(lambda: not tickers(), "the end of all tickers")


def test_a_dashboard_that_is_forgotten_while_another_is_made_holds_nobody_up():
    desk = FakeDesk()
    dashboard = Dashboard(desk)
    with dashboard_module._LOCK:
        # As the garbage collector does it, in the thread that makes the next one.
        del dashboard
        gc.collect()
    del desk


def test_a_second_dashboard_of_a_session_costs_nothing():
    desk = FakeDesk()
    first = Dashboard(desk)
    widgets, threads = len(widgets_module._instances), tickers()
    second = Dashboard(desk)
    assert len(widgets_module._instances) == widgets
    assert tickers() == threads
    first.close()
    first.close()
    assert second.widget.comm is not None
    second.close()
    until(lambda: not tickers(), "the end of the ticker")


def test_a_named_session_and_its_dashboard_go_when_the_name_does():
    import __main__

    before = len(widgets_module._instances)
    desk = FakeDesk()
    __main__.session = desk
    dashboard = Dashboard(desk)
    gone = weakref.ref(desk)
    widgets = len(widgets_module._instances)
    assert widgets > before
    del __main__.session
    del desk, dashboard
    gc.collect()
    assert gone() is None
    until(lambda: len(widgets_module._instances) <= before and not tickers(), "the end of widgets and thread")


def test_a_session_without_a_name_lives_as_long_as_its_dashboard():
    dashboard = Dashboard(FakeDesk())
    gc.collect()
    assert dashboard._kept is not None
    dashboard.close()


def test_a_closed_session_is_said_and_nothing_is_refreshed_any_more():
    desk = FakeDesk()
    page = Page(desk)
    page.follow()
    desk.board.closed.set("This session is closed.")
    until(lambda: page._presence.ended == "This session is closed.", "the word that it is closed")
    until(lambda: not page._ticker._thread.is_alive(), "the end of the ticker")
    page.close()


class Counter:
    def __init__(self):
        self.looks = 0

    def refresh(self):
        self.looks += 1
        return False


@pytest.fixture
def counter(monkeypatch):
    monkeypatch.setattr("steering_widgets.pages.ticker.LINGER_SECONDS", 0.05)
    return Counter()


def test_nothing_is_looked_at_while_nothing_happens(counter):
    desk = FakeDesk()
    ticker = Ticker([], [], [counter], print)
    ticker.start()
    until(lambda: counter.looks > 0, "a first look")
    quiet = threading.Event()
    while True:
        seen = counter.looks
        quiet.wait(0.3)
        if counter.looks == seen:
            break
    desk.board.notice.set("news")
    until(lambda: counter.looks > seen, "a look at the news")
    ticker.stop()


def test_without_news_it_looks_seldom_and_at_news_at_once(counter, monkeypatch):
    monkeypatch.setattr("steering_widgets.pages.ticker.LINGER_SECONDS", 60.0)
    panel = Counter()
    ticker = Ticker([panel], [], [counter], print)
    ticker.start()
    until(lambda: counter.looks > 0, "a first look")
    before = counter.looks
    threading.Event().wait(0.5)
    # Panels are due ten times a second, and frames are looked at with them; a hundred looks would be a poll.
    assert counter.looks - before < 15
    assert panel.looks > 1
    for _ in range(20):
        seen = counter.looks
        BELLS.ring()
        until(lambda seen=seen: counter.looks > seen, "a look at the news")
    ticker.stop()


def test_nothing_is_looked_at_while_nobody_sees_it(counter):
    seen = threading.Event()
    ticker = Ticker([], [], [counter], print, seen.is_set)
    ticker.start()
    for _ in range(5):
        BELLS.ring()
        threading.Event().wait(0.02)
    assert counter.looks == 0
    seen.set()
    BELLS.ring()
    until(lambda: counter.looks > 0, "a look")
    ticker.stop()


def test_a_presence_knows_who_is_here_and_tells_them_the_time():
    presence = Presence()
    views = Views(presence)
    assert presence.seen
    views.say(kind="here", view="a", asked=12.5)
    views.say(kind="here", view="b", asked=1.0)
    (clock,) = [one for one in views.heard("clock") if one["view"] == "a"]
    assert clock["asked"] == 12.5
    assert abs(clock["now"] - time.time()) < SOON
    views.say(kind="left", view="a")
    assert presence.seen
    views.say(kind="left", view="b")
    assert not presence.seen
    presence.close()


def test_a_dashboard_that_nobody_has_shown_yet_waits_for_its_page_only_so_long(monkeypatch):
    presence = Presence()
    monkeypatch.setattr("steering_widgets.pages.presence._FIRST_SECONDS", 0.0)
    assert not presence.seen
    presence.close()


def test_a_persons_own_observer_is_blamed_once_by_name(caplog):
    import ipywidgets

    label, said = ipywidgets.Label(), []

    def my_observer(change):
        raise ValueError("mine")

    label.observe(my_observer, "value")

    class Panel:
        count = 0

        def refresh(self):
            self.count += 1
            label.value = str(self.count)
            return True

    ticker = Ticker([], [], [], said.append)
    panel = Panel()
    ticker.tick([panel])
    ticker.tick([panel])
    assert panel.count == 2
    assert len(said) == 1
    assert "my_observer" in said[0]
    assert "ValueError: mine" in said[0]
    assert len(caplog.records) == 1
    label.close()
