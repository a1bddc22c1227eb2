"""The fault matrix: a scan runs on the embedded beamline, and one process is killed, stopped for 40 s, or terminated.

``python -m benchmarks.faults [FILE.json] [CASE ...]``: for each case it prints how many points and frames were lost,
and how many counted twice, how long it took until all worked again, and how many processes were left in the end.
"""

import json
import signal
import sys
import tempfile
import time
from pathlib import Path

import psutil

import steering
from steering.beamline.embedded import find_service
from steering.core.errors import SteeringError
from steering.core.workspace import Workspace
from tests.processes import left_behind, of_workspace

SPEED, POINTS, STOPPED_SECONDS, PATIENCE = 5.0, 101, 40.0, 180.0
VICTIMS = {
    "worker": "steering.compute.worker",
    "scheduler": "steering.compute.scheduler",
    "owner": "steering.compute.owner",
    "record": "steering.archive",
    "service": "steering.beamline",
    "IOC": "steering.sim",
}
WAYS = {"killed": signal.SIGKILL, "stopped 40 s": signal.SIGSTOP, "terminated": signal.SIGTERM}
# A simulated beamline that is gone is gone with its service: real ones are not ours to start again.
NOT_OURS = ("IOC killed", "IOC terminated")
CASES = [case for victim in VICTIMS for way in WAYS if (case := f"{victim} {way}") not in NOT_OURS]


def main(arguments):
    """Measure and print."""
    file = arguments[0] if arguments else ""
    rows = []
    for case in arguments[1:] or CASES:
        rows.append(measure(case))
        row = rows[-1]
        print(
            f"{row['case']:22} points {row['points']:4} (lost {row['points_lost']}), frames lost {row['frames_lost']}, "
            f"twice {row['twice']}, again after {row['again_s']:5.1f} s, processes left {row['left']}. {row['said']}",
            flush=True,
        )
    if file:
        Path(file).write_text(json.dumps(rows, indent=1))
    return 1 if any(row["points_lost"] or row["frames_lost"] or row["twice"] or row["left"] for row in rows) else 0


def measure(case):
    """Make one fault, and say what became of the scan."""
    victim, _, way = case.partition(" ")
    with tempfile.TemporaryDirectory(prefix="steering-") as folder:
        place = Workspace(Path(folder))
        session = steering.open(workspace=place, speed=SPEED)
        try:
            row = _scanned(session, place, victim, WAYS[way])
        finally:
            processes = of_workspace(place)
            session.shutdown()
        return {"case": case, **row, "left": len(left_behind(processes))}


def _scanned(session, place, victim, how):
    run = session.start("rocking", step=1.0 / (POINTS - 1), exposure=0.5)
    session.board.status.wait(lambda status: status.points_done >= 20, PATIENCE)
    found = _find(place, VICTIMS[victim])
    found.send_signal(how)
    at = time.monotonic()
    if how == signal.SIGSTOP:
        time.sleep(STOPPED_SECONDS)
        if found.is_running():
            found.send_signal(signal.SIGCONT)
    runs = [run]
    if victim == "service" and how != signal.SIGSTOP:
        runs += _gone_on(session, place, run)
    again = _works(session, place, VICTIMS[victim]) - at
    said = " ".join(filter(None, (session.board.status.value.message, session.board.notice.value)))
    while session.board.status.value.scanning:
        if session.board.status.value.state == "paused":
            session.resume()
        time.sleep(0.5)
    session.wait(PATIENCE)
    kept = [_recorded(session, one) for one in runs]
    points = sum(kept)
    # A service that is terminated ends its scan in order: what it had measured is complete.
    wanted = POINTS if session.exit_status(runs[-1]) == "success" else points
    result = session.board.result.value
    frames = result.provenance.frames if result is not None else 0
    counts = session.board.latency.value.counts
    return {
        "points": points,
        "points_lost": wanted - points,
        "frames_lost": kept[-1] - frames if len(runs) > 1 or wanted == POINTS else 0,
        "twice": counts.doubled,
        "again_s": again,
        "said": said[:160],
    }


def _gone_on(session, place, run):
    """The service is gone with its scan: another is started, and goes on with the rest."""
    other = steering.open(workspace=place, speed=SPEED)
    other.close()
    session.board.status.wait(lambda status: status.state == "idle", PATIENCE)
    try:
        return [session.go_on(run)]
    except SteeringError as error:
        # It was terminated in good order: its scan is aborted, and there is nothing to go on with.
        print(f"  ! {error}")
        return []


def _works(session, place, module):
    """Wait until the process is there and the scan moves, or has ended; say when that was."""
    deadline = time.monotonic() + PATIENCE
    done = session.board.status.value.points_done
    while time.monotonic() < deadline:
        status = session.board.status.value
        if status.state == "paused":
            session.resume()
        moved = status.points_done > done or not status.scanning
        result = session.board.result.value
        if moved and (result is not None and result.provenance.frames >= done) and _living(place, module):
            return time.monotonic()
        time.sleep(0.1)
    raise SystemExit(f"nothing works again: {session.board.status.value}")


def _living(place, module):
    found = []
    for one in of_workspace(place):
        try:
            if one.status() != psutil.STATUS_ZOMBIE and module in one.cmdline():
                found.append(one)
        except psutil.NoSuchProcess:
            continue
    return found


def _find(place, module):
    service = find_service(place)
    if module == "steering.beamline" and service is not None:
        return psutil.Process(int(service["pid"]))
    return _living(place, module)[0]


def _recorded(session, run):
    """Wait until a run is in the record; count its points."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            kept = session.record[run]
            if kept.stop is not None:
                return int(kept["primary"].sizes["event"])
        except (SteeringError, KeyError):
            pass
        time.sleep(0.5)
    raise SystemExit(f"the run {run} is not in the record")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
