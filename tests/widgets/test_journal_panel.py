"""Whose journal it is."""

import pytest

from steering.core.action import SetParameter
from steering.core.source import FollowedSource
from steering_widgets.panels.journal import JournalPanel
from tests.widgets.fake import FakeDesk
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


def test_of_an_earlier_run_it_does_not_say_that_nothing_was_proposed(panel, desk):
    assert "Nothing was proposed in this run yet" in text_of(panel.widget)
    desk.board.source.set(FollowedSource("record"))
    assert panel.refresh()
    assert "Nothing was proposed" not in text_of(panel.widget)
    assert "An earlier run is shown, and this is the journal of the newest one." in text_of(panel.widget)
    desk.propose(SetParameter("centre", 0.3))
    panel.refresh()
    assert "An earlier run is shown" in text_of(panel.widget)
    assert "centre" in text_of(panel.widget)
    desk.unfollow()
    panel.refresh()
    assert "An earlier run" not in text_of(panel.widget)
