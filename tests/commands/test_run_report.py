"""What a report says of a scan is that scan's own."""

from types import SimpleNamespace

import xarray as xr

from steering.commands.run_report import report_of
from steering.core.board import Board
from steering.core.result import Feature, Outcome, Provenance, Result
from steering.core.status import BeamlineStatus


def test_a_scan_without_a_result_has_no_frames_of_the_one_before():
    board = Board()
    source = Provenance("one", "rocking_curve", {}, "0", "0.1", "local", 81, 80, label="curve")
    before = Result(1, Outcome({"fwhm": Feature(0.05, 0.01, "deg")}, xr.Dataset()), source)
    board.results.set({"curve": before})
    board.result.set(before)
    board.status.set(BeamlineStatus("idle", run="two", scan="rocking"))
    session = SimpleNamespace(board=board, exit_status=lambda _: "abort")
    assert report_of(session, "one")["frames"] == 81
    report = report_of(session, "two")
    assert (report["frames"], report["features"], report["results"]) == (0, {}, {})
