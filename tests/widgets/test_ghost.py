"""What a change would do is asked once at a time, and the newest wish counts."""

import threading
import time
from dataclasses import replace

import pytest

from steering.core.action import InsertRegion, Pause, SetParameter, Skip
from steering.core.agent import Suggestion
from steering.core.plan import Forecast, Plan
from steering.core.proposal import Ruling, with_author
from steering_widgets.drawing.marks import change_of, marks_of, marks_of_advice
from steering_widgets.drawing.plot import MARK_COLOUR
from steering_widgets.plots.ghost import FORM, REGION, Ghost, Wish, ghost_text
from tests.widgets.fake import FakeDesk


@pytest.fixture
def desk():
    made = FakeDesk()
    made.start("rocking")
    made.advance(3)
    return made


def answered(ghost):
    return ghost.forecast.wait(lambda forecast: forecast is not None, 20)


class Slow(FakeDesk):
    """A desk whose forecasts wait."""

    def __init__(self):
        super().__init__()
        self.go, self.begun = threading.Event(), threading.Event()

    def forecast(self, actions):
        self.begun.set()
        assert self.go.wait(20)
        return super().forecast(actions)


def test_a_wish_is_foretold_and_changes_nothing(desk):
    ghost, plan = Ghost(desk), desk.board.plan.value
    ghost.want((SetParameter("centre", 0.3), SetParameter("range", 0.4)))
    forecast = answered(ghost)
    assert forecast.refusal == ""
    assert forecast.plan.left().min() >= 0.1 - 1e-9
    assert desk.board.plan.value is plan
    assert desk.actions == []


def test_of_wishes_that_come_meanwhile_the_newest_is_asked_for():
    desk = Slow()
    desk.start("rocking")
    ghost = Ghost(desk)
    ghost.want((Skip(1),))
    assert desk.begun.wait(20)
    for points in range(2, 9):
        ghost.want((Skip(points),))
    desk.go.set()
    ghost.forecast.wait(lambda forecast: forecast is not None and forecast.points_left == 51 - 8, 20)
    assert desk.forecasts == [(Skip(1),), (Skip(8),)]


def test_the_same_wish_again_is_not_asked_again(desk):
    ghost = Ghost(desk)
    ghost.want((Skip(1),))
    answered(ghost)
    ghost.want((Skip(1),))
    assert ghost.refresh() is True  # the plan, seen for the first time
    assert ghost.refresh() is False
    ghost.forecast.wait(lambda _: not ghost._asker._asking, 20)
    assert set(desk.forecasts) == {(Skip(1),)}


def test_only_who_wished_takes_it_back(desk):
    ghost = Ghost(desk)
    ghost.want((Skip(1),), FORM)
    ghost.want((), REGION)
    assert ghost.wanted.value.actions == (Skip(1),)
    ghost.want((), FORM)
    assert ghost.wanted.value == Wish()
    assert ghost.forecast.value is None


def test_when_the_path_changes_it_is_asked_again(desk):
    ghost = Ghost(desk)
    ghost.refresh()
    ghost.want((SetParameter("step", 0.05),))
    before = answered(ghost).points_left
    desk.propose(SetParameter("range", 0.5))
    desk.advance()
    assert ghost.refresh() is True
    after = ghost.forecast.wait(lambda forecast: forecast is not None and forecast.points_left != before, 20)
    assert after.points_left < before


def test_what_would_be_left_is_counted_on_while_the_scan_measures(desk):
    ghost = Ghost(desk)
    ghost.want((SetParameter("centre", 0.3),))
    ghost.refresh()
    before = answered(ghost).points_left
    measured = desk.board.status.value
    desk.board.status.set(replace(measured, points_done=measured.points_done + 2, points_left=measured.points_left - 2))
    asked = threading.Event()
    desk.forecast = lambda _: (asked.set(), Forecast("", points_left=before - 2))[1]
    end = time.monotonic() + 20
    while not asked.is_set() and time.monotonic() < end:
        ghost.refresh()
    ghost.forecast.wait(lambda forecast: forecast is not None and forecast.points_left == before - 2, 20)


def test_a_wish_ends_with_its_run(desk):
    ghost = Ghost(desk)
    ghost.want((Skip(1),))
    answered(ghost)
    desk.advance(100)
    ghost.refresh()
    assert ghost.wanted.value == Wish()


def test_a_wish_of_a_scan_that_opens_stays_when_its_run_opens(desk):
    run = desk.board.status.value.run
    desk.board.status.set(replace(desk.board.status.value, state="opening", run=""))
    ghost = Ghost(desk)
    ghost.want((Skip(1),))
    desk.board.status.set(replace(desk.board.status.value, state="running", run=run))
    ghost.refresh()
    assert ghost.wanted.value.actions == (Skip(1),)


def test_an_error_is_a_sentence(desk):
    desk.fail = "The beamline service does not answer."
    ghost = Ghost(desk)
    ghost.want((Skip(1),))
    assert answered(ghost).refusal == "The beamline service does not answer."


def test_it_is_said_in_words():
    wish = Wish(FORM, (Skip(1),))
    assert ghost_text(wish, Forecast("", points_left=3, seconds_left=61.0)) == (
        "What your change would do (violet): 3 points left, about 1 min 01 s."
    )
    assert "it would be refused. No." in ghost_text(wish, Forecast("No."))
    assert ghost_text(Wish(), Forecast()) == ""


def test_a_decision_is_marked_at_the_point_before_which_it_took_effect(desk):
    desk.propose(SetParameter("centre", 0.3), "curve version 3")
    desk.propose(SetParameter("centre", 99.0))
    desk.advance(2)
    (mark,) = marks_of(desk.board.rulings.value, desk.board.plan.value)
    assert mark.point == 4
    assert mark.place == desk.board.plan.value.at(3)
    assert (mark.who, mark.change, mark.reason) == ("ana", "centre 0.22 ° → 0.3 °", "on curve version 3")


def test_what_an_agent_came_to_say_is_marked_where_the_scan_was_unless_it_was_decided(desk):
    desk.advance(5)
    board = desk.board
    alarm = Suggestion(Pause(), "peak is 0.3 deg, above 0.2 deg", "curve version 9", "watch", 1.0, 5, 5)
    taken = Suggestion(SetParameter("centre", 0.3), "off", "curve version 3", "recentre", 1.0, 3, 3)
    (mark,) = marks_of_advice([alarm], board.rulings.value, board.plan.value, board.status.value)
    assert (mark.place, mark.point, mark.who) == (board.plan.value.at(4), 5, "watch")
    assert (mark.change, mark.reason) == ("suggests: pause the scan", "peak is 0.3 °, above 0.2 °")
    assert mark.colour != MARK_COLOUR
    ruling = Ruling("1", "recentre for ana", "set", "centre", "0.2", "0.3", "accepted", "", taken.basis, 0.0, 0.0)
    decided = replace(ruling, before_point=4)
    assert marks_of_advice([taken], [decided], board.plan.value, board.status.value) == []
    accepted = replace(decided, who="ana", basis=with_author(taken.basis, "recentre"))
    assert marks_of_advice([taken], [accepted], board.plan.value, board.status.value) == []
    assert len(marks_of_advice([taken], [ruling], board.plan.value, board.status.value)) == 1
    assert marks_of_advice([alarm], [], Plan(), board.status.value) == []


def test_a_pending_decision_is_nowhere_and_a_pause_is_called_so(desk):
    desk.propose(SetParameter("centre", 0.3))
    assert marks_of(desk.board.rulings.value, desk.board.plan.value) == []
    assert change_of(Ruling("1", "ana", "pause", "", "", "", "accepted", "", "", 0.0, 0.0)) == "pause"


def test_a_region_of_a_map_is_foretold():
    desk = FakeDesk()
    desk.start("map")
    ghost = Ghost(desk)
    ghost.want((InsertRegion({"sy": (0.0, 1.0), "sx": (0.0, 1.0)}, {"sy": 0.5, "sx": 0.5}),), REGION)
    assert answered(ghost).plan.count == desk.board.plan.value.count + 9
