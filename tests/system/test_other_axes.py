"""A beamline whose axes have names of their own: results, suggestions and labels are of these."""

import time
from contextlib import suppress

import numpy as np
import pytest

from steering.analyses.centre_of_mass import CentreOfMass
from steering.analyses.rocking_curve import RockingCurve
from steering.contract.outcome import require_same
from steering.core.block import FrameBlock
from steering.core.errors import SteeringError
from steering.session.session import Session
from tests.beamline.site import embedded, over, session_at

pytestmark = pytest.mark.system


def renamed():
    """The embedded beamline with axes eta, x and y, as another beamline calls them."""
    description = embedded()
    motors = description["motors"]
    description["motors"] = {"eta": motors["th"], "x": motors["sx"], "y": motors["sy"]}
    rocking, grid = description["scans"]
    rocking["axis"] = "eta"
    rocking["analyses"] = [
        "rocking_curve",
        {"analysis": "centre_of_mass", "label": "spot", "parameters": {"kept": 30}},
        {"analysis": "scalars", "label": "columns"},
    ]
    rocking["agents"] = [
        {"agent": "recentre", "label": "centre", "of": "rocking_curve"},
        {"agent": "recentre", "label": "wide", "of": "rocking_curve", "parameters": {"widths": 5}},
    ]
    grid["area"] = {"y": [-6.0, 6.0], "x": [-5.0, 5.0]}
    description["scans"].append(
        {
            "plan": "spec", "name": "mesh", "title": "Mesh", "before": {"STEER:det:sample": "map"},
            "spec": {
                "type": "Product",
                "outer": {"type": "Linspace", "axis": "y", "start": -6.0, "stop": 6.0, "num": "$rows"},
                "inner": {
                    "type": "Snake",
                    "spec": {"type": "Linspace", "axis": "x", "start": -5.0, "stop": 5.0, "num": 5},
                },
            },
            "parameters": {
                "rows": {"units": "1", "value": 4, "low": 2, "high": 9, "decimals": 0},
                "exposure": {"units": "s", "value": 0.01, "low": 0.01, "high": 1.0},
            },
        }
    )  # fmt: skip
    return description


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    with session_at(tmp_path_factory.mktemp("other"), renamed()) as opened:
        yield opened


def test_a_curve_along_eta_has_its_peak_and_is_steered_to_it(session: Session):
    session.set_mode("wide", "suggest")
    session.start("rocking", step=0.02, exposure=0.01)
    session.wait(300)
    result = session.board.result.value
    assert result.provenance.parameters["axis"] == "eta"
    assert {"peak", "fwhm", "centre_of_mass"} <= set(result.outcome.features)
    assert result.outcome.features["peak"].units == "deg"
    assert result.outcome.data["eta"].attrs == {"units": "deg", "long_name": "eta"}
    assert abs(result.outcome.features["peak"].value - 0.22) < 0.05
    session.set_mode("wide", "off")
    session.set_mode("centre", "automatic")
    session.start("rocking", exposure=0.01)
    session.wait(240)
    applied = [ruling.subject for ruling in session.board.rulings.value if ruling.accepted]
    assert "range" in applied
    # A whole scan has 201 points.
    assert session.board.result.value.provenance.frames < 150


def test_a_map_of_x_and_y_is_laid_out_along_these(session: Session):
    session.start("map", step=2.5, exposure=0.01)
    session.wait(300)
    result = session.board.result.value
    assert result.provenance.parameters["axes"] == ["y", "x"]
    data = result.outcome.data
    assert data["x"].attrs["units"] == data["y"].attrs["units"] == "um"
    assert set(np.round(data["x"].values)) == {-5, -2, 0, 2, 5}
    assert {"x_at_maximum", "y_at_maximum"} <= set(result.outcome.features)


def test_any_path_is_a_scan_whose_numbers_are_steered(session: Session):
    run = session.start("mesh", exposure=0.2)
    session.board.status.wait(lambda status: status.points_done >= 3, 180)
    assert session.set("rows", 7.0).accepted
    session.wait(300)
    result = session.board.result.value
    assert (result.provenance.run, result.provenance.analysis) == (run, "map_features")
    assert result.provenance.parameters["axes"] == ["y", "x"]
    # The rest is measured on the finer rows.
    rows = sorted(set(np.round(result.outcome.data["y"].values, 3)))
    assert {-6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 6.0} <= set(rows)
    assert session.exit_status(run) == "success"


def test_three_analyses_are_each_what_they_are_alone_and_one_added_in_mid_scan_too(session: Session):
    for agent in ("centre", "wide"):
        session.set_mode(agent, "off")
    run = session.start("rocking", step=0.01, exposure=0.5)
    session.board.status.wait(lambda status: status.points_done > 20, 300)
    assert session.add_analysis("centre_of_mass", label="late", kept=30) == "late"
    assert session.add_analysis("rocking_curve", label="again") == "again"
    with pytest.raises(SteeringError, match=r"has no parameter 'keep'\. It takes: kept"):
        session.add_analysis("centre_of_mass", label="late", keep=3)
    session.wait(240)
    results = session.results
    assert list(results) == ["rocking_curve", "spot", "columns", "late", "again"]
    assert {one.provenance.run for one in results.values()} == {run}
    assert {label: one.provenance.label for label, one in results.items()} == dict(zip(results, results, strict=True))
    require_same(results["late"].outcome, results["spot"].outcome, "bitwise", "added in the middle of the scan")
    require_same(results["again"].outcome, results["rocking_curve"].outcome, "bitwise", "added in the middle")

    # Each is what one pass over the recorded frames gives.
    record = over(session, run)
    events, frames = record["primary"], record.frames().values
    names = [name for name in events.variables if events[name].dtype.kind == "f"]
    columns, units = (
        {name: events[name].values for name in names},
        {name: events[name].attrs["units"] for name in names},
    )
    block = FrameBlock(run, "primary", 0, len(frames), None, columns, units)
    for label, analysis in (("rocking_curve", RockingCurve("eta")), ("spot", CentreOfMass(30))):
        at_once = analysis.result(analysis.update(analysis.empty(), block, frames))
        require_same(at_once, results[label].outcome, "bitwise", f"{label} analysed at once")
    assert results["columns"].outcome.data["eta"].values.tolist() == columns["eta"].tolist()

    # Each has a place in the record.
    deadline = time.monotonic() + 60
    while set(_kept(session, run)) != set(results):
        assert time.monotonic() < deadline, _kept(session, run)
        time.sleep(0.1)
    assert record.provenance("late")["parameters"] == {"kept": 30}
    assert record.features("again") == results["rocking_curve"].outcome.features

    # After the run too.
    assert session.add_analysis("centre_of_mass", label="late", kept=5) == "late"
    session.board.results.wait(lambda results: results["late"].outcome.data.sizes["frame"] == 5, 180)
    session.remove_analysis("late")
    assert "late" not in session.results
    with pytest.raises(SteeringError, match="There is no result 'late' yet"):
        session.results["late"]


def _kept(session, run):
    found = []
    for label in session.results:
        with suppress(SteeringError):
            session.record[run].provenance(label)
            found.append(label)
    return found


class Total:
    """Three functions as a person writes them in a cell."""

    def update(self, state, block, frames):
        return (state or 0) + int(frames.sum())

    def merge(self, left, right):
        return left + right

    def result(self, state):
        return {"total": (float(state), state**0.5)}


def test_what_a_person_writes_in_a_cell_joins_the_running_scan_and_a_fault_in_it_stops_nothing(session: Session):
    for agent in ("wide", "centre"):
        session.set_mode(agent, "off")
    run = session.start("rocking", step=0.01, exposure=0.3)
    session.board.status.wait(lambda status: status.points_done > 5, 300)

    def bright(frame):
        return frame.max()

    def early(frame):
        return frame.min() if frame.max() < 300 else frame["bright"]

    assert session.add_analysis(bright, units="counts") == "bright"
    assert session.add_analysis(Total, units="counts") == "Total"
    with pytest.raises(SteeringError, match=r"wrong was not added: it fails for the first frames of this run, 0 to "):
        session.add_analysis(lambda frame: frame["x"], name="wrong")
    assert session.add_analysis(early) == "early"
    session.wait(300)
    results = session.results
    frames = over(session, run).frames()
    whole = np.asarray(frames[:])
    assert results["bright"].outcome.data["bright"].values.tolist() == whole.max(axis=(1, 2)).tolist()
    assert results["Total"].outcome.features["total"].value == whole.sum()
    assert results["Total"].provenance.frames == len(whole)
    # Of the peak it makes nothing: it says for which frames, and the scan and the others went on.
    above = np.flatnonzero(whole.max(axis=(1, 2)) >= 300)
    assert 0 < len(above) < len(whole)
    notice = session.board.notice.value
    assert f"The analysis early failed for {len(above)} frames; the newest: frame {above[-1]}: early fails" in notice
    assert session.exit_status(run) == "success"
