"""A lease that is renewed by looking, until somebody asks for it."""

import threading
import time
from dataclasses import replace

import pytest

from steering.core.errors import SteeringError
from steering.core.status import Lease
from steering_widgets.pages.page import Page
from steering_widgets.pages.presence import Presence
from steering_widgets.pages.renewal import Renewal
from tests.widgets.fake import FakeDesk


@pytest.fixture
def desk():
    return FakeDesk(16)


def hold(desk, lease):
    desk.board.status.set(replace(desk.board.status.value, lease=lease))


def finished():
    for thread in threading.enumerate():
        if thread.name == "steering-lease":
            thread.join(10)


def until(desk):
    finished()
    return desk.board.status.value.lease.until


def test_a_holder_who_looks_keeps_the_lease(desk):
    hold(desk, Lease("ana", time.time() + 30))
    Renewal(desk).look()
    assert until(desk) > time.time() + 100


@pytest.mark.parametrize(
    ("holder", "left", "asked"), [("bo", 30, ""), ("", 0, ""), ("ana", 30, "bo"), ("ana", 110, "")]
)
def test_nothing_is_taken_that_is_not_to_be_renewed(desk, holder, left, asked):
    before = Lease(holder, time.time() + left, asked)
    hold(desk, before)
    Renewal(desk).look()
    assert until(desk) == before.until
    assert desk.board.status.value.lease == before


def test_a_service_that_refuses_ends_no_thread_and_the_next_look_tries_again(desk, monkeypatch):
    hold(desk, Lease("ana", time.time() + 30))
    renewal, tries = Renewal(desk), []

    def refuse():
        tries.append(1)
        raise SteeringError("The beamline service cannot be reached.")

    monkeypatch.setattr(desk, "take_lease", refuse)
    for _ in range(2):
        renewal.look()
        finished()
    assert len(tries) == 2


def test_a_page_that_is_looked_at_renews_and_tells_its_views_whether_to_say_so(desk):
    page = Page(desk)
    try:
        hold(desk, Lease("ana", time.time() + 30))
        page.refresh()
        assert page._presence.holds
        page._presence._receive(None, {"kind": "looking", "view": "a"}, [])
        page.refresh()
        assert until(desk) > time.time() + 100
        hold(desk, Lease("ana", time.time() + 30, "bo"))
        page.refresh()
        assert not page._presence.holds
    finally:
        page.close()


def test_a_look_is_counted():
    presence = Presence()
    presence._receive(None, {"kind": "looking", "view": "a"}, [])
    assert presence.looked.value == 1
    presence.close()


def test_a_panel_is_in_sight_as_long_as_any_view_has_it_so_or_has_not_said():
    presence = Presence()

    def tell(view, kind, **more):
        presence._receive(None, {"kind": kind, "view": view, **more}, [])

    assert presence.sees("curve")
    tell("a", "sees", panels=["trend"])  # of a view that is not there
    assert presence.sees("curve")
    tell("a", "here", asked=0)
    assert presence.sees("curve")
    tell("a", "sees", panels=["trend"])
    assert presence.sees("trend")
    assert not presence.sees("curve")
    tell("b", "here", asked=0)
    assert presence.sees("curve")
    tell("b", "sees", panels=[])
    assert not presence.sees("curve")
    tell("a", "here", asked=0)
    assert not presence.sees("curve")
    tell("a", "left")
    assert not presence.sees("trend")
    presence.close()
