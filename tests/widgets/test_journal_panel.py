"""Whose journal it is."""

import time

import pytest

from steering.core.action import SetParameter
from steering.core.proposal import Ruling
from steering.core.source import FollowedSource
from steering_widgets.panels.journal import JournalPanel
from tests.widgets.fake import FakeDesk
from tests.widgets.fake_past import fill
from tests.widgets.views import text_of


@pytest.fixture
def desk():
    made = FakeDesk()
    made.start("rocking")
    return made


@pytest.fixture
def panel(desk):
    made = JournalPanel(desk)
    made.refresh()
    yield made
    made.close()


@pytest.fixture
def earlier(desk):
    """Uid of an earlier run with one decision."""
    fill(desk.past)
    uid = next(entry.uid for entry in desk.past.find().entries if entry.scan == "rocking" and entry.status == "success")
    desk.past.decided[uid] = (
        Ruling("1", "ana", "set", "exposure", "0.25 s", "1.5 s", "accepted", "too dark", "", 1e9, 1e9, before_point=12),
    )
    return uid


def read(panel, words):
    """Refresh until the table has the words."""
    for _ in range(500):
        panel.refresh()
        if words in text_of(panel.widget):
            return text_of(panel.widget)
        time.sleep(0.01)
    return pytest.fail(f"{words!r} did not come: {text_of(panel.widget)}")


def test_it_shows_what_was_decided_in_the_earlier_run_that_is_shown(panel, desk, earlier):
    desk.propose(SetParameter("centre", 0.3))
    panel.refresh()
    desk.show(earlier)
    text = read(panel, "too dark")
    assert "0.25 s → 1.5 s" in text
    assert f"of run {earlier[:8]}: 1 ruling, 0 refused" in text
    assert "centre" not in text, "that was decided in the newest run"
    desk.unfollow()
    text = read(panel, "centre")
    assert "too dark" not in text


def test_of_an_earlier_run_without_decisions_it_says_so(panel, desk, earlier):
    desk.past.decided.clear()
    desk.show(earlier)
    read(panel, f"Nothing was proposed in run {earlier[:8]}, which is shown.")


def test_a_record_that_does_not_answer_is_said_and_read_again_when_the_run_is_shown_again(panel, desk, earlier):
    desk.show(earlier)
    read(panel, "too dark")
    desk.unfollow()
    read(panel, "Nothing was proposed in this run yet")
    desk.past.fail = "The record does not answer."
    desk.board.source.set(FollowedSource("record"))
    read(panel, "The record does not answer.")
    desk.unfollow()
    panel.refresh()
    desk.past.fail = ""
    desk.show(earlier)
    read(panel, "too dark")


def test_a_record_that_holds_nonsense_is_said(panel, desk, earlier):
    def broken(run):
        raise ValueError("no such column")

    desk.past.decisions = broken
    desk.show(earlier)
    read(panel, "This could not be done: no such column (value error).")
