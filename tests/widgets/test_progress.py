from dataclasses import replace

import pytest

from steering.core.action import Finish, Pause
from steering.core.status import EndedRun, Lease
from steering_widgets.panels import progress as module
from steering_widgets.panels.progress import ProgressPanel
from steering_widgets.parts.units import with_shown_units
from tests.widgets.fake import FakeDesk
from tests.widgets.views import find, text_of


@pytest.fixture
def desk():
    return FakeDesk()


@pytest.fixture
def panel(desk, monkeypatch):
    monkeypatch.setattr(module, "_FIGURES_SECONDS", 0.0)
    made = ProgressPanel(desk)
    made.refresh()
    yield made
    made.close()


def test_idle_says_what_to_do_next(panel):
    assert "Choose a scan and press Start." in text_of(panel.widget)


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


def test_a_scan_that_somebody_finished_did_not_just_end(panel, desk):
    desk.start("rocking")
    desk.advance(3)
    desk.propose(Finish())
    desk.advance()
    panel.refresh()
    assert desk.board.status.value.state == "idle"
    assert "The last scan (rocking) was finished early at" in text_of(panel.widget)
    assert f"by {desk.name} after" in text_of(panel.widget)


def test_how_far_it_is_and_how_long_it_takes(panel, desk):
    desk.start("rocking")
    desk.advance(20)
    panel.refresh()
    text = text_of(panel.widget)
    assert "20<small> points done" in text
    assert "31<small> left" in text
    assert "9 s<small> remaining" in text
    assert 'aria-valuenow="20"' in text


def test_a_simulated_beamline_says_how_fast_its_clock_runs(panel, desk):
    assert "simulated at" not in text_of(panel.widget)
    desk.board.status.set(replace(desk.board.status.value, haste=5.0))
    panel.refresh()
    assert "simulated at 5 × speed" in text_of(panel.widget)
    assert "an exposure of 1 s takes 0.2 s" in text_of(panel.widget)


def test_a_lost_service_is_said(panel, desk):
    desk.board.status.set(replace(desk.board.status.value, state="offline", message="Connection refused <here>."))
    panel.refresh()
    text = text_of(panel.widget)
    assert "Offline" in text
    assert "Connection refused &lt;here&gt;." in text


def test_the_lease_says_who_holds_it_and_can_be_released_and_taken(panel, desk):
    desk.start("rocking")
    panel.refresh()
    assert "you hold it" in text_of(panel.widget)
    find(panel.widget, "st-lease-release").click()
    panel.refresh()
    assert "nobody holds it" in text_of(panel.widget)
    find(panel.widget, "st-lease-take").click()
    panel.refresh()
    assert desk.board.status.value.lease.holder == "ana"


def test_somebody_elses_lease_is_named(panel, desk):
    desk.board.status.set(replace(desk.board.status.value, lease=Lease("<b>bo</b>", 0.0)))
    panel.refresh()
    assert "held by &lt;b&gt;bo&lt;/b&gt;" in text_of(panel.widget)


def test_a_scan_that_failed_is_seen_to_have_failed(panel, desk):
    ended = EndedRun("uid", "rocking", "fail", "The motor th does not move.", "", 1e9, 12)
    desk.board.status.set(replace(desk.board.status.value, ended=ended))
    panel.refresh()
    assert "st-ended-fail" in text_of(panel.widget)
    assert "The last scan (rocking) failed at" in text_of(panel.widget)


def test_the_analysis_says_in_a_light_and_in_words_whether_it_keeps_up(panel, desk):
    desk.start("rocking")
    desk.advance(5)
    panel.refresh()
    fresh = text_of(find(panel.widget, "st-fresh"))
    assert "st-light-good" in fresh
    assert "keeps up, 2 workers" in fresh
    assert 'class="st-age"' in fresh
    desk.board.latency.set(replace(desk.board.latency.value, points_behind=12))
    panel.refresh()
    fresh = text_of(find(panel.widget, "st-fresh"))
    assert "st-light-warn" in fresh
    assert "12 points behind, 2 workers" in fresh


def test_a_suggestion_that_waits_is_told_to_the_page(panel, desk):
    assert panel.control.asking == ""
    desk.start("rocking")
    desk.advance(5)
    desk.suggest()
    panel.refresh()
    first = desk.board.suggestions.value[0]
    assert panel.control.asking == with_shown_units(first.reason) != ""
    # The same agent says the same in other words, as it does with each result: that is no news.
    desk.board.suggestions.set((replace(first, reason="the peak lies at 0.3 deg"),))
    panel.refresh()
    assert panel.control.asking == with_shown_units(first.reason)
    desk.board.suggestions.set((replace(first, agent="xpcs-alarms", reason="intensity fell to 0.8 deg"),))
    panel.refresh()
    assert panel.control.asking == "intensity fell to 0.8 °"
    desk.board.suggestions.set(())
    panel.refresh()
    assert panel.control.asking == ""


def test_what_goes_wrong_is_told_to_the_page_once(panel, desk):
    told = []
    panel.control.observe(lambda change: told.append(change["new"]), "wrong")
    for notice in ("The record is away.", "The flow run a failed. The record is away.", "The record is away.", ""):
        desk.board.notice.set(notice)
        panel.refresh()
    assert [one for one in told if one] == ["The record is away.", "The flow run a failed. The record is away."]


def test_figures_are_written_a_few_times_a_second_and_a_state_at_once(panel, desk, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(module, "_FIGURES_SECONDS", 0.25)
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    desk.start("rocking")
    panel.refresh()
    assert "Running" in text_of(panel.widget)
    for _ in range(3):
        desk.advance()
        panel.refresh()
    assert "0<small> points done" in text_of(panel.widget)
    clock[0] += 0.3
    panel.refresh()
    assert "3<small> points done" in text_of(panel.widget), "what was put off is shown although nothing is newer"
    desk.advance()
    desk.propose(Pause())
    panel.refresh()
    assert "Paused" in text_of(panel.widget)
    assert "4<small> points done" in text_of(panel.widget)


def test_the_light_unfolds_into_pools_and_what_they_wait_for_and_folds_again(panel, desk):
    more, computes = find(panel.widget, "st-unfold"), find(panel.widget, "st-computes")
    assert (more.description, computes.layout.display) == ("Details", "none")
    more.click()
    panel.refresh()
    assert (more.description, computes.layout.display) == ("Fewer details", None)
    assert "Two workers on this machine." in computes.value
    desk.pools()
    panel.refresh()
    assert "Not enough free nodes available" in computes.value
    more.click()
    panel.refresh()
    assert (more.description, computes.layout.display) == ("Details", "none")


def test_the_sample_is_named_while_it_is_measured(panel, desk):
    assert "Ni pillar" not in text_of(panel.widget)
    desk.start("rocking")
    panel.refresh()
    assert "Rocking curve (34-ID-C scan 54) <small>of Ni pillar</small>" in text_of(panel.widget)
