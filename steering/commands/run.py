"""``steering run``: the same scan without Jupyter, and its numbers as JSON."""

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from steering.commands.ending import end_like_ctrl_c, end_undisturbed
from steering.commands.run_report import as_json, as_text, report_of
from steering.commands.scratch import scratch
from steering.commands.script import Script, read_script
from steering.commands.wishes import check_agents, check_facility, check_scan, positive, scans_of
from steering.core import registry
from steering.core.errors import SteeringError
from steering.core.json import Json
from steering.core.workspace import Workspace
from steering.facilities.named import KINDS
from steering.machine.loading import loading

if TYPE_CHECKING:
    from steering.session.session import Session

_STEP_SECONDS = 0.01
_BRING_SECONDS = 30.0


@dataclass(frozen=True)
class _Asked:
    """What each scan is to be, and what is done with it."""

    scan: str
    agents: Mapping[str, str]
    script: Script
    values: Mapping[str, float | str]
    timeout: float
    flow: str
    beamline: Path | None


def run(arguments: Sequence[str]) -> int:
    """Run a scan and print what came of it; return the exit code."""
    options = _options(arguments)
    script = read_script(options.steer) if options.steer else Script(())
    agents = {**_agents(options.agent), **script.agents}
    speed, timeout = positive(options.speed, "--speed", ""), positive(options.timeout, "--timeout", " s")
    asked = _Asked(options.scan, agents, script, _values(options.set), timeout, options.flow, options.beamline)
    check_facility(options.facility, Workspace(options.workspace) if options.workspace else None)
    # Before anything is started: a slip must not cost a minute.
    times = _times(options)
    _check_flow(options)
    scans = scans_of(Workspace(options.workspace) if options.workspace else None, options.beamline)
    check_scan(options.scan, asked.values, scans)
    check_agents(agents, scans[options.scan].agents)
    with loading():
        from steering.session.opening import open as open_session

    with scratch() as folder:
        place = Workspace(options.workspace or folder)
        end_like_ctrl_c()
        session = open_session(facility=options.facility, workspace=place, beamline=options.beamline or "", speed=speed)
        try:
            reports, code = _scans(session, asked, times, None if options.json else sys.stdout.write)
        finally:
            end_undisturbed()
            # What ran in this workspace before goes on.
            session.shutdown(begun_only=True)
    if options.json:
        sys.stdout.write(as_json(reports, several=times > 1))
    return code


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="steering run", description="Run a scan without Jupyter.")
    parser.add_argument("scan", help="name of a scan of the beamline's file; built in: rocking, map")
    parser.add_argument("--steer", type=Path, help="JSON file with proposals to make while the scan runs")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter to start with")
    parser.add_argument(
        "--agent",
        action="append",
        default=[],
        metavar="NAME[=MODE]",
        help="off, suggest or automatic (default automatic)",
    )
    parser.add_argument(
        "--facility", default="local", help=f"where its frames are analysed (default local): {', '.join(_live())}"
    )
    parser.add_argument("--speed", default="5", help="how many times faster than life a simulation runs (default 5)")
    parser.add_argument("--timeout", default="1800", help="abort the scan and end after so many seconds (default 1800)")
    parser.add_argument("--workspace", type=Path, help="keep the run's files here; otherwise they are removed")
    parser.add_argument(
        "--flow",
        default="",
        help="a flow of the beamline's file that is done with the run; see how to automate an experiment",
    )
    parser.add_argument(
        "--beamline", type=Path, help="the beamline's file; the one that the service serves if left out"
    )
    parser.add_argument(
        "--times", default="1", help="how many scans, each steered on what the flow of the one before has found"
    )
    parser.add_argument("--json", action="store_true", help="print JSON only")
    return parser.parse_args(arguments)


def _live() -> list[str]:
    """Name the facilities on which a running scan can be followed, as far as is known without looking at each."""
    return [name for name in registry.names("facilities") if name not in KINDS]


def _check_flow(options: argparse.Namespace) -> None:
    """See that the flow that is asked for can be kept, before anything is started."""
    if not options.flow:
        return
    if options.workspace is None:
        raise SteeringError("--flow needs --workspace FOLDER: what it makes, and how it stands, are kept there.")
    # They load slowly, and most runs have no flow.
    from steering.flow_runner.orders import flow_named, flows_of

    flow_named(options.flow, flows_of(Workspace(options.workspace), options.beamline))


def _times(options: argparse.Namespace) -> int:
    text = str(options.times)
    if not text.isdecimal() or int(text) < 1:
        raise SteeringError(f"--times {text:.60}: not a whole number above 0.")
    return int(text)


def _scans(
    session: "Session", asked: _Asked, times: int, tell: Callable[[str], object] | None
) -> tuple[list[dict[str, Json]], int]:
    """Do scans one after another, each with its flow; return what came of them, and the exit code.

    What has not gone well is the last one: nothing is measured on it.
    """
    reports: list[dict[str, Json]] = []
    code = 0
    while len(reports) < times and not code:
        report = _scan(session, asked)
        code = 0 if report["status"] == "success" else 1
        if asked.flow:
            report["flow"], flow_code = _do_flow(session, asked, str(report["run"]))
            code = code or flow_code
        reports.append(report)
        if tell is not None:
            tell(as_text(report))
    return reports, code


def _do_flow(session: "Session", asked: _Asked, run: str) -> tuple[Json, int]:
    """Do a flow with a run that has just ended, on what the session knows of it; return how it stands, and its code."""
    from steering.commands.flow import CODES, order_for, run_or_wait

    features = {
        label: one.outcome.features for label, one in session.board.results.value.items() if one.provenance.run == run
    }
    journal = order_for(session.workspace, asked.flow, run, features, asked.beamline)
    state = run_or_wait(session.workspace, journal)
    if state.step("compute").status == "done":
        _bring(session, state.id)
    return state.json(), CODES[state.status]


def _bring(session: "Session", flow: str) -> None:
    """Wait until the session has what a flow has found, so that the next scan is steered on it."""
    try:
        session.flows.wait_brought(flow, _BRING_SECONDS)
    except TimeoutError:
        sys.stderr.write(f"What {flow} has found did not come within {_BRING_SECONDS:g} s: no scan is steered on it.\n")


def _scan(session: "Session", asked: _Asked) -> dict[str, Json]:
    for name, mode in asked.agents.items():
        session.set_mode(name, mode)
    uid = session.start(asked.scan, **asked.values)
    try:
        _steer(session, uid, asked.script, asked.timeout)
    except BaseException:
        # Nobody waits for this scan any more.
        with suppress(SteeringError):
            session.abort("steering run was ended")
        raise
    return report_of(session, uid)


def _steer(session: "Session", uid: str, script: Script, timeout: float) -> None:
    """Make a script's proposals while the scan runs, and wait for its end."""
    began, waiting = time.monotonic(), list(script.steps)
    deadline, said = began + timeout, ""
    while session.board.status.value.run != uid or session.board.status.value.scanning:
        status = session.board.status.value
        why = status.why if status.state == "paused" else ""
        if why not in ("", said):
            # Whoever started it and went away finds out here why it takes so long.
            sys.stderr.write(f"The scan waits. {why}\n")
            sys.stderr.flush()
        said = why
        due = [step for step in waiting if step.due(status.points_done, time.monotonic() - began)]
        waiting = [step for step in waiting if step not in due]
        for step in due:
            session.propose_json(step.proposal)
        if time.monotonic() > deadline:
            session.abort(f"not done within {timeout:g} s")
            message = f"The scan was not done within {timeout:g} s and was aborted. Give a longer --timeout."
            raise SteeringError(message)
        time.sleep(_STEP_SECONDS)
    session.wait(timeout)


def _agents(entries: Sequence[str]) -> dict[str, str]:
    return {name: mode or "automatic" for name, _, mode in (entry.partition("=") for entry in entries)}


def _values(entries: Sequence[str]) -> dict[str, float | str]:
    values: dict[str, float | str] = {}
    for entry in entries:
        name, equals, text = entry.partition("=")
        if not equals:
            message = f"--set {entry}: no value is given. Write NAME=VALUE, for example exposure=0.1."
            raise SteeringError(message)
        try:
            values[name] = float(text)
        except ValueError:
            # The name of a choice; whether it is one is known once the scan is.
            values[name] = text
    return values
