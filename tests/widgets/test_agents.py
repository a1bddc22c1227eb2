import time
from dataclasses import replace

import pytest

from steering.core.action import Finish, SetParameter
from steering.core.agent import Suggestion
from steering.core.binding import AgentBinding
from steering.core.cell import Cell
from steering.core.plan import Forecast, Plan
from steering_widgets.panels import suggestion as module
from steering_widgets.panels.agents import AgentsPanel
from steering_widgets.panels.form import SteeringForm
from steering_widgets.panels.suggestion import newest
from steering_widgets.plots.ghost import Ghost
from tests.widgets.fake import FakeDesk
from tests.widgets.views import find, text_of

BASIS = "rocking_curve@1a2b3c4d version 26, 26 frames"


@pytest.fixture
def desk():
    made = FakeDesk()
    made.start("rocking")
    made.advance(5)
    return made


@pytest.fixture
def agents(desk):
    made = AgentsPanel(desk)
    made.refresh()
    yield made
    made.close()


def shown(panel, hook):
    return find(panel.widget, hook).layout.display != "none"


def test_an_agents_mode_is_shown_and_can_be_set(agents, desk):
    def chosen():
        modes = {mode: find(agents.widget, f"st-mode-recentre-{mode}") for mode in ("off", "suggest", "automatic")}
        return [mode for mode, one in modes.items() if "st-chosen" in one._dom_classes]

    assert chosen() == ["suggest"]
    find(agents.widget, "st-mode-recentre-automatic").click()
    assert desk.board.modes.value == {"recentre": "automatic"}
    assert chosen() == ["suggest"], "what holds is what the session says"
    agents.refresh()
    assert chosen() == ["automatic"]
    desk.set_mode("recentre", "off")
    agents.refresh()
    assert chosen() == ["off"]


def test_an_agent_that_can_do_nothing_now_says_why_in_place_of_its_modes(agents, desk):
    row = find(agents.widget, "st-mode-recentre")
    modes = find(row, "st-modes")
    assert modes.layout.display != "none"
    desk.board.idle.set({"recentre": "It steers <centre>, which this scan does not have."})
    agents.refresh()
    assert "It steers &lt;centre&gt;, which" in text_of(row)
    assert modes.layout.display == "none"
    desk.board.idle.set({})
    agents.refresh()
    assert modes.layout.display != "none"


def test_a_suggestion_is_shown_with_its_reason_and_can_be_accepted(agents, desk):
    assert not shown(agents, "st-suggestion")
    desk.suggest()
    agents.refresh()
    assert "Set centre to 0.221\u00a0°" in text_of(agents.widget)
    assert "off the middle" in text_of(agents.widget)
    find(agents.widget, "st-accept").click()
    agents.refresh()
    assert desk.actions == [SetParameter("centre", 0.221)]
    assert not shown(agents, "st-suggestion")


def test_only_the_newest_is_shown_and_what_was_said_together_is_accepted_together(agents, desk):
    now = time.time()
    old = Suggestion(SetParameter("step", 0.01), "finer", BASIS, "recentre", now - 5)
    pair = tuple(
        Suggestion(SetParameter(name, value), "go to the peak", BASIS, "recentre", now)
        for name, value in (("centre", 0.3), ("range", 0.5))
    )
    desk.board.suggestions.set((*pair, old))
    agents.refresh()
    text = text_of(agents.widget)
    assert "Set centre to 0.3\u00a0°; set range to 0.5\u00a0°" in text
    assert "set step" not in text.lower()
    assert text.count("Go to the peak") == 1
    assert "recentre suggests, " in text
    find(agents.widget, "st-accept").click()
    agents.refresh()
    assert desk.actions == [SetParameter("centre", 0.3), SetParameter("range", 0.5)]


@pytest.mark.parametrize("between", [False, True])
def test_what_a_person_cannot_have_read_yet_is_not_accepted(agents, desk, monkeypatch, between):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    first, second = (Suggestion(action, "why", BASIS, "a", 1.0) for action in (SetParameter("step", 0.01), Finish()))
    desk.board.suggestions.set((first,))
    agents.refresh()
    now[0] += 10
    if between:
        desk.board.suggestions.set(())
        agents.refresh()
    desk.board.suggestions.set((second,))
    agents.refresh()
    now[0] += 0.5
    find(agents.widget, "st-accept").click()
    agents.refresh()
    assert desk.actions == []
    assert "The suggestion has just changed, so nothing was done." in text_of(agents.widget)
    now[0] += 2
    find(agents.widget, "st-accept").click()
    assert desk.actions == [Finish()]


def test_a_suggestion_that_is_refused_says_why_and_stops_there(agents, desk):
    suggestion = Suggestion(SetParameter("exposure", 99.0), "longer", BASIS)
    desk.board.suggestions.set((suggestion,))
    agents.refresh()
    find(agents.widget, "st-accept").click()
    agents.refresh()
    assert "is outside the limits" in text_of(agents.widget)


def test_a_suggestion_can_be_edited_in_the_form_before_it_is_proposed(desk):
    form = SteeringForm(desk)
    agents = AgentsPanel(desk, form.draft)
    form.refresh()
    desk.suggest()
    agents.refresh()
    find(agents.widget, "st-edit-suggestion").click()
    form.refresh()
    assert find(form.widget, "st-param-centre").value == "0.221"
    assert desk.actions == []
    assert find(form.widget, "st-apply").description == "Apply 1 change"
    agents.refresh()
    assert not shown(agents, "st-suggestion")
    assert "The values stand in the form. Change them, and press Apply." in text_of(agents.widget)
    desk.board.suggestions.set((Suggestion(Finish(), "enough", BASIS),))
    agents.refresh()
    agents.refresh()
    assert "The values stand in the form." not in text_of(agents.widget), "beside another one it is of nothing"
    agents.close()
    form.close()


def test_a_suggestion_can_be_dismissed(agents, desk):
    desk.suggest()
    agents.refresh()
    find(agents.widget, "st-dismiss-suggestion").click()
    agents.refresh()
    assert not shown(agents, "st-suggestion")
    assert desk.actions == []


def test_what_is_no_parameter_cannot_be_edited(desk):
    agents = AgentsPanel(desk, Cell({}))
    desk.board.suggestions.set((Suggestion(Finish(), "enough", BASIS),))
    agents.refresh()
    assert "Finish the scan" in text_of(agents.widget)
    assert not shown(agents, "st-edit-suggestion")
    agents.close()


def test_the_ghost_is_told_what_the_shown_suggestion_would_do_and_when_it_goes(desk):
    ghost = Ghost(desk)
    agents = AgentsPanel(desk, ghost=ghost)
    desk.suggest()
    agents.refresh()
    assert ghost.wanted.value.actions == (SetParameter("centre", 0.221),)
    desk.board.suggestions.set(())
    agents.refresh()
    assert ghost.wanted.value.actions == ()
    agents.close()


def test_beside_accept_stands_what_would_come_of_it(agents, desk):
    def told(forecast):
        agents._ghost.forecast.wait(lambda found: found is not None, 10)
        agents._ghost.forecast.set(forecast)
        agents.refresh()
        return text_of(find(agents.widget, "st-would"))

    desk.suggest()
    agents.refresh()
    assert "Then 31 points left, about 33 s." in told(Forecast("", Plan(), 31, 33.0))
    assert "It ends the scan: nothing would be left to measure." in told(Forecast("", Plan(), 0, 0.0))
    assert "It would be refused. Steps of 2 ° at most." in told(Forecast("Steps of 2 ° at most."))
    # Of what somebody else thinks of doing it says nothing.
    agents._ghost.want((Finish(),), "form")
    agents.refresh()
    assert not shown(agents, "st-would")


def test_of_suggestions_without_a_time_the_last_is_the_newest():
    first, last = (Suggestion(SetParameter("centre", value), "", str(value)) for value in (1.0, 2.0))
    assert newest((first, last)) == (last,)
    assert newest(()) == ()


def test_agents_that_no_scan_here_names_fold_away_until_they_are_asked_for_or_do_something(desk):
    rocking, *others = desk.board.scans.value
    desk.board.scans.set((replace(rocking, agents=(AgentBinding("recentre", "recentre"),)), *others))
    desk.board.modes.set({"recentre": "off", "spare": "off", "watch": "off"})
    panel = AgentsPanel(desk)
    panel.refresh()

    def rows():
        return [name for name in ("recentre", "spare", "watch") if f"Agent {name}" in text_of(panel._agents)]

    more = find(panel.widget, "st-other-agents")
    assert (rows(), more.description) == (["recentre"], "Show 2 other agents")
    more.click()
    panel.refresh()
    assert (rows(), more.description) == (["recentre", "spare", "watch"], "Hide 2 other agents")
    # Whoever unfolds them does not know them yet.
    assert "Spares a sample that is measured in bursts" in text_of(panel._rows["spare"].widget)
    assert "Suggests centre" not in text_of(panel._rows["recentre"].widget)
    more.click()
    desk.board.modes.set({"recentre": "off", "spare": "off", "watch": "suggest"})
    panel.refresh()
    assert (rows(), more.description) == (["recentre", "watch"], "Show 1 other agent")
    # A beamline whose file names none has all of them.
    desk.board.scans.set((rocking, *others))
    panel.refresh()
    assert rows() == ["recentre", "spare", "watch"]
    assert not shown(panel, "st-other-agents")
    panel.close()


def test_an_accepted_suggestion_can_be_taken_back_and_a_dismissed_one_is_nothing_to_take_back(desk):
    form = SteeringForm(desk)
    agents = AgentsPanel(desk, form.draft, note=form.note)
    undo = find(form.widget, "st-undo")
    for press, there in (("st-dismiss-suggestion", False), ("st-accept", True)):
        desk.suggest()
        agents.refresh()
        find(agents.widget, press).click()
        desk.advance()
        agents.refresh()
        form.refresh()
        assert shown(form, "st-undo") is there
    assert undo.tooltip == "Set centre to 0.22 ° again"
    undo.click()
    assert desk.actions[-1] == SetParameter("centre", 0.22)
    agents.close()
    form.close()
