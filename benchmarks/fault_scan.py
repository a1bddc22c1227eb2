"""The scan that the fault matrix disturbs, and what is counted of it afterwards."""

import time

from steering.core.errors import SteeringError

SPEED, POINTS, PATIENCE = 5.0, 101, 180.0


def start(session):
    """Start the scan and return its run once some points are measured."""
    run = session.start("rocking", step=1.0 / (POINTS - 1), exposure=0.5)
    session.board.status.wait(lambda status: status.points_done >= 20, PATIENCE)
    return run


def finished(session):
    """Wait until the scan has ended and all is analysed; a scan that waits for a person is told to go on."""
    deadline = time.monotonic() + 2 * PATIENCE
    # One that cannot be reached for a moment has not ended.
    while session.board.status.value.state != "idle":
        if time.monotonic() > deadline:
            message = f"the scan does not end: {session.board.status.value}"
            raise SteeringError(message)
        if session.board.status.value.state == "paused":
            session.resume()
        time.sleep(0.5)
    session.wait(PATIENCE)


def account(session, runs, again, said, wanted=POINTS):
    """Say what became of the scan's runs.

    Args:
        session: Follows them.
        runs: Their uids; the last is the one that was measured to its end.
        again: Seconds until all worked again.
        said: What the person was told.
        wanted: How many points must be in the record.
    """
    kept = [recorded(session, one) for one in runs]
    result = session.board.result.value
    frames = result.provenance.frames if result is not None else 0
    return {
        "points": sum(kept),
        "points_lost": wanted - sum(kept),
        "frames_lost": kept[-1] - frames,
        "twice": session.board.latency.value.counts.doubled,
        "doubled": 0,
        "again_s": again,
        "said": said[:200],
    }


def recorded(session, run):
    """Wait until a run is in the record with its end; count its points."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            kept = session.record[run]
            if kept.stop is not None:
                return int(kept["primary"].sizes["event"])
        except (SteeringError, KeyError):
            pass
        time.sleep(0.5)
    message = f"the run {run} is not in the record"
    raise SteeringError(message)
