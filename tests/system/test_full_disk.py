"""A disk that fills up in the middle of a scan: the scan waits before anything is lost, and goes on with room."""

import os
import subprocess
import sys

import pytest

import steering
from steering.core.errors import SteeringError
from steering.core.workspace import Workspace
from tests.beamline.site import over
from tests.disks import fill, small_disk
from tests.processes import left_behind, of_workspace

pytestmark = pytest.mark.system
SOON = 240.0


# Only root may mount; what must hold without a disk of its own is in test_steerable.
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a filesystem")


@pytest.fixture
def place(tmp_path):
    """A workspace on a small disk of its own."""
    with small_disk(tmp_path / "disk") as disk:
        made = Workspace(disk / "workspace")
        yield made
        left = left_behind(of_workspace(made))
    assert not left, left


@needs_root
def test_a_home_that_is_read_only_names_the_cure(tmp_path):
    with small_disk(tmp_path / "home", "ro,size=1m") as home:
        environment = {
            name: value for name, value in os.environ.items() if name not in ("STEERING_HOME", "XDG_DATA_HOME")
        }
        for words in (["serve"], ["compute", "start", "local"]):
            done = subprocess.run(
                [sys.executable, "-m", "steering.cli", *words],
                env=environment | {"HOME": str(home)}, capture_output=True, text=True, timeout=240, check=False,
            )  # fmt: skip
            assert done.returncode == 1, done
            assert "Set the environment variable STEERING_HOME to a folder of yours" in done.stderr
            assert "Traceback" not in done.stderr


@needs_root
def test_a_full_disk_makes_the_scan_wait_and_nothing_is_lost(place):
    session = steering.open(workspace=place, speed=20.0)
    file = place.directory.parent / "somebody's data"
    try:
        run = session.start("rocking", step=0.02, exposure=1.0)
        session.board.status.wait(lambda status: status.points_done >= 5, SOON)
        fill(file)
        status = session.board.status.wait(lambda status: status.state == "paused", SOON)
        assert f"The disk of {place.directory} is full (" in status.why
        assert "What was measured is safe. Free some room there, then resume" in status.why
        assert "Error" not in status.why
        assert "<" not in status.why
        # Resumed too early it waits again.
        session.board.rulings.wait(lambda rulings: rulings[-1].kind == "pause", SOON)
        pauses = sum(one.kind == "pause" for one in session.board.rulings.value)
        session.resume()
        session.board.rulings.wait(lambda rulings: sum(one.kind == "pause" for one in rulings) > pauses, SOON)
        session.board.status.wait(lambda status: status.state == "paused", SOON)
        file.unlink()
        session.resume()
        session.board.status.wait(lambda status: not status.scanning, SOON)
        session.wait(SOON)
        assert session.exit_status(run) == "success"
        assert session.board.result.value.provenance.frames == 51
        kept = over(session, run, SOON)
        assert kept["primary"].sizes["event"] == 51
        assert kept.frames().shape[0] == 51
        fill(file)
        with pytest.raises(SteeringError, match="is full"):
            session.start("rocking")
        file.unlink()
    finally:
        file.unlink(missing_ok=True)
        session.shutdown()
