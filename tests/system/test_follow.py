"""A session that follows other sources than the beamline's documents."""

import math
import re
import subprocess
import sys
from threading import Event, Thread

import h5py
import pytest

import steering
from steering.core.errors import SteeringError
from steering.core.workspace import Workspace
from steering.sim.data import fetch
from steering_widgets import Dashboard
from tests.processes import left_behind, of_workspace
from tests.widgets.views import find, text_of

pytestmark = pytest.mark.system


def command(name, workspace):
    words = [sys.executable, "-m", "steering.cli", name, "--workspace", str(workspace.directory)]
    return subprocess.run(words, check=False, capture_output=True, text=True, timeout=240)


def test_the_recorded_usaxs_runs_are_replayed_in_a_session(session):
    session.follow("replay", analysis="scalars", path=fetch("bluesky_usaxs/usaxs.json.gz"), speed=math.inf)
    source = session.board.source.wait(lambda source: source.status.state == "ended", 180)
    assert (source.name, source.failure, source.last_rejection) == ("replay", "", "")
    assert (source.status.frames, source.status.rejected, source.status.missed) == (152, 0, 0)
    runs = session.board.runs.wait(lambda runs: sum(run.events for run in runs) == 172, 180)
    assert len(runs) == 10
    assert {run.status for run in runs} <= {"success", "abort", "fail"}
    assert all(run.started > 1e9 and run.plan for run in runs)
    last = [run for run in runs if run.frames][-1]
    result = session.board.result.wait(
        lambda result: (
            result is not None and (result.provenance.run, result.provenance.frames) == (last.uid, last.frames)
        ),
        60,
    )
    assert result.outcome.data.sizes["event"] == last.frames
    assert session.board.notice.value == ""
    dashboard = Dashboard(session)
    try:
        shown = text_of(find(dashboard.widget, "st-panel-source"))
        assert "10 runs, 172 events" in shown
        assert all(run.uid[:8] in shown for run in runs)
        assert find(dashboard.widget, "st-panel-scalars").layout.display is None
    finally:
        dashboard.close()
    session.unfollow()
    assert session.board.source.value.name == "documents"
    assert session.board.result.value is None or session.board.result.value.provenance.analysis != "scalars"


def test_a_growing_file_is_followed_and_its_frames_are_looked_at_again(session, tmp_path):
    path, more, done = tmp_path / "growing.h5", Event(), Event()

    def write():
        with h5py.File(path, "w", libver="latest") as file:
            data = file.create_dataset("entry/data/data", (0, 8, 6), "u2", maxshape=(None, 8, 6), chunks=(1, 8, 6))
            file.swmr_mode = True
            for index in range(30):
                if index == 20:
                    more.wait(300)
                data.resize(index + 1, axis=0)
                data[index] = index
                data.flush()
            done.wait(300)

    writer = Thread(target=write)
    writer.start()
    try:
        session.follow("hdf5", analysis="scalars", path=path)
        # The end of the run is not known: frames are looked at while it goes on.
        session.board.span.wait(lambda span: span.stop == 20, 180)
        assert (session.frame_at(7).pixels == 7).all()
        live = session.board.frame.wait(lambda frame: frame is not None and frame.number == 19, 180)
        assert (live.pixels == 19).all()
        with pytest.raises(SteeringError, match="Frame 25 cannot be looked at: frames 0 to 19"):
            session.frame_at(25)
        more.set()
        session.board.span.wait(lambda span: span.stop == 30, 180)
        session.board.result.wait(lambda result: result is not None and result.provenance.frames == 30, 180)
        session.board.trend.wait(lambda trend: len(trend.frames) and trend.frames[-1] == 30, 180)
        counts = session.board.latency.wait(lambda latency: latency.counts.analysed == 30, 180).counts
        assert (counts.came, counts.doubled, counts.failed) == (30, 0, 0)
    finally:
        more.set()
        done.set()
        writer.join()
        session.unfollow()
    assert session.board.source.value.name == "documents"


def test_what_cannot_be_followed_is_said_and_changes_nothing(session):
    before = session.board.source.value.name
    with pytest.raises(SteeringError, match="no 'camera' among the sources"):
        session.follow("camera", analysis="scalars")
    with pytest.raises(SteeringError, match="no 'nothing' among the analyses"):
        session.follow("hdf5", analysis="nothing", path="a.h5")
    assert session.board.source.value.name == before


def test_a_channel_that_is_not_there_is_waited_for_and_nothing_is_left_behind(session):
    before = set(of_workspace(session.workspace))
    session.follow("pva", analysis="scalars", channel="NOBODY:Pva1:Image", outlive=False)
    # The ingest itself says so: it is there, and must end with the source.
    source = session.board.source.wait(lambda source: "is its server running?" in source.status.detail, 180)
    assert "The channel NOBODY:Pva1:Image is not connected" in source.status.detail
    ingest = [process for process in of_workspace(session.workspace) if process not in before]
    assert ingest
    session.unfollow()
    assert left_behind(ingest) == []


def test_one_command_ends_all_that_runs_in_a_workspace(tmp_path):
    workspace = Workspace(tmp_path / "workspace")
    mine = steering.open(workspace=workspace, speed=20.0, record=False)
    mine.follow("pva", analysis="scalars", channel="NOBODY:Pva1:Image")
    mine.board.source.wait(lambda source: "is its server running?" in source.status.detail, 180)
    processes = of_workspace(workspace)
    mine.close()
    checked = command("check", workspace).stdout
    assert re.search(r"ready +ingest NOBODY:Pva1:Image +waiting, process \d+, 0 MB in memory, 0 MB on disk", checked)
    done = command("stop", workspace)
    assert done.returncode == 0, done.stderr
    for what in ("the beamline service", "the ingest of NOBODY:Pva1:Image", "the compute owner of local", "Ended: 3."):
        assert what in done.stdout
    assert left_behind(processes) == []
    assert command("stop", workspace).stdout == f"Ended: 0. Nothing runs in {workspace.directory} any more.\n"


def test_a_shutdown_ends_what_was_followed_too(tmp_path):
    workspace = Workspace(tmp_path / "workspace")
    mine = steering.open(workspace=workspace, speed=20.0, record=False)
    mine.follow("pva", analysis="scalars", channel="NOBODY:Pva1:Image")
    mine.board.source.wait(lambda source: "is its server running?" in source.status.detail, 180)
    processes = of_workspace(workspace)
    mine.shutdown()
    assert left_behind(processes) == []
