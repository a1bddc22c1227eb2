from dataclasses import replace

import pytest

from steering.core.action import SetParameter
from steering.core.parameter import Parameter
from steering.core.status import Lease
from steering_widgets.panels.form import SteeringForm
from steering_widgets.panels.row import ParameterRow
from tests.widgets.fake import FakeDesk
from tests.widgets.views import find, text_of


@pytest.fixture
def desk():
    made = FakeDesk()
    made.start("rocking")
    made.advance(5)
    return made


@pytest.fixture
def form(desk):
    made = SteeringForm(desk)
    made.refresh()
    yield made
    made.close()


def write(form, name, text):
    find(form.widget, f"st-param-{name}").value = text


def apply(form):
    find(form.widget, "st-apply").click()
    form.refresh()


def test_each_parameter_has_a_row_with_unit_limits_and_value(form):
    text = text_of(form.widget)
    assert "0.01 to 5 s, at most 2 s a step" in text
    assert "<b>0.25</b> s" in text
    assert find(form.widget, "st-param-exposure").value == "0.25"


def test_apply_proposes_what_was_changed_and_nothing_else(form, desk):
    write(form, "exposure", "1.5")
    apply(form)
    assert desk.actions == [SetParameter("exposure", 1.5)]
    assert "1.5 s is pending" in text_of(form.widget)
    desk.advance()
    form.refresh()
    assert "<b>1.5</b> s" in text_of(form.widget)
    assert "in force since point 6" in text_of(form.widget)
    assert "pending" not in text_of(form.widget)


def test_the_proposal_rests_on_the_newest_result(form, desk):
    write(form, "exposure", "1.5")
    apply(form)
    assert desk.board.rulings.value[-1].basis == desk.board.result.value.basis


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("99", "is outside the limits. Allowed: 0.01 to 5 s."),
        ("4", "Allowed: at most 2 s in one step."),
        ("nan", "is not a finite number. Allowed: 0.01 to 5 s."),
        ("inf", "is not a finite number"),
        ("fast", "exposure: “fast” is not a number. Write one such as 0.5."),
        ("", "exposure: no number is given."),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(form, desk, text, sentence):
    write(form, "exposure", text)
    apply(form)
    assert sentence in text_of(find(form.widget, "st-param-exposure-row"))
    assert desk.board.status.value.pending == {}
    write(form, "exposure", "1")
    apply(form)
    assert sentence not in text_of(form.widget)


def test_one_refusal_does_not_hold_up_the_others(form, desk):
    write(form, "exposure", "99")
    write(form, "centre", "0.25")
    apply(form)
    assert desk.board.status.value.pending == {"centre": 0.25}
    assert "Accepted from the next point on: centre." in text_of(form.widget)


def test_a_field_that_a_person_is_writing_into_is_left_alone(form, desk):
    write(form, "exposure", "1.")
    desk.advance()
    form.refresh()
    assert find(form.widget, "st-param-exposure").value == "1."


def test_a_change_from_elsewhere_shows_in_untouched_fields(form, desk):
    desk.propose(SetParameter("exposure", 2.0))
    form.refresh()
    assert find(form.widget, "st-param-exposure").value == "2"


def test_undo_puts_back_what_holds(form):
    write(form, "exposure", "99")
    apply(form)
    find(form.widget, "st-undo").click()
    form.refresh()
    assert find(form.widget, "st-param-exposure").value == "0.25"
    assert "outside the limits" not in text_of(form.widget)


def test_apply_without_a_change_says_so(form, desk):
    apply(form)
    assert desk.actions == []
    assert "Nothing was changed" in text_of(form.widget)


def test_an_error_of_the_session_is_a_sentence(form, desk):
    desk.fail = "The beamline service does not answer. Start it again: steering serve."
    write(form, "exposure", "1")
    apply(form)
    assert "does not answer" in text_of(form.widget)


def test_a_choice_is_a_menu_of_its_names():
    filters = Parameter("filters", "", 0.0, 0.0, 2.0, choices=("out", "thin", "thick"), description="In the beam")
    row = ParameterRow(filters)
    menu = find(row.widget, "st-param-filters")
    assert menu.options == ("out", "thin", "thick")
    assert (menu.value, menu.tooltip, row.changed) == ("out", "In the beam", False)
    row.write(filters, None, 0)
    assert "<b>out</b>" in text_of(row.widget)
    assert "out, thin, thick" in text_of(row.widget)
    menu.value = "thick"
    assert (row.changed, row.entry.number()) == (True, 2.0)
    row.settle()
    row.write(filters, 2.0, 0)
    assert "thick is pending: it holds from the next point on" in text_of(row.widget)
    row.write(replace(filters, value=1.0), None, 3)
    assert (menu.value, row.changed) == ("thin", False)


def test_rows_follow_the_scan(form, desk):
    desk.board.status.set(FakeDesk().board.status.value)
    form.refresh()
    desk.start("map")
    form.refresh()
    assert find(form.widget, "st-param-step")
    with pytest.raises(LookupError):
        find(form.widget, "st-param-centre")
    assert "0.1 to 10 um" in text_of(form.widget)


def test_the_lease_says_who_holds_it_and_can_be_released_and_taken(form, desk):
    assert "you hold it" in text_of(form.widget)
    find(form.widget, "st-lease-release").click()
    form.refresh()
    assert "nobody holds it" in text_of(form.widget)
    assert "Take the lease to steer" in text_of(form.widget)
    find(form.widget, "st-lease-take").click()
    form.refresh()
    assert desk.board.status.value.lease.holder == "ana"


def test_somebody_elses_lease_is_named(form, desk):
    from dataclasses import replace

    desk.board.status.set(replace(desk.board.status.value, lease=Lease("<b>bo</b>", 0.0)))
    form.refresh()
    assert "held by &lt;b&gt;bo&lt;/b&gt;" in text_of(form.widget)
    write(form, "exposure", "1")
    apply(form)
    assert "The lease is held by" in text_of(form.widget)


def test_an_agents_mode_is_shown_and_can_be_set(form, desk):
    def chosen():
        modes = {mode: find(form.widget, f"st-mode-recentre-{mode}") for mode in ("off", "suggest", "automatic")}
        return [mode for mode, one in modes.items() if "st-chosen" in one._dom_classes]

    assert chosen() == ["suggest"]
    find(form.widget, "st-mode-recentre-automatic").click()
    assert desk.board.modes.value == {"recentre": "automatic"}
    assert chosen() == ["suggest"], "what holds is what the session says"
    form.refresh()
    assert chosen() == ["automatic"]
    desk.set_mode("recentre", "off")
    form.refresh()
    assert chosen() == ["off"]


def test_an_agent_that_can_do_nothing_now_says_why_in_place_of_its_modes(form, desk):
    row = find(form.widget, "st-mode-recentre")
    modes = find(row, "st-modes")
    assert modes.layout.display != "none"
    desk.board.idle.set({"recentre": "It steers <centre>, which this scan does not have."})
    form.refresh()
    assert "It steers &lt;centre&gt;, which" in text_of(row)
    assert modes.layout.display == "none"
    desk.board.idle.set({})
    form.refresh()
    assert modes.layout.display != "none"


def test_a_suggestion_is_shown_with_its_reason_and_can_be_accepted(form, desk):
    desk.suggest()
    form.refresh()
    assert "Set centre to 0.221 deg" in text_of(form.widget)
    assert "off the middle" in text_of(form.widget)
    find(form.widget, "st-accept").click()
    form.refresh()
    assert desk.actions == [SetParameter("centre", 0.221)]
    with pytest.raises(LookupError):
        find(form.widget, "st-accept")


def test_a_field_has_its_text_when_its_row_is_made_so_that_nothing_is_written_into_what_is_typed():
    writes = []
    row = ParameterRow(Parameter("exposure", "s", 0.25, 0.01, 5.0, 2.0, "Exposure of one frame", 3))
    assert row.entry.text == "0.25"
    row.entry.field.observe(lambda change: writes.append(change["new"]), "value")
    row.write(Parameter("exposure", "s", 0.25, 0.01, 5.0, 2.0, "Exposure of one frame", 3), None, 0)
    assert (writes, row.changed) == ([], False)
