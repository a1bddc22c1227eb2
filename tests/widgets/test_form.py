from dataclasses import replace

import pytest

from steering.core.action import Finish, SetParameter
from steering.core.errors import SteeringError
from steering.core.parameter import Parameter
from steering.core.source import FollowedSource
from steering.core.status import Lease
from steering_widgets.panels.form import SteeringForm
from steering_widgets.panels.row import ParameterRow
from tests.widgets.fake import ROCKING, FakeDesk
from tests.widgets.views import find, refreshed, text_of


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
    assert "0.01 to 5\u00a0s, at most 2\u00a0s at a time" in text
    assert "<b>0.25</b> s" in text
    assert find(form.widget, "st-param-exposure").value == "0.25"


def test_what_would_be_refused_is_marked_before_anybody_is_asked(form, desk):
    row = find(form.widget, "st-param-exposure-row")
    for text, beyond in (("99", True), ("", False), ("3", True), ("much", False), ("1.5", False), ("-1", True)):
        write(form, "exposure", text)
        form.refresh()
        # 3 s is within the limits, and too far away for one step.
        assert ("st-beyond" in row._dom_classes) is beyond, text
    find(form.widget, "st-clear").click()
    form.refresh()
    assert "st-beyond" not in row._dom_classes
    assert desk.actions == []


def test_apply_proposes_what_was_changed_and_nothing_else(form, desk):
    write(form, "exposure", "1.5")
    apply(form)
    assert desk.actions == [SetParameter("exposure", 1.5)]
    assert "1.5 s from the next point" in text_of(form.widget)
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
        ("4", "away from 0.25 s. Allowed: at most 2 s in one step."),
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
    form.refresh()
    assert sentence not in text_of(form.widget), "it is not said of what stands there now"
    apply(form)
    assert desk.board.status.value.pending == {"exposure": 1.0}


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


def shown(form, hook):
    return find(form.widget, hook).layout.display != "none"


def test_what_is_edited_says_what_it_would_change_and_can_be_cleared(form):
    assert not shown(form, "st-clear")
    write(form, "exposure", "1.5")
    write(form, "centre", "0.3")
    form.refresh()
    row = find(form.widget, "st-param-exposure-row")
    assert "0.25 s → 1.5 s" in text_of(row)
    assert "st-edited" in row._dom_classes
    assert find(form.widget, "st-apply").description == "Apply 2 changes"
    find(form.widget, "st-clear").click()
    form.refresh()
    assert find(form.widget, "st-param-exposure").value == "0.25"
    assert "→" not in text_of(row)
    assert "st-edited" not in row._dom_classes
    assert find(form.widget, "st-apply").description == "Apply"
    assert not shown(form, "st-clear")


def test_the_last_change_can_be_taken_back_and_then_the_one_before(form, desk):
    assert not shown(form, "st-undo")
    for text in ("0.5", "1"):
        write(form, "exposure", text)
        apply(form)
        desk.advance()
        form.refresh()
    undo = find(form.widget, "st-undo")
    assert (shown(form, "st-undo"), undo.tooltip) == (True, "Set exposure to 0.5 s again")
    undo.click()
    form.refresh()
    assert desk.actions[-1] == SetParameter("exposure", 0.5)
    assert undo.tooltip == "Set exposure to 0.25 s again"
    undo.click()
    form.refresh()
    assert desk.actions[-1] == SetParameter("exposure", 0.25)
    assert not shown(form, "st-undo")


def test_what_cannot_be_taken_back_stays_and_says_why(form, desk):
    write(form, "exposure", "1")
    apply(form)
    desk.fail = "The beamline service does not answer."
    find(form.widget, "st-undo").click()
    form.refresh()
    assert "does not answer" in text_of(form.widget)
    desk.fail = ""
    find(form.widget, "st-undo").click()
    form.refresh()
    assert desk.board.status.value.pending == {"exposure": 0.25}


def test_another_run_has_nothing_to_take_back(form, desk):
    write(form, "exposure", "1")
    apply(form)
    desk.propose(Finish())
    form.refresh()
    desk.start("map")
    form.refresh()
    assert not shown(form, "st-undo")


def test_what_is_typed_while_a_scan_opens_stays_when_its_run_opens(form, desk):
    desk.propose(Finish())
    form.refresh()
    desk.start("rocking")
    run = desk.board.status.value.run
    desk.board.status.set(replace(desk.board.status.value, state="opening", run=""))
    form.refresh()
    write(form, "exposure", "1.5")
    form.refresh()
    desk.board.status.set(replace(desk.board.status.value, state="running", run=run))
    form.refresh()
    # Nor does a further run of the same plan, or a service that was away for a moment, take it back.
    desk.board.status.set(replace(desk.board.status.value, run="another"))
    form.refresh()
    desk.board.status.set(replace(desk.board.status.value, state="offline"))
    form.refresh()
    desk.board.status.set(replace(desk.board.status.value, state="running"))
    form.refresh()
    assert find(form.widget, "st-param-exposure").value == "1.5"
    apply(form)
    assert desk.actions[-1] == SetParameter("exposure", 1.5)


def test_another_scan_takes_back_what_was_typed_for_the_last(form, desk):
    write(form, "exposure", "1.5")
    form.refresh()
    desk.propose(Finish())
    form.refresh()
    desk.start("rocking")
    form.refresh()
    assert find(form.widget, "st-param-exposure").value == "0.25"


def test_what_is_edited_is_wanted_and_what_is_half_written_is_not(desk):
    wanted = []
    form = SteeringForm(desk, wanted.append)
    form.refresh()
    write(form, "exposure", "1.5")
    write(form, "centre", "-")
    form.refresh()
    assert wanted[-1] == (SetParameter("exposure", 1.5),)
    find(form.widget, "st-clear").click()
    form.refresh()
    assert wanted[-1] == ()
    form.close()


def test_clear_puts_back_what_holds_after_a_refusal(form):
    write(form, "exposure", "99")
    apply(form)
    find(form.widget, "st-clear").click()
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
    assert "thick from the next point" in text_of(row.widget)
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
    assert "0.1 to 10\u00a0µm" in text_of(form.widget)


def test_who_does_not_hold_the_lease_is_told_to_take_it(form, desk):
    desk.release_lease()
    form.refresh()
    assert "Take the lease, above, to steer" in text_of(form.widget)


def test_somebody_elses_lease_refuses_the_change(form, desk):
    desk.board.status.set(replace(desk.board.status.value, lease=Lease("<b>bo</b>", 0.0)))
    write(form, "exposure", "1")
    apply(form)
    assert "The lease is held by" in text_of(form.widget)


def test_a_field_has_its_text_when_its_row_is_made_so_that_nothing_is_written_into_what_is_typed():
    writes = []
    row = ParameterRow(Parameter("exposure", "s", 0.25, 0.01, 5.0, 2.0, "Exposure of one frame", 3))
    assert row.entry.text == "0.25"
    row.entry.field.observe(lambda change: writes.append(change["new"]), "value")
    row.write(Parameter("exposure", "s", 0.25, 0.01, 5.0, 2.0, "Exposure of one frame", 3), None, 0)
    assert (writes, row.changed) == ([], False)


def click(form, hook):
    find(form.widget, hook).click()
    form.refresh()


@pytest.fixture
def idle():
    return FakeDesk()


@pytest.fixture
def start(idle):
    made = SteeringForm(idle)
    made.refresh()
    yield made
    made.close()


def test_whoever_starts_a_scan_sees_it_and_no_earlier_run(start, idle):
    idle.board.source.set(FollowedSource("record"))
    click(start, "st-start")
    assert idle.board.status.value.scanning
    assert idle.board.source.value.name == "documents"


def test_a_scan_starts_also_where_the_earlier_run_stays(start, idle, monkeypatch, caplog):
    def refused():
        raise SteeringError("The source does not end.")

    monkeypatch.setattr(idle, "unfollow", refused)
    idle.board.source.set(FollowedSource("record"))
    click(start, "st-start")
    assert idle.board.status.value.scanning
    assert idle.board.source.value.name == "record"
    assert "the earlier run is still shown: The source does not end." in caplog.text


def test_start_takes_only_what_was_changed_and_the_form_then_steers(start, idle):
    find(start.widget, "st-start-exposure").value = "0.5"
    start.refresh()
    assert "0.25 s → 0.5 s" in text_of(start.widget)
    click(start, "st-start")
    assert idle.started == [("rocking", {"exposure": 0.5})]
    start.refresh()
    assert find(start.widget, "st-param-exposure").value == "0.5"
    assert (shown(start, "st-start"), shown(start, "st-apply")) == (False, True)


def test_the_fields_keep_what_the_last_run_was_started_with_wherever_that_was(start, idle):
    idle.start("rocking", exposure=1.5)  # in a cell
    start.refresh()
    find(start.widget, "st-param-exposure").value = "0.5"
    find(start.widget, "st-apply").click()
    idle.advance(3)
    start.refresh()
    idle.propose(Finish())
    idle.advance()
    start.refresh()
    assert not idle.board.status.value.scanning
    assert "Accepted" not in text_of(start.widget), "that was of the scan that has ended"
    # What it was steered to is another thing than what it was started with.
    assert find(start.widget, "st-start-exposure").value == "1.5"
    assert "0.25 s → 1.5 s" in text_of(start.widget)
    assert find(start.widget, "st-clear").description == "Defaults"
    # What is typed then is newer than the run, also if the scan is told anew.
    find(start.widget, "st-start-exposure").value = "2"
    idle.board.scans.set(tuple(replace(one, sample="Pt") for one in idle.board.scans.value))
    start.refresh()
    assert find(start.widget, "st-start-exposure").value == "2"
    click(start, "st-clear")
    assert find(start.widget, "st-start-exposure").value == "0.25"
    assert not shown(start, "st-clear")


def test_what_is_typed_stays_if_somebody_else_starts_that_scan(start, idle):
    find(start.widget, "st-start-exposure").value = "0.75"
    find(start.widget, "st-start-step").value = "0.0100"
    idle.start("rocking", exposure=1.5, range=0.5, step=0.01)
    start.refresh()
    idle.propose(Finish())
    idle.advance()
    start.refresh()
    values = {name: find(start.widget, f"st-start-{name}").value for name in ("exposure", "range", "step")}
    assert values == {"exposure": "0.75", "range": "0.5", "step": "0.0100"}
    # What came from that run is no draft: the next one replaces it.
    idle.start("rocking", exposure=2.0, range=0.25)
    start.refresh()
    idle.propose(Finish())
    idle.advance()
    start.refresh()
    assert find(start.widget, "st-start-range").value == "0.25"
    assert find(start.widget, "st-start-exposure").value == "0.75"


def test_what_is_typed_after_a_run_stays_when_the_scans_are_told_again(start, idle):
    idle.start("rocking", exposure=1.5)
    start.refresh()
    idle.propose(Finish())
    idle.advance()
    start.refresh()
    for wanted in ("0.75", "0.25"):  # the second is what the file says
        find(start.widget, "st-start-exposure").value = wanted
        # As the service does with each new connection.
        idle.board.scans.set(tuple(idle.board.scans.value))
        start.refresh()
        assert find(start.widget, "st-start-exposure").value == wanted


def test_a_new_page_begins_with_the_scan_that_was_last_and_its_values(idle, request):
    idle.start("map", step=5.0)
    idle.advance(3)
    idle.propose(Finish())
    idle.advance()
    form = SteeringForm(idle)
    request.addfinalizer(form.close)
    form.refresh()
    assert find(form.widget, "st-scan").value == "Dark-field map (26-ID WSe2)"
    assert find(form.widget, "st-start-step").value == "5"
    click(form, "st-start")
    assert idle.started[-1] == ("map", {"step": 5.0})


def test_a_signal_that_no_run_has_set_is_not_put_back_by_the_next(idle, request):
    kelvin = Parameter("temperature", "K", 295.0, 4.0, 500.0, as_read=True)
    rocking, *others = idle.board.scans.value
    idle.board.scans.set((replace(rocking, parameters=(*rocking.parameters, kelvin)), *others))
    form = SteeringForm(idle)
    request.addfinalizer(form.close)
    form.refresh()
    idle.start("rocking", exposure=1.5)
    form.refresh()
    idle.propose(Finish())
    idle.advance()
    # It has been warmed up since.
    warm = replace(kelvin, value=400.0)
    idle.board.scans.set((replace(rocking, parameters=(*rocking.parameters, warm)), *others))
    form.refresh()
    assert find(form.widget, "st-start-temperature").value == "400"
    assert find(form.widget, "st-start-exposure").value == "1.5", "what was typed stays, though the scan is told anew"
    click(form, "st-start")
    assert idle.started[-1] == ("rocking", {"exposure": 1.5})


def test_another_scan_can_be_chosen_and_brings_its_own_parameters(start, idle):
    find(start.widget, "st-scan").value = "Dark-field map (26-ID WSe2)"
    start.refresh()
    find(start.widget, "st-start-step").value = "5"
    click(start, "st-start")
    assert idle.started == [("map", {"step": 5.0})]


def test_a_quick_start_takes_the_fields_of_the_chosen_scan_not_those_still_on_the_screen(start, idle):
    find(start.widget, "st-start-step").value = "0.05"
    find(start.widget, "st-scan").value = "Dark-field map (26-ID WSe2)"
    find(start.widget, "st-start").click()
    assert idle.started == [("map", {})]


def test_a_start_that_is_refused_is_a_sentence_beside_its_field_if_it_is_of_one(start, idle, monkeypatch):
    find(start.widget, "st-start-exposure").value = "fast"
    click(start, "st-start")
    assert "is not a number" in text_of(find(start.widget, "st-start-exposure-row"))
    assert "The scan was not started." in text_of(start.widget)
    find(start.widget, "st-start-exposure").value = "99"

    def refuse(scan, **values):
        raise SteeringError("exposure = 99 s is outside the limits. Allowed: 0.01 to 5 s.")

    monkeypatch.setattr(idle, "start", refuse)
    click(start, "st-start")
    assert "Allowed: 0.01 to 5 s." in text_of(find(start.widget, "st-start-exposure-row"))


def test_a_start_has_no_largest_step_and_a_refusal_is_said_once(start, idle, monkeypatch):
    sentence = "exposure is 99 s. Allowed: 0.01 to 5 s."
    row = find(start.widget, "st-start-exposure-row")
    assert "0.01 to 5\u00a0s" in text_of(row)
    assert "at a time" not in text_of(start.widget)
    # Further away than one step of a scan that runs.
    find(start.widget, "st-start-exposure").value = "4"
    start.refresh()
    assert "st-beyond" not in row._dom_classes
    find(start.widget, "st-start-exposure").value = "99"
    refreshed(start, lambda: sentence in text_of(find(start.widget, "st-outlook")))
    assert "st-beyond" in row._dom_classes

    def refuse(scan, **values):
        raise SteeringError(sentence)

    monkeypatch.setattr(idle, "start", refuse)
    click(start, "st-start")
    assert text_of(start.widget).count(sentence) == 1
    assert sentence in text_of(row)


def test_a_start_while_a_scan_runs_is_a_sentence(start, idle):
    idle.start("rocking")
    find(start.widget, "st-start").click()
    assert "A scan is running." in start._answer.value[0]


def test_two_scans_of_one_title_are_told_apart(start, idle):
    idle.board.scans.set((ROCKING, replace(ROCKING, name="rocking2")))
    start.refresh()
    assert find(start.widget, "st-scan").options == (
        "Rocking curve (34-ID-C scan 54) (rocking)",
        "Rocking curve (34-ID-C scan 54) (rocking2)",
    )


def test_a_service_that_cannot_be_reached_offers_no_start(start, idle):
    idle.board.status.set(replace(idle.board.status.value, state="offline"))
    start.refresh()
    assert (shown(start, "st-start"), shown(start, "st-scan")) == (False, False)
