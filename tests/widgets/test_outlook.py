"""What a scan would be is said before it is started; what takes a while to be known is asked once at a time."""

import math
import threading

import pytest

from steering.core.plan import Forecast, Plan
from steering.testing import waiting
from steering_widgets.panels.form import SteeringForm
from steering_widgets.panels.outlook import outlook_text
from steering_widgets.plots.asker import Asker
from tests.widgets.fake import FakeDesk
from tests.widgets.views import find, refreshed, text_of


@pytest.fixture
def desk():
    return FakeDesk()


@pytest.fixture
def form(desk):
    made = SteeringForm(desk)
    made.refresh()
    yield made
    made.close()


def said(form):
    return text_of(find(form.widget, "st-outlook"))


def test_the_form_says_points_and_time_before_a_scan_is_started(form, desk):
    refreshed(form, lambda: "51 points, about 13 s" in said(form))
    find(form.widget, "st-start-step").value = "0.01"
    refreshed(form, lambda: "101 points, about 25 s" in said(form))
    find(form.widget, "st-start-exposure").value = "99"
    refreshed(form, lambda: "exposure is 99 s. Allowed" in said(form))
    find(form.widget, "st-start-exposure").value = "much"
    refreshed(form, lambda: "101 points, about 25 s" in said(form))
    desk.start("rocking")
    refreshed(form, lambda: "points" not in said(form))


def test_a_desk_that_does_not_answer_costs_a_line(form, desk):
    refreshed(form, lambda: "51 points" in said(form))
    desk.fail = "The beamline service does not answer."
    find(form.widget, "st-start-step").value = "0.01"
    refreshed(form, lambda: "point" not in said(form))


def test_whatever_the_desk_raises_costs_a_line_and_the_next_question_is_asked(form, desk):
    refreshed(form, lambda: "51 points" in said(form))
    outlook, asked = desk.outlook, []

    def broken(scan, **values):
        asked.append(values)
        if len(asked) == 1:
            raise RuntimeError("event loop is closed")
        return outlook(scan, **values)

    desk.outlook = broken
    find(form.widget, "st-start-step").value = "0.04"
    refreshed(form, lambda: "point" not in said(form) and bool(asked))
    find(form.widget, "st-start-step").value = "0.01"
    refreshed(form, lambda: "101 points" in said(form))


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (Forecast("", Plan(), 201, 61.0), "201 points, about 1 min 01 s"),
        (Forecast("", Plan(), 201, 61.0, at_least=True), "201 points, at least 1 min 01 s"),
        (Forecast("", Plan(), 1, math.nan), "1 point"),
        (Forecast("", Plan(), 3, 0.2), "3 points, about 1 s"),
        (Forecast(), ""),
        (Forecast("th: 9 deg is above its limit."), "th: 9 deg is above its limit."),
    ],
)
def test_it_is_said_in_words(found, text):
    assert outlook_text(found) == text


async def test_of_questions_that_wait_the_newest_is_asked_and_only_its_answer_is_told():
    go, begun, asked, told = threading.Event(), threading.Event(), [], []

    def ask(question):
        asked.append(question)
        begun.set()
        assert go.wait(20)
        return -question

    asker = Asker(ask, lambda question, answer: told.append((question, answer)))
    asker.ask(1)
    assert begun.wait(20)
    for question in (2, 3, 4):
        asker.ask(question)
    go.set()
    await waiting.until(lambda: told, lambda: "nothing was told")
    assert (asked, told) == ([1, 4], [(4, -4)])
    asker.ask(5)
    await waiting.until(lambda: len(told) == 2, lambda: "it does not ask again")
    asker.close()
    asker.ask(6)
    assert asked == [1, 4, 5]
