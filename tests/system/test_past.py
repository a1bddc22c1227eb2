"""The card of runs on the whole embedded system: listed, compared, exported, and analysed again."""

import csv
import threading

import h5py
import pytest

import steering
from steering.contract.outcome import require_same
from steering.core.errors import SteeringError
from steering_widgets.plots.curve import CurvePanel
from steering_widgets.plots.look import Look
from steering_widgets.runs.panel import RunsPanel
from steering_widgets.runs.shown import ShownRun
from tests.widgets.views import find, text_of

pytestmark = pytest.mark.system


def test_a_run_is_listed_compared_exported_and_analysed_again(session):
    look = Look(session)
    curve = CurvePanel(session, look)
    panel = RunsPanel(session, look, curve, lambda: ("centre_of_mass", {}))
    try:
        earlier = session.start("rocking", centre=0.22, range=0.1)
        assert session.wait(300) == earlier
        run = session.start("rocking", centre=0.22, range=0.4)
        # However long the record takes to be read for the first time, the run still goes on.
        assert session.pause().accepted
        until((look, panel, curve), lambda: row(panel, run)["status"] == "running")
        assert session.resume().accepted
        assert session.wait(300) == run
        # The end and the result come into the record a moment after the beamline is idle.
        until((look, panel, curve), lambda: len(row(panel, run)["features"]) == 2)
        listed = row(panel, run)
        assert (listed["status"], listed["points"], listed["scan"].split()[0]) == ("success", "81", "rocking")
        assert listed["sample"] == "Bragg coherent crystal"
        assert listed["curve"].count("L") == 39
        live = session.board.result.value
        compared(panel, curve, look, run, earlier)
        exported(session, panel, run)
        again(session, panel, run, live)
    finally:
        session.unfollow()
        for one in (panel, curve, look):
            one.close()


def compared(panel, curve, look, run, earlier):
    """The run before is laid behind the one that is shown; that one is not laid behind itself."""
    panel._table.picked = [run]
    panel.refresh()
    press(panel, "overlay")
    panel.refresh()
    assert "The chosen run is the one that is shown" in text_of(panel.widget)
    assert curve._overlays.value == ()
    until((panel,), lambda: row(panel, earlier)["features"])
    panel._table.picked = [earlier]
    panel.refresh()
    press(panel, "overlay")
    (laid,) = curve._overlays.value
    assert earlier[:8] in laid.label
    assert len(laid.values) == 21
    look.refresh()
    curve.refresh()
    assert f"{laid.label} behind it" in text_of(curve.widget)
    panel._table.picked = [run]
    panel.refresh()


def exported(session, panel, run):
    for kind in ("csv", "nexus"):
        press(panel, kind)
        assert "Written to " in text_of(find(panel.widget, "st-said"))
    decided, table, nexus = sorted(session.past.folder.glob(f"*{run[:8]}*"))
    assert (decided.name, nexus.name) == (f"{table.stem}-decisions.csv", f"{table.stem}.nxs")
    assert session.past.folder == session.workspace.directory / "exports"
    lines = [line for line in table.read_text().splitlines() if not line.startswith("#")]
    assert len(list(csv.DictReader(lines))) == 81
    with h5py.File(nexus) as file:
        assert file["entry/data"].attrs["signal"] == "intensity"
        assert list(file["entry/data"].attrs["axes"]) == ["th"]
        assert file["entry/features/peak"].attrs["units"] == "deg"
        assert file["entry/events/th"].shape == (81,)


def again(session, panel, run, live):
    """As its scan said it is the live result bit for bit; with another analysis it is that one's."""
    press(panel, "show")
    strip = ShownRun(session)
    until((panel, strip), lambda: "all 81 frames analysed" in text_of(find(strip.widget, "st-shown-about")))
    shown = session.board.result.value
    assert shown is not live
    require_same(shown.outcome, live.outcome, "bitwise", "shown again from the record")
    press(panel, "again")
    session.board.result.wait(
        lambda one: one is not None and (one.provenance.analysis, one.provenance.frames) == ("centre_of_mass", 81), 120
    )
    assert [one.name for one in session._writer._shown_source._beside] == ["record"]
    find(strip.widget, "st-shown-back").click()
    strip.close()
    assert session.board.result.value.provenance.label == "rocking_curve"
    with pytest.raises(SteeringError, match="runs in the record begins with 'zzzz'"):
        session.show("zzzz")
    with pytest.raises(SteeringError, match="has no parameter 'colour'"):
        session.show(run, "rocking_curve", colour=1)
    assert session.board.source.value.name == "documents"


def test_a_guest_lists_reads_and_shows_a_run_through_the_service(session, place):
    run = session.start("rocking", centre=0.22, range=0.2)
    session.wait(300)
    with steering.open(**session.invite("ben"), facility="local", workspace=place) as guest:
        until((), lambda: guest.past.entry(run).features)
        entry = guest.past.entry(run[:8])
        assert (entry.uid, entry.points, entry.status) == (run, 41, "success")
        guest.show(run)
        guest.board.source.wait(lambda source: (source.name, source.status.state) == ("record", "ended"), 120)
        guest.board.result.wait(lambda one: one is not None and one.provenance.frames == 41, 120)


def row(panel, run):
    nothing = {"status": "", "features": []}
    return next((one for one in panel._table.rows if one["uid"] == run), nothing)


def press(panel, name):
    find(panel.widget, f"st-run-{name}").click()
    panel.refresh()


def until(panels, condition):
    """Refresh until a condition holds: what is read comes from another thread."""
    tick = threading.Event()
    for _ in range(6000):
        for panel in panels:
            panel.refresh()
        if condition():
            return
        tick.wait(0.02)
    assert condition()
