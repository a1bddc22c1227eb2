"""How a scan ended, or why it waits, in words."""

import time
from concurrent.futures import Future
from typing import Any

from steering.core.proposal import Ruling
from steering.core.status import EndedRun
from steering.plans.docket import Docket


def ended_run(run: str, docket: Docket, running: "Future[None]", stop: dict[str, Any]) -> EndedRun:
    """Say how a run ended.

    Args:
        run: Its uid; empty if it never opened.
        docket: Of its scan.
        running: The plan's future, which is done.
        stop: Its stop document; empty if there was none.
    """
    error, ruling = running.exception(), docket.abort
    status = stop.get("exit_status") or "success"
    if status == "success" and (error is not None or not stop or _came_after(ruling, stop, docket)):
        # A plan may open several runs, and end between two of them.
        status = "abort" if ruling is not None else "fail" if error else "success"
    reason = who = ""
    if status == "abort" and ruling is not None:
        reason, who = ruling.new, ruling.who
    elif error is not None:
        reason = str(error)
    return EndedRun(run, docket.scan.name, status, reason, who, time.time(), docket.progress.done)


def why_waiting(docket: Docket) -> str:
    """Say who paused or aborted a scan, and why; empty if nobody did."""
    ended, paused = docket.abort, docket.pause
    if ended is not None:
        return f"Aborted by {ended.who}{_because(ended.new)}."
    if paused is not None:
        return f"Paused by {paused.who}{_because(paused.reason)}."
    if docket.approaching:
        return f"The next point waits for {', '.join(docket.approaching)}."
    return ""


def why_not_open(docket: Docket, error: BaseException | None) -> str:
    """Say why a scan ended before its run was open."""
    ruling = docket.abort
    if ruling is not None:
        return f"The scan was aborted before its run was open, by {ruling.who}{_because(ruling.new)}."
    return f"The scan ended before its run was open. {error or 'Its plan opened none.'}"


def _came_after(abort: Ruling | None, stop: dict[str, Any], docket: Docket) -> bool:
    """Say whether a scan was aborted after its last run had ended: not if its plan had ended, too."""
    return abort is not None and docket.noticed and abort.decided_at > float(stop.get("time", 0.0))


def _because(reason: str) -> str:
    return f": {reason.strip().rstrip('.')}" if reason.strip() else ""
