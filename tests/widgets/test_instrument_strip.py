from dataclasses import replace

import pytest

from steering.core.instrument import Instrument, Reading
from steering_widgets.pages.ticker import LINGER_SECONDS
from steering_widgets.panels import instrument as module
from steering_widgets.panels.instrument import InstrumentPanel
from tests.widgets.fake import FakeDesk
from tests.widgets.views import find, text_of

WELL = Instrument((Reading("ring_current", "199.8 mA", wanted="wanted are 50 mA or more"), Reading("th", "0.22 deg")))
LOST = Instrument(
    (Reading("ring_current", "0 mA", well=False, wanted="wanted are 50 mA or more"), Reading("th", "0.22 deg"))
)


@pytest.fixture
def desk():
    return FakeDesk()


@pytest.fixture
def clock(monkeypatch):
    times = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: times[0])
    return times


@pytest.fixture
def strip(desk, clock):
    made = InstrumentPanel(desk)
    made.refresh()
    yield made
    made.close()


def text(strip):
    return text_of(find(strip.widget, "st-readings"))


def test_a_beamline_that_lists_nothing_has_no_strip(strip):
    assert strip.widget.layout.display == "none"


def test_each_reading_has_its_value_and_unit_and_what_a_scan_waits_for_stands_out(strip, desk, clock):
    desk.start("rocking")
    desk.board.instrument.set(WELL)
    strip.refresh()
    assert strip.widget.layout.display is None
    assert "<small>ring current</small> <b>199.8 mA</b>" in text(strip)
    assert "st-unwell" not in text(strip)
    desk.board.instrument.set(LOST)
    strip.refresh()
    assert "st-unwell" in text(strip)
    assert "wanted are 50 mA or more" in text(strip)
    assert "a scan waits for: ring current" in text_of(strip.widget)


def test_what_comes_from_elsewhere_is_escaped(strip, desk):
    desk.start("rocking")
    desk.board.instrument.set(Instrument((Reading("<b>", "<img src=x>", wanted='"><script>'),)))
    strip.refresh()
    assert "<img" not in text(strip)
    assert "<script>" not in text(strip)


def test_while_nothing_is_measured_it_is_sent_now_and_then_and_at_last_no_more(strip, desk, clock):
    desk.board.instrument.set(WELL)
    clock[0] += 10
    assert strip.refresh()
    desk.board.instrument.set(LOST)
    assert not strip.refresh()
    clock[0] += 10
    assert strip.refresh()
    clock[0] += 700
    desk.board.instrument.set(WELL)
    assert not strip.refresh(), "an idle page sends nothing: a hub ends it"
    desk.start("rocking")
    assert strip.refresh()


def test_what_is_put_off_is_shown_before_the_page_sleeps():
    assert module._SLOW_SECONDS < LINGER_SECONDS


def test_where_a_motor_is_after_the_scan_is_shown_at_once(strip, desk, clock):
    desk.start("rocking")
    desk.board.instrument.set(WELL)
    strip.refresh()
    desk.board.status.set(replace(desk.board.status.value, state="idle"))
    desk.board.instrument.set(Instrument((Reading("th", "-1.5 deg"),)))
    assert strip.refresh()
    assert "<b>\N{MINUS SIGN}1.5 °</b>" in text(strip)


def test_a_strip_that_is_not_followed_any_more_says_so(strip, desk, clock):
    desk.board.instrument.set(WELL)
    clock[0] += 10
    strip.refresh()
    clock[0] += 700
    desk.board.instrument.set(LOST)
    strip.refresh()
    assert "goes on with the next scan" in text_of(strip.widget)
    desk.start("rocking")
    strip.refresh()
    assert "goes on with" not in text_of(strip.widget)
