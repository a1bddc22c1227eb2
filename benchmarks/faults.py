"""The fault matrix: a scan runs on the embedded beamline, and something that it needs dies, hangs, fills up or is late.

``python -m benchmarks.faults [FILE.json] [CASE ...]``: each process of a session is killed, stopped for 40 s, and
terminated; the workspace's disk is filled and freed; a batch system's answers are lost, late, or refusals, just when
its job is gone. For each case it prints how many points and frames were lost, how many counted twice, how many jobs
were submitted twice, how long it took until all worked again, and how many processes and jobs were left in the end.
"""

import json
import signal
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

import psutil

import steering
from benchmarks.fault_scan import PATIENCE, POINTS, SPEED, account, finished, recorded, start
from benchmarks.faults_outside import answers, disk_full
from steering.beamline.embedded import find_service
from steering.core.action import Abort
from steering.core.errors import SteeringError
from steering.core.workspace import Workspace
from tests.processes import left_behind, of_workspace

STOPPED_SECONDS = 40.0
VICTIMS = {
    "worker": "steering.cluster.workers",
    "scheduler": "steering.cluster.scheduler",
    "owner": "steering.pools.owner",
    "record": "steering.archive",
    "service": "steering.beamline",
    "IOC": "steering.sim",
}
WAYS = {"killed": signal.SIGKILL, "stopped 40 s": signal.SIGSTOP, "terminated": signal.SIGTERM}
BAD = ("points_lost", "frames_lost", "twice", "doubled", "left")


def main(arguments):
    """Measure and print."""
    file = arguments[0] if arguments else ""
    rows = []
    for case in arguments[1:] or CASES:
        try:
            row = {"case": case, **CASES[case]()}
        except (SteeringError, TimeoutError) as error:
            row = {"case": case, "failed": str(error) or "it took too long"}
        rows.append(row)
        print(words(row), flush=True)
    if file:
        Path(file).write_text(json.dumps(rows, indent=1))
    return int(any("failed" in row or any(row[name] for name in BAD) for row in rows))


def words(row):
    """Say in a line what became of a case."""
    if "failed" in row:
        return f"{row['case']:24} not measured: {row['failed']}"
    return (
        f"{row['case']:24} points {row['points']:4} (lost {row['points_lost']}), frames lost {row['frames_lost']}, "
        f"twice {row['twice']}, jobs doubled {row['doubled']}, again after {row['again_s']:5.1f} s, "
        f"left {row['left']}. {row['said']}"
    )


def process(victim, way):
    """Do something to one process in mid-scan, and say what became of the scan."""
    with tempfile.TemporaryDirectory(prefix="steering-") as folder:
        place = Workspace(Path(folder))
        session = steering.open(workspace=place, speed=SPEED)
        try:
            row = _disturbed(session, place, victim, WAYS[way])
        finally:
            processes = of_workspace(place)
            session.shutdown()
        return row | {"left": len(left_behind(processes))}


def _disturbed(session, place, victim, how):
    runs, wanted, module = [start(session)], POINTS, VICTIMS[victim]
    found = _find(session, place, module)
    measured = session.board.status.value.points_done
    found.send_signal(how)
    at = time.monotonic()
    going_on = threading.Timer(STOPPED_SECONDS, _go_on, [found])
    if how == signal.SIGSTOP:
        # It may be replaced, or not be needed, before it goes on.
        going_on.start()
    elif victim == "service":
        runs += _gone_on(session, place, runs[0])
    elif victim == "IOC":
        wanted += _given_up(session)
        said = _told(session)
        runs.append(start(session))
    again = _works(session, place, module, found.pid if how != signal.SIGSTOP else 0) - at
    said = said if victim == "IOC" and len(runs) > 1 else _told(session)
    if how == signal.SIGSTOP:
        going_on.join()
    finished(session)
    if victim == "service" and how == signal.SIGTERM and len(runs) == 1:
        # It ends its scan in order, perhaps a point later: what was measured is in the record.
        wanted = max(measured, recorded(session, runs[0]))
    return account(session, runs, again, said, wanted)


def _go_on(stopped):
    if stopped.is_running():
        stopped.send_signal(signal.SIGCONT)


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


def _given_up(session):
    """The IOCs were started again and have forgotten the scan: it waits, and is aborted; return its points."""
    session.board.status.wait(lambda status: status.state == "paused", PATIENCE)
    session.propose(Abort("the IOC was restarted"))
    return session.board.status.wait(lambda status: not status.scanning, PATIENCE).ended.points


def _told(session):
    status = session.board.status.value
    return " ".join(dict.fromkeys(filter(None, (status.message, status.why, session.board.notice.value))))


def _works(session, place, module, gone):
    """Wait until the process is there, another than the one that is gone, and a new frame is in the result."""
    deadline = time.monotonic() + PATIENCE
    done = session.board.status.value.points_done
    while time.monotonic() < deadline:
        status = session.board.status.value
        if status.state == "paused":
            session.resume()
        moved = status.points_done > done or status.state == "idle"
        result = session.board.result.value
        frames = result.provenance.frames if result is not None else 0
        # A frame is in the result that was measured after the fault.
        seen = frames > done or (status.state == "idle" and frames >= status.points_done)
        if moved and seen and _whole(session, place, module, gone):
            return time.monotonic()
        time.sleep(0.1)
    message = f"nothing works again: {session.board.status.value}"
    raise SteeringError(message)


def _living(place, module):
    found = []
    for one in of_workspace(place):
        try:
            if one.status() != psutil.STATUS_ZOMBIE and module in one.cmdline():
                found.append(one)
        except psutil.NoSuchProcess:
            continue
    return found


def _whole(session, place, module, gone):
    """Say whether the process is there; of the workers, both."""
    if module == VICTIMS["worker"]:
        numbers = [worker.process_id for worker in session.board.compute.value.workers]
        return len(numbers) == 2 and gone not in numbers
    return any(one.pid != gone for one in _living(place, module))


def _find(session, place, module):
    if module == VICTIMS["worker"]:
        return psutil.Process(session.board.compute.value.workers[0].process_id)
    service = find_service(place)
    if module == "steering.beamline" and service is not None:
        return psutil.Process(int(service["pid"]))
    return _living(place, module)[0]


CASES = {f"{victim} {way}": partial(process, victim, way) for victim in VICTIMS for way in WAYS} | {
    "disk full": disk_full,
    "batch answers lost": partial(answers, "lost"),
    "batch answers late": partial(answers, "late"),
    "batch answers refused": partial(answers, "refused"),
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
