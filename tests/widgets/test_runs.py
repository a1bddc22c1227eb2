"""The card of runs: found, chosen, laid over the curve, exported and shown again, without a browser."""

import base64
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from bokeh.models import Plot, SaveTool

from steering.archive.run_entry import RunEntry
from steering.core.action import SetParameter
from steering.core.board import Board
from steering.core.errors import SteeringError
from steering.testing.panel import check_panel
from steering_widgets import MapPanel, ScalarsPanel, TrendPanel
from steering_widgets.bokeh_view.view import BokehView
from steering_widgets.plots.array import ArrayPanel
from steering_widgets.plots.curve import CurvePanel
from steering_widgets.plots.lines import LinesPanel
from steering_widgets.plots.look import Look
from steering_widgets.runs.panel import RunsPanel
from steering_widgets.runs.reader import RunReader
from steering_widgets.runs.shown import ShownRun
from steering_widgets.runs.table import path_of, row_of
from tests.widgets.fake import FakeDesk
from tests.widgets.fake_past import curve_result, fill
from tests.widgets.test_lines import curves
from tests.widgets.test_lines import result as lines_result
from tests.widgets.views import Views, find, text_of

FIRST, SECOND, MAP, FAILED, OPEN = "33cc44dd-0003", "44dd55ee-0004", "22bb33cc-0002", "11aa22bb-0001", "55ee66ff-0005"


class Bench:
    """A panel beside a curve, refreshed by hand."""

    def __init__(self, desk, wish=None):
        self.desk = desk
        self.look = Look(desk)
        self.curve = CurvePanel(desk, self.look)
        self.lines = LinesPanel(desk, self.look)
        self.panel = RunsPanel(desk, self.look, self.curve, wish, self.lines)
        self.shown = ShownRun(desk)
        self.table = self.panel._table

    def refresh(self):
        for one in (self.look, self.panel, self.curve, self.lines, self.shown):
            one.refresh()

    def until(self, condition):
        """Refresh until a condition holds: what was read comes from another thread."""
        tick = threading.Event()
        for _ in range(1000):
            self.refresh()
            if condition():
                return
            tick.wait(0.01)
        assert condition()

    def press(self, name):
        find(self.panel.widget, f"st-run-{name}").click()
        self.refresh()

    def choose(self, *runs):
        self.table.picked = list(runs)
        self.refresh()

    @property
    def uids(self):
        return [row["uid"] for row in self.table.rows]

    @property
    def said(self):
        return text_of(find(self.panel.widget, "st-said"))

    def close(self):
        for one in (self.panel, self.curve, self.shown, self.look):
            one.close()


def inside(widget):
    """All widgets in a widget."""
    for child in getattr(widget, "children", ()):
        yield child
        yield from inside(child)


@pytest.fixture
def bench(tmp_path):
    desk = FakeDesk(size=16)
    fill(desk.past)
    desk.past.folder = tmp_path / "exports"
    made = Bench(desk)
    made.until(lambda: len(made.table.rows) == 5 and "reading" not in text_of(made.panel.widget))
    yield made
    made.close()


def test_it_keeps_the_contract_of_a_panel_where_there_is_no_record():
    check_panel(RunsPanel, SimpleNamespace(board=Board()))
    check_panel(ShownRun, SimpleNamespace(board=Board()))


def test_without_a_record_it_says_so():
    desk = SimpleNamespace(board=Board())
    made = Bench(desk)
    made.until(lambda: made.table.empty == "There is no record here, so no earlier run can be listed.")
    made.close()


def test_runs_stand_newest_first_with_sample_status_points_features_and_a_small_curve(bench):
    assert bench.uids == [OPEN, SECOND, FIRST, MAP, FAILED]
    second = bench.table.rows[1]
    assert (second["scan"], second["sample"], second["status"], second["points"]) == (
        "rocking 6", "Ni pillar", "success", "51",
    )  # fmt: skip
    assert second["features"][0] == ["Peak", "0.2500 ± 0.0012 °"]
    assert second["features"][1][0] == "FWHM"
    assert second["curve"].count("L") == 39
    assert bench.table.rows[0]["when"] == "not known"
    assert bench.table.rows[3]["curve"] == ""
    # The map has a small map in its place.
    levels = base64.b64decode(bench.table.rows[3]["levels"])
    assert (bench.table.rows[3]["columns"], len(levels)) == (8, 48)
    assert (levels[40], levels[7]) == (1, 255)
    assert (second["columns"], second["levels"]) == (0, "")


def test_all_words_are_searched_for_and_what_is_chosen_stays(bench):
    bench.choose(MAP)
    search = find(bench.panel.widget, "st-run-search")
    search.value = "ni success"
    bench.until(lambda: bench.uids == [MAP, SECOND, FIRST])
    bench.choose()
    search.value = "33cc"
    bench.until(lambda: bench.uids == [FIRST])
    search.value = "nothing <b>"
    bench.until(lambda: bench.uids == [])
    assert bench.table.empty.startswith("No run has all of “nothing <b>”.")
    search.value = ""
    bench.until(lambda: len(bench.uids) == 5)
    assert bench.table.empty == ""
    bench.choose(MAP)
    search.value = "nothing <b>"
    # What is chosen is no answer to what is searched for.
    bench.until(lambda: bench.uids == [MAP] and bench.table.empty.startswith("No run has all of"))


def test_a_record_that_fails_is_said_and_read_again_with_the_next_search(bench):
    bench.desk.past.fail = "The record cannot be read (ConnectError). Try again."
    search = find(bench.panel.widget, "st-run-search")
    search.value = "ni"
    bench.until(lambda: bench.table.empty == bench.desk.past.fail)
    bench.desk.past.fail = ""
    search.value = ""
    bench.until(lambda: len(bench.uids) == 5)


def test_the_list_is_read_anew_when_a_run_begins_and_until_its_result_is_kept(bench):
    asked = len(bench.desk.past.asked)
    run = bench.desk.start("rocking")
    # The record has a run some time after it has begun.
    bench.until(lambda: len(bench.desk.past.asked) > asked + 1)
    bench.desk.past.keep(RunEntry(run, "rocking", 8, label="rocking_curve"))
    bench.until(lambda: bench.uids[0] == run)
    assert bench.table.rows[0]["status"] == "running"
    bench.desk.advance(51)
    bench.refresh()
    # The result is in the record some time after the run has ended.
    bench.desk.past.keep(RunEntry(run, "rocking", 8, label="rocking_curve", status="success"))
    bench.until(lambda: bench.table.rows[0]["status"] == "success")
    bench.desk.past.keep(RunEntry(run, "rocking", 8, label="rocking_curve", status="success"), curve_result(run))
    bench.until(lambda: bench.table.rows[0]["features"] != [])


def test_the_points_of_the_running_run_are_counted_and_not_more_often_than_a_person_reads(bench, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("steering_widgets.runs.panel.time.monotonic", lambda: now[0])
    run = bench.desk.start("rocking")
    bench.desk.advance(3)
    bench.refresh()
    assert bench.table.counted == {"uid": run, "points": "3"}
    bench.desk.advance(5)
    now[0] = 0.9
    bench.refresh()
    assert bench.table.counted["points"] == "3"
    # Also where nothing new has come in the meantime.
    now[0] = 1.0
    bench.refresh()
    assert bench.table.counted["points"] == "8"


def test_two_runs_are_laid_over_the_curve_and_taken_away(bench):
    bench.desk.start("rocking")
    bench.desk.advance(30)
    bench.choose(FIRST, SECOND)
    bench.press("overlay")
    labels = [one.label for one in bench.curve._overlays.value]
    assert labels == ["rocking 5, 33cc44dd", "rocking 6, 44dd55ee"]
    assert "Behind the curve: rocking 5, 33cc44dd and rocking 6, 44dd55ee." in bench.said
    bench.choose(FIRST)
    bench.press("minus")
    assert find(bench.curve.widget, "st-curve-difference").value is True
    assert [one.label for one in bench.curve._overlays.value] == ["rocking 5, 33cc44dd"]
    bench.press("clear")
    assert bench.curve._overlays.value == ()
    assert find(bench.curve.widget, "st-curve-difference").value is False


def test_lines_of_runs_are_laid_behind_lines_in_their_colours_and_taken_away(bench):
    now, before = curves(), curves()
    before["g2"] = before["g2"] - 0.1
    for uid, data in (("77777777", before), ("88888888", curves().drop_vars("g2"))):
        bench.desk.past.keep(RunEntry(uid, "xpcs", 9), lines_result(data))
    bench.desk.board.result.set(lines_result(now))
    find(bench.panel.widget, "st-run-search").value = "xpcs"
    bench.until(lambda: "88888888" in bench.uids)
    bench.choose("77777777")
    bench.press("overlay")
    assert "Behind the lines: xpcs 9, 77777777." in bench.said
    drawn, own = bench.lines._plot._earlier.data, bench.lines._plot._lines.data
    assert drawn["colour"] == own["colour"]
    assert set(drawn["dash"]) == {"dashed"}
    np.testing.assert_allclose(np.array(drawn["ys"]), now["g2"].values - 0.1)
    assert "dashed: xpcs 9, 77777777" in bench.lines._legend.value
    bench.choose("88888888")
    bench.press("overlay")
    assert "Run xpcs 9, 88888888 has no lines like those that are shown (g2 along Delay)." in bench.said
    assert bench.lines._plot._earlier.data["xs"], "what was there stays"
    bench.press("clear")
    assert bench.lines._plot._earlier.data["xs"] == []
    assert "dashed" not in bench.lines._legend.value


def test_the_run_that_is_shown_is_not_laid_behind_itself(bench):
    bench.desk.board.result.set(curve_result(FIRST))
    bench.refresh()
    bench.choose(FIRST, SECOND)
    bench.press("overlay")
    assert [one.label for one in bench.curve._overlays.value] == ["rocking 6, 44dd55ee"]
    bench.choose(FIRST)
    bench.press("overlay")
    assert "The chosen run is the one that is shown." in bench.said
    assert [one.label for one in bench.curve._overlays.value] == ["rocking 6, 44dd55ee"]


def test_of_two_runs_the_first_is_shown_minus_the_second(bench):
    bench.choose(SECOND, FIRST)
    bench.press("minus")
    assert bench.desk.shown == [(SECOND, "", {})]
    assert [one.label for one in bench.curve._overlays.value] == ["rocking 5, 33cc44dd"]
    assert find(bench.curve.widget, "st-curve-difference").value is True
    assert "rocking 6, 44dd55ee minus rocking 5, 33cc44dd." in bench.said


def test_two_runs_without_a_common_axis_have_no_difference(bench):
    bench.choose(MAP, FIRST)
    bench.press("minus")
    assert "What is shown is no curve" in bench.said
    assert bench.curve._overlays.value == ()


def test_a_run_that_does_not_fit_says_why_and_changes_nothing(bench):
    bench.desk.start("rocking")
    bench.desk.advance(30)
    bench.choose(FIRST)
    bench.press("overlay")
    bench.choose(MAP)
    bench.press("overlay")
    assert "Run map 4, 22bb33cc has no curve along one axis" in bench.said
    other = RunEntry("66666666", "energy", 9)
    bench.desk.past.keep(other, curve_result("66666666", axis="energy", units="eV"))
    find(bench.panel.widget, "st-run-search").value = "energy"
    bench.until(lambda: "66666666" in bench.uids)
    bench.choose("66666666")
    bench.press("overlay")
    assert "is along energy in eV, and what is shown along th in °. Choose a run along th." in bench.said
    bench.choose(FAILED)
    find(bench.panel.widget, "st-run-search").value = ""
    bench.until(lambda: FAILED in bench.uids)
    bench.press("overlay")
    assert "keeps no result of run 11aa22bb" in bench.said
    assert [one.label for one in bench.curve._overlays.value] == ["rocking 5, 33cc44dd"]


def test_what_is_chosen_is_said_with_what_it_was_started_with(bench):
    bench.desk.past.keep(RunEntry("77777777-0007", "rocking", 9, settings="step 0.005 deg, exposure 0.25 s"))
    find(bench.panel.widget, "st-run-search").value = "#9"
    bench.until(lambda: any(uid.startswith("77777777") for uid in bench.uids))
    bench.choose("77777777-0007")
    chosen = text_of(find(bench.panel.widget, "st-run-chosen"))
    assert "Chosen: rocking 9, 77777777 (step 0.005 °, exposure 0.25 s)." in chosen


def test_what_is_chosen_is_said_beside_the_buttons_that_act_on_it(bench):
    chosen = find(bench.panel.widget, "st-run-chosen")
    assert chosen.layout.display == "none"
    bench.choose(SECOND, FIRST)
    assert "Chosen: rocking 6, 44dd55ee and rocking 5, 33cc44dd." in text_of(chosen)
    bench.choose()
    bench.desk.start("rocking")
    bench.desk.advance(30)
    bench.refresh()
    assert "No run is chosen. Export writes what the plot shows." in text_of(chosen)


def test_how_a_run_has_ended_or_stands_is_said_in_words(bench):
    assert [row["said"] for row in bench.table.rows] == ["unfinished", "success", "success", "aborted", "failed"]
    find(bench.panel.widget, "st-run-search").value = "failed"
    bench.until(lambda: bench.uids == [FAILED])
    find(bench.panel.widget, "st-run-search").value = ""
    run = bench.desk.start("rocking")
    bench.desk.past.keep(RunEntry(run, "rocking", 8))
    bench.until(lambda: bench.uids[0] == run)
    assert bench.table.rows[0]["said"] == "running"
    bench.desk.board.status.set(replace(bench.desk.board.status.value, state="paused"))
    bench.refresh()
    assert (bench.table.rows[0]["status"], bench.table.rows[0]["said"]) == ("running", "paused")


def test_a_run_is_exported_and_what_is_shown_where_none_is_chosen(bench):
    assert find(bench.panel.widget, "st-run-csv").disabled
    assert find(bench.panel.widget, "st-run-nexus").disabled
    bench.choose(SECOND)
    bench.press("nexus")
    (written,) = bench.desk.past.folder.iterdir()
    assert f"Written to {written.parent}: {written.name}" in bench.said
    assert bench.table.written["paths"] == [str(written)]
    bench.choose()
    bench.desk.start("rocking")
    bench.desk.advance(30)
    bench.refresh()
    bench.press("csv")
    assert len(list(bench.desk.past.folder.glob("*.csv"))) == 1


def test_each_file_of_an_export_is_offered_and_a_run_that_goes_on_has_its_decisions_so_far(bench):
    bench.desk.start("rocking")
    bench.desk.advance(30)
    bench.desk.propose(SetParameter("range", 0.5))
    bench.refresh()
    bench.press("csv")
    paths = [Path(path) for path in bench.table.written["paths"]]
    assert sorted(paths) == sorted(bench.desk.past.folder.iterdir())
    curve, decided = (path.read_text() for path in paths)
    assert f"# decisions: 1, in {paths[1].name}" in curve
    assert "range" in decided
    assert "accepted" in decided
    bench.choose(SECOND, FIRST)
    bench.press("nexus")
    assert [Path(path).suffix for path in bench.table.written["paths"]] == [".nxs", ".nxs"]
    for path in bench.table.written["paths"]:
        with h5py.File(path) as file:
            assert "entry/steering/decision_0001" not in file, "what was decided is of another run"


def test_a_run_is_shown_again_with_how_far_it_is_and_the_beamline_comes_back(bench):
    bench.choose(SECOND)
    bench.press("show")
    assert bench.desk.shown == [(SECOND, "", {})]
    about, back = (find(bench.shown.widget, hook) for hook in ("st-shown-about", "st-shown-back"))
    assert bench.shown.widget.layout.display is None
    assert "rocking, 44dd55ee: 25 of 51 frames analysed. The beamline is not shown, and goes on." in text_of(about)
    assert back.description == "Cancel"
    asked = len(bench.desk.past.asked)
    bench.desk.shown_to_the_end()
    bench.refresh()
    assert "all 51 frames analysed" in text_of(about)
    assert back.description == "Back to the beamline"
    bench.until(lambda: len(bench.desk.past.asked) > asked)
    back.click()
    bench.refresh()
    assert bench.shown.widget.layout.display == "none"
    assert bench.desk.board.source.value.name == "documents"


def test_a_run_is_analysed_again_as_the_card_of_analyses_says(tmp_path):
    desk = FakeDesk(size=16)
    fill(desk.past)
    made = Bench(desk, lambda: ("rocking_curve", {"background": 3.0}))
    made.until(lambda: len(made.uids) == 5)
    made.choose(FIRST)
    made.press("again")
    assert desk.shown == [(FIRST, "rocking_curve", {"background": 3.0})]
    assert "rocking 5, 33cc44dd is analysed again by rocking_curve." in made.said
    desk.fail = "There is no worker."
    made.press("again")
    assert "There is no worker." in made.said
    made.close()


def test_the_address_of_a_page_opens_a_run_once_and_nonsense_opens_none(bench, caplog):
    views = Views(bench.table)
    views.say(run=SECOND, ask="one-1")
    bench.until(lambda: bench.desk.shown == [(SECOND, "", {})])
    # It said so again before it heard that it was heard.
    views.say(run=SECOND, ask="one-1")
    assert [message for message, _ in views.sent][-2:] == [{"ask": "one-1"}, {"ask": "one-1"}]
    for wrong in ("../../etc", 7, None, "x" * 500):
        views.say(run=wrong, ask="two-2")
    for wrong in ("", [1], "a/b"):
        views.say(run=SECOND, ask=wrong)
    bench.refresh()
    assert len(bench.desk.shown) == 1
    assert "names no run" in caplog.text
    views.say(run="zzzz", ask="three-3")
    bench.until(lambda: "keeps no result of run zzzz" in bench.said)


def test_a_link_takes_the_running_scan_from_nobody(bench):
    bench.desk.start("rocking")
    Views(bench.table).say(run=SECOND, ask="one-1")
    bench.until(lambda: "A scan runs. Press Show to look at 44dd55ee" in bench.said)
    bench.until(lambda: bench.table.picked == [SECOND])
    assert bench.desk.shown == []


def test_a_run_that_cannot_be_read_takes_no_other_from_the_list(bench):
    look = bench.desk.past.look

    def fail(entry):
        if entry.uid == FIRST:
            raise SteeringError("The record cannot be read (HTTP 500). Try again.")
        return look(entry)

    bench.desk.past.look = fail
    find(bench.panel.widget, "st-run-search").value = " "
    bench.until(lambda: "not read as a whole: The record cannot be read" in text_of(bench.panel.widget))
    assert len(bench.uids) == 5
    bench.desk.past.look = look
    find(bench.panel.widget, "st-run-search").value = ""
    bench.until(lambda: "not read" not in text_of(bench.panel.widget))


def test_what_a_run_was_compared_with_goes_when_another_is_shown(bench):
    bench.choose(SECOND)
    bench.press("minus")
    assert bench.curve._overlays.value
    bench.press("show")
    assert bench.curve._overlays.value == ()
    assert not find(bench.curve.widget, "st-curve-difference").value


def test_each_plot_offers_to_be_saved_as_a_picture(bench):
    desk = bench.desk
    others = [kind(desk) for kind in (MapPanel, ScalarsPanel, TrendPanel, ArrayPanel)]
    names = []
    for one in (bench.curve, bench.lines, *others):
        (view,) = [part for part in inside(one.widget) if isinstance(part, BokehView)]
        (plot,) = view._document.select({"type": Plot})
        (save,) = [tool for tool in plot.toolbar.tools if isinstance(tool, SaveTool)]
        names.append(save.filename)
    assert names == ["curve", "lines", "map", "columns", "trend", "image"], "what each picture is called"
    for one in others:
        one.close()


def test_a_hostile_entry_is_a_row(bench):
    row = row_of(RunEntry("u", "<b>" * 30, sample="<script>", started=1e300), "running")
    assert (row["when"], row["status"], row["points"], row["curve"]) == ("not known", "running", "", "")
    assert path_of(((0.0, 0.0), (1.0, 1.0))) == "M1.0 23.0L95.0 1.0"


def test_a_newer_question_makes_the_older_one_give_up_and_closing_ends_the_thread():
    desk = FakeDesk(size=16)
    fill(desk.past)
    gate, at = threading.Event(), threading.Event()
    look = desk.past.look

    def slow(entry):
        at.set()
        gate.wait(30)
        return look(entry)

    desk.past.look = slow
    reader = RunReader(lambda: desk.past)
    reader.ask("ni")
    assert at.wait(30)
    reader.ask("map")
    gate.set()
    reader.listing.wait(lambda listing: listing.text == "map" and not listing.reading, 30)
    reader.ask("", "a run that never ends")
    reader.listing.wait(lambda listing: listing.text == "" and not listing.reading, 30)
    reader.close()
    reader.ask("after the end")
    reader._doing.shutdown(wait=True)
    assert "after the end" not in desk.past.asked


def test_a_desk_that_has_gone_is_a_sentence():
    def gone():
        raise SteeringError("This session was deleted.")

    reader = RunReader(gone)
    reader.ask("")
    listing = reader.listing.wait(lambda listing: bool(listing.said), 30)
    assert listing.said == "This session was deleted."
    reader.close()


def test_a_record_that_holds_nonsense_is_a_sentence_and_read_again():
    class Broken:
        def forget(self, run):
            raise ValueError("no such column")

    reader = RunReader(Broken)
    reader.ask("")
    said = reader.listing.wait(lambda listing: not listing.reading, 20)
    assert said.said == "This could not be done: no such column (value error)."
    reader.close()
