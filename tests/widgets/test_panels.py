import pytest

from steering.core import registry
from tests.widgets.fake import FakeDesk

PANELS = registry.names("widgets")


@pytest.fixture(params=PANELS)
def make(request):
    return registry.load("widgets", request.param)


def test_it_builds_on_an_empty_session_and_a_second_refresh_does_nothing(make):
    panel = make(FakeDesk())
    assert panel.refresh() is True
    assert panel.refresh() is False
    panel.close()


def test_it_builds_on_a_desk_that_knows_nothing_at_all(make):
    from steering.core.board import Board

    desk = FakeDesk()
    desk._board = Board()
    panel = make(desk)
    panel.refresh()
    assert panel.refresh() is False
    panel.close()


@pytest.mark.parametrize("scan", ["rocking", "map"])
def test_it_follows_a_scan_from_its_first_point(make, scan):
    desk = FakeDesk()
    panel = make(desk)
    panel.refresh()
    desk.start(scan)
    for points in (0, 1, 1, 30):
        if points:
            desk.advance(points)
        panel.refresh()
        assert panel.refresh() is False
    panel.close()


def test_it_comes_late_and_shows_what_is_there(make):
    desk = FakeDesk()
    desk.start("map")
    desk.advance(40)
    panel = make(desk)
    assert panel.refresh() is True
    assert panel.refresh() is False
    panel.close()


def test_closing_leaves_no_widget_open(make):
    from ipywidgets.widgets import widget

    before = set(widget._instances)
    desk = FakeDesk()
    panel = make(desk)
    panel.refresh()
    desk.start("rocking")
    desk.advance(20)
    desk.suggest()
    panel.refresh()
    desk.board.suggestions.set(())
    panel.refresh()
    panel.close()
    left = [opened for key, opened in widget._instances.items() if key not in before]
    assert left == []
