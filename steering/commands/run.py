"""``steering run``: the same scan without Jupyter, and its numbers as JSON."""

import argparse
import json
import math
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from steering.commands.ending import end_like_ctrl_c, end_undisturbed
from steering.commands.finite import finite
from steering.commands.scratch import scratch
from steering.commands.script import Script, read_script
from steering.commands.wishes import check_agents, check_facility, check_scan, positive, scans_of
from steering.core import registry
from steering.core.errors import SteeringError
from steering.core.json import Json
from steering.core.latency import Quantiles
from steering.core.result import Result
from steering.core.workspace import Workspace

if TYPE_CHECKING:
    from steering.session.session import Session

_STEP_SECONDS = 0.01


def run(arguments: Sequence[str]) -> int:
    """Run a scan and print what came of it; return the exit code."""
    options = _options(arguments)
    script = read_script(options.steer) if options.steer else Script(())
    values = _values(options.set)
    agents = {**_agents(options.agent), **script.agents}
    speed, timeout = positive(options.speed, "--speed", ""), positive(options.timeout, "--timeout", " s")
    check_facility(options.facility)
    # Before anything is started: a slip must not cost a minute.
    _check_flow(options)
    scans = scans_of(Workspace(options.workspace) if options.workspace else None)
    check_scan(options.scan, values, scans)
    check_agents(agents, scans[options.scan].agents)
    from steering.session.opening import open as open_session

    with scratch() as folder:
        place = Workspace(options.workspace or folder)
        end_like_ctrl_c()
        session = open_session(facility=options.facility, workspace=place, speed=speed)
        try:
            report = _scan(session, options.scan, agents, script, values, timeout)
            code = 0 if report["status"] == "success" else 1
            if options.flow:
                report["flow"], flow_code = _do_flow(session, options.flow, str(report["run"]))
                code = code or flow_code
        finally:
            end_undisturbed()
            # What ran in this workspace before goes on.
            session.shutdown(begun_only=True)
    _print(report, as_json=options.json)
    return code


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="steering run", description="Run a scan without Jupyter.")
    parser.add_argument("scan", help="rocking or map")
    parser.add_argument("--steer", type=Path, help="JSON file with proposals to make while the scan runs")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter to start with")
    parser.add_argument("--agent", action="append", default=[], metavar="NAME=MODE", help="off, suggest or automatic")
    parser.add_argument("--facility", default="local", help=f"one of: {', '.join(registry.names('facilities'))}")
    parser.add_argument("--speed", default="5", help="how many times faster than life the simulation runs")
    parser.add_argument("--timeout", default="1800", help="give up after so many seconds")
    parser.add_argument("--workspace", type=Path, help="keep the run's files here; otherwise they are removed")
    parser.add_argument(
        "--flow",
        default="",
        help="a flow of the beamline's file that is done with the run; see how to automate an experiment",
    )
    parser.add_argument("--json", action="store_true", help="print JSON only")
    return parser.parse_args(arguments)


def _check_flow(options: argparse.Namespace) -> None:
    """See that the flow that is asked for can be kept, before anything is started."""
    if not options.flow:
        return
    if options.workspace is None:
        raise SteeringError("--flow needs --workspace FOLDER: what it makes, and how it stands, are kept there.")
    # They load slowly, and most runs have no flow.
    from steering.flow_runner.orders import flow_named, flows_of

    flow_named(options.flow, flows_of(Workspace(options.workspace)))


def _do_flow(session: "Session", name: str, run: str) -> tuple[Json, int]:
    """Do a flow with a run that has just ended, on what the session knows of it; return how it stands, and its code."""
    from steering.commands.flow import CODES, order_for, run_here

    features = {
        label: one.outcome.features for label, one in session.board.results.value.items() if one.provenance.run == run
    }
    state = run_here(session.workspace, order_for(session.workspace, name, run, features))
    return state.json(), CODES[state.status]


def _scan(
    session: "Session",
    scan: str,
    agents: Mapping[str, str],
    script: Script,
    values: Mapping[str, float | str],
    timeout: float,
) -> dict[str, Json]:
    for name, mode in agents.items():
        session.set_mode(name, mode)
    uid = session.start(scan, **values)
    try:
        _steer(session, uid, script, timeout)
    except BaseException:
        # Nobody waits for this scan any more.
        with suppress(SteeringError):
            session.abort("steering run was ended")
        raise
    return _report(session, uid)


def _steer(session: "Session", uid: str, script: Script, timeout: float) -> None:
    """Make a script's proposals while the scan runs, and wait for its end."""
    began, waiting = time.monotonic(), list(script.steps)
    deadline = began + timeout
    while session.board.status.value.run != uid or session.board.status.value.scanning:
        status = session.board.status.value
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


def _report(session: "Session", uid: str) -> dict[str, Json]:
    result, latency = session.board.result.value, session.board.latency.value
    results = {label: one for label, one in session.board.results.value.items() if one.provenance.run == uid}
    main = next(iter(results), "")
    status = session.board.status.value
    return {
        "run": uid,
        "status": session.exit_status(uid),
        "message": status.message or session.board.notice.value,
        "points": status.points_done,
        "frames": result.provenance.frames if result is not None else 0,
        "features": _features(results[main]) if results else {},
        "results": {
            label: {"analysis": one.provenance.analysis, "frames": one.provenance.frames, "features": _features(one)}
            for label, one in results.items()
        },
        "rulings": [cast("Json", asdict(ruling)) for ruling in session.board.rulings.value],
        "latency_ms": {
            "photon_to_feature": _quantiles(latency.photon_to_feature),
            "proposal_to_applied": _quantiles(latency.proposal_to_applied),
        },
    }


def _features(result: Result) -> dict[str, Json]:
    return {name: cast("Json", asdict(feature)) for name, feature in result.outcome.features.items()}


def _quantiles(quantiles: Quantiles) -> dict[str, Json]:
    return {
        "p50": None if math.isnan(quantiles.p50) else round(quantiles.p50, 2),
        "p99": None if math.isnan(quantiles.p99) else round(quantiles.p99, 2),
        "count": quantiles.count,
    }


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


def _print(report: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(finite(report), indent=1) + "\n")
        return
    lines = [f"Run {report['run']}: {report['status']}, {report['points']} points, {report['frames']} frames analysed."]
    for label, result in report["results"].items():
        if len(report["results"]) > 1:
            lines.append(f" {label} ({result['analysis']}), {result['frames']} frames:")
        for name, feature in result["features"].items():
            lines.append(f"  {name:16} {feature['value']:.6g} +- {feature['uncertainty']:.2g} {feature['units']}")
    for ruling in report["rulings"]:
        change = f"{ruling['subject']} {ruling['old']} -> {ruling['new']}".strip()
        lines.append(f"  {ruling['verdict']}: {ruling['who']}: {ruling['kind']} {change} {ruling['reason']}".rstrip())
        if ruling["outcome"]:
            lines.append(f"    {ruling['outcome']}")
    for name, entry in report["latency_ms"].items():
        if entry["count"]:
            lines.append(f"  {name}: p50 {entry['p50']:.0f} ms, p99 {entry['p99']:.0f} ms over {entry['count']}")
    lines += _flow_lines(report.get("flow") or {})
    if report["message"]:
        lines.append(f"  {report['message']}")
    sys.stdout.write("\n".join(lines) + "\n")


def _flow_lines(flow: Mapping[str, Any]) -> list[str]:
    if not flow:
        return []
    steps = [f"    {one['step']}: {one['status']} {one['why']}".rstrip() for one in flow["steps"]]
    return [f"  flow {flow['id']}: {flow['status']}. {flow['why']}".rstrip(), *steps]
