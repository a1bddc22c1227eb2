"""What is killed comes back, and a run that was cut off is closed, said, and gone on with."""

import json
import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest

import steering
from steering.beamline.embedded import find_service
from steering.core.action import Abort
from steering.core.errors import SteeringError
from steering.core.workspace import Workspace
from steering.machine.secret_file import write_secret
from steering.service.cut_off import REASON
from tests.processes import left_behind, of_workspace
from tests.thorough import rare

pytestmark = pytest.mark.system
SOON = 240.0


@pytest.fixture
def place(tmp_path):
    made = Workspace(tmp_path / "workspace")
    yield made
    left = left_behind(of_workspace(made))
    assert not left, left


def until(condition, what, seconds=SOON):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"{what} did not happen within {seconds:g} s"
        time.sleep(0.1)
    return found


def test_a_service_that_is_killed_in_a_scan_loses_nothing_and_the_next_goes_on(place):
    session = steering.open(workspace=place, speed=20.0)
    run = session.start("rocking", step=0.02, exposure=2.0)
    session.board.status.wait(lambda status: status.points_done >= 6, SOON)
    service = int(find_service(place)["pid"])
    os.kill(service, signal.SIGKILL)
    session.board.status.wait(lambda status: status.state == "offline", SOON)
    other = steering.open(workspace=place, speed=20.0)
    try:
        message = other.board.status.wait(lambda status: bool(status.message), SOON).message
        assert f"The run {run[:8]} (rocking) was cut off after " in message
        # The session that was open finds the new service by the workspace.
        session.board.status.wait(lambda status: status.state == "idle", SOON)
        stop = until(lambda: _stop(other, run), "the stop of the run that was cut off")
        assert (stop["exit_status"], stop["reason"]) == ("fail", REASON)
        before = other.record[run]["primary"]["th"].values
        rest = other.go_on(run, exposure=0.1)
        other.wait(SOON)
        until(lambda: _stop(other, rest), "the end of the rest")
        kept = other.record[rest]
        assert kept.start["continues"] == run
        after = kept["primary"]["th"].values
        assert len(before) + len(after) == 51
        assert np.unique(np.round(np.concatenate([before, after]), 3)).size == 51
        assert (kept["primary"]["exposure"].values == 0.1).all()
    finally:
        session.close()
        other.shutdown()


def _record(service):
    """Find the record's process."""
    living = [one for one in service.children() if one.status() != psutil.STATUS_ZOMBIE]
    (found,) = [one for one in living if "steering.archive" in one.cmdline()]
    return found


def _stop(session, run):
    try:
        return session.record[run].stop
    except (KeyError, steering.core.errors.SteeringError):
        return None


def test_a_record_that_is_killed_comes_back_with_what_the_journal_holds(place):
    session = steering.open(workspace=place, speed=20.0)
    try:
        first = session.start("rocking", step=0.1)
        session.wait(SOON)
        until(lambda: _stop(session, first), "the first run in the record")
        service = psutil.Process(int(find_service(place)["pid"]))
        _record(service).kill()
        said = session.board.status.wait(lambda status: "The record's process ended" in status.message, SOON).message
        assert "Once so far; nothing is lost" in said
        second = session.start("rocking", step=0.1)
        session.wait(SOON)
        until(lambda: _stop(session, second), "the second run in the record")
        assert session.record[second]["primary"].sizes["event"] == 11
    finally:
        session.shutdown()


def test_simulated_iocs_that_end_are_started_again_and_the_scan_waits_and_says_so(place):
    session = steering.open(workspace=place, speed=20.0, record=False)
    try:
        # Found before the scan begins: on a busy machine that may take as long as the scan.
        (iocs,) = [one for one in of_workspace(place) if "steering.sim" in one.cmdline()]
        session.start("rocking", step=0.02, exposure=2.0)
        session.board.status.wait(lambda status: status.points_done >= 5, SOON)
        iocs.kill()
        status = session.board.status.wait(lambda status: status.state == "paused", SOON)
        assert "Paused by the beamline" in status.why
        until(lambda: "Once so far" in session.board.status.value.message, "the word of it")
        message = session.board.status.value.message
        assert message.startswith("The simulated beamline's process ended (exit code ")
        assert "abort a scan that waits, and start it again" in message
        measured = session.board.status.value.points_done
        session.propose(Abort("the IOCs were restarted"))
        status = session.board.status.wait(lambda status: not status.scanning, SOON)
        assert (status.ended.status, status.ended.points) == ("abort", measured)

        def started():
            try:
                return session.start("rocking", step=0.1)
            except SteeringError as error:
                # Channel Access looks for an IOC that was gone ever more rarely: until it is found each start says so.
                if "does not answer" not in str(error):
                    raise
                return ""

        second = until(started, "a start with the new IOCs")
        session.wait(SOON)
        assert session.exit_status(second) == "success"
        assert session.board.result.value.provenance.frames == 11
    finally:
        session.shutdown()


# A closed terminal ends it as an order does.
@pytest.mark.parametrize("way", [signal.SIGTERM, rare(signal.SIGHUP)])
def test_who_comes_while_a_service_is_ending_has_the_next_one(place, way):
    session = steering.open(workspace=place, speed=20.0, record=False)
    try:
        run = session.start("rocking", step=0.02, exposure=2.0)
        session.board.status.wait(lambda status: status.points_done >= 3, SOON)
        service = int(find_service(place)["pid"])
        waiting = ThreadPoolExecutor(1)
        heard = waiting.submit(session.board.status.wait, lambda status: status.ended.run == run, SOON)
        waiting.shutdown(wait=False)
        os.kill(service, way)
        # Whether it has heard the order yet or not.
        with steering.open(workspace=place, speed=20.0, record=False) as other:
            assert int(find_service(place)["pid"]) != service
            # Whoever listened heard the end of the scan too.
            (journal,) = place.journal.glob("*.jsonl")
            kept = [json.loads(line)["content"] for line in journal.read_bytes().splitlines()]
            points = sum("th" in content.get("data", ()) for content in kept)
            whole = session.board.result.wait(lambda result: result.provenance.frames >= points, SOON)
            assert (whole.provenance.run, whole.provenance.frames) == (run, points)
            ended = heard.result(SOON).ended
            assert (ended.status, ended.points) == ("abort", points)
            other.start("rocking", step=0.1)
            other.wait(SOON)
            assert other.board.result.value.provenance.frames == 11
    finally:
        session.shutdown()


def test_a_scheduler_that_hangs_is_replaced_and_the_run_analysed_again(place):
    session = steering.open(workspace=place, speed=20.0, record=False)
    try:
        run = session.start("rocking", step=0.02, exposure=1.0)
        session.board.status.wait(lambda status: status.points_done >= 6, SOON)
        (scheduler,) = [one for one in of_workspace(place) if "steering.cluster.scheduler" in one.cmdline()]
        os.kill(scheduler.pid, signal.SIGSTOP)
        session.wait(180)
        result = session.board.result.value
        assert (result.provenance.run, result.provenance.frames) == (run, 51)
        assert not scheduler.is_running()
    finally:
        session.shutdown()


def test_an_owner_whose_place_another_login_node_has_taken_ends_and_gives_back_no_job_of_the_other(place):
    session = steering.open(workspace=place, speed=20.0, record=False)
    session.close()
    file = place.run / "compute-local.json"
    known = json.loads(file.read_text())
    try:
        assert known["machine"] == socket.gethostname()
        write_secret(file, known | {"machine": "login-2"})
        until(lambda: zombie(known["pid"]), "the end of the owner")
        # It is the other's file.
        assert json.loads(file.read_text())["machine"] == "login-2"
    finally:
        file.unlink(missing_ok=True)
        session.shutdown()


def zombie(number):
    """Whether a process has ended, collected or not."""
    try:
        return psutil.Process(number).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
