from dataclasses import replace

import pytest

from steering.core.status import EndedRun
from steering_widgets.panels.progress import ProgressPanel
from tests.widgets.fake import FakeDesk
from tests.widgets.views import find, text_of


@pytest.fixture
def desk():
    return FakeDesk()


@pytest.fixture
def panel(desk):
    made = ProgressPanel(desk)
    made.refresh()
    yield made
    made.close()


def click(panel, hook):
    find(panel.widget, hook).click()
    panel.refresh()


def test_idle_says_what_to_do_next(panel):
    assert "Choose a scan and press Start." in text_of(panel.widget)


def test_start_takes_only_what_was_changed(panel, desk):
    find(panel.widget, "st-start-exposure").value = "0.5"
    click(panel, "st-start")
    assert desk.started == [("rocking", {"exposure": 0.5})]
    assert "Running" in text_of(panel.widget)
    assert "0<small> points done" in text_of(panel.widget)


def test_another_scan_can_be_chosen_and_brings_its_own_parameters(panel, desk):
    find(panel.widget, "st-scan").value = "map"
    panel.refresh()
    find(panel.widget, "st-start-step").value = "5"
    click(panel, "st-start")
    assert desk.started == [("map", {"step": 5.0})]


def test_a_quick_start_takes_the_fields_of_the_chosen_scan_not_those_still_on_the_screen(panel, desk):
    find(panel.widget, "st-start-step").value = "0.05"
    find(panel.widget, "st-scan").value = "map"
    find(panel.widget, "st-start").click()
    assert desk.started == [("map", {})]


def test_a_start_that_is_refused_is_a_sentence(panel, desk):
    find(panel.widget, "st-start-exposure").value = "fast"
    click(panel, "st-start")
    assert "is not a number" in text_of(panel.widget)
    desk.start("rocking")
    find(panel.widget, "st-start-exposure").value = "0.25"
    click(panel, "st-start")
    assert "A scan is running." in text_of(panel.widget)


def test_the_state_and_who_made_it_are_said(panel, desk):
    desk.start("rocking")
    status = desk.board.status.value
    desk.board.status.set(replace(status, state="opening"))
    panel.refresh()
    assert "Opening" in text_of(panel.widget)
    desk.board.status.set(replace(status, state="paused", why="Paused by ana."))
    panel.refresh()
    assert "Paused by ana." in text_of(panel.widget)
    desk.board.status.set(replace(status, state="aborting", why="Aborted by bo: smoke."))
    panel.refresh()
    assert "Aborted by bo: smoke." in text_of(panel.widget)


def test_how_the_last_scan_ended_stays_and_goes_with_the_next(panel, desk):
    ended = EndedRun("uid", "rocking", "abort", "smoke <here>", "bo", 1e9, 1)
    desk.board.status.set(replace(desk.board.status.value, ended=ended))
    panel.refresh()
    assert "The last scan (rocking) was aborted at" in text_of(panel.widget)
    assert "by bo after 1 point: smoke &lt;here&gt;." in text_of(panel.widget)
    desk.start("rocking")
    panel.refresh()
    assert "The last scan" not in text_of(panel.widget)


def test_how_far_it_is_and_how_long_it_takes(panel, desk):
    desk.start("rocking")
    desk.advance(20)
    panel.refresh()
    text = text_of(panel.widget)
    assert "20<small> points done" in text
    assert "31<small> left" in text
    assert "9 s<small> remaining" in text
    assert 'aria-valuenow="20"' in text


def test_a_lost_service_is_said(panel, desk):
    desk.board.status.set(replace(desk.board.status.value, state="offline", message="Connection refused <here>."))
    panel.refresh()
    text = text_of(panel.widget)
    assert "Offline" in text
    assert "Connection refused &lt;here&gt;." in text
