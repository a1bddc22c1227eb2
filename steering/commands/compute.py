"""``steering compute``: start, look at, scale, stop, explain and prepare a place to compute."""

import argparse
import asyncio
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from steering.commands.finite import finite
from steering.commands.pools import describe
from steering.compute.batch import NoAnswerError
from steering.compute.clock import seconds
from steering.compute.environment import prepare
from steering.compute.explain import explain
from steering.compute.systems import batch_system
from steering.core.errors import SteeringError
from steering.core.facility import Facility, FacilityStatus, WholeRuns
from steering.core.pool import URGENCIES, PoolRequest
from steering.core.workspace import Workspace, default_workspace
from steering.facilities.named import facility_names, make_facility
from steering.facilities.owned import OwnedFacility


def compute(arguments: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    options = _parser().parse_args(arguments)
    workspace = Workspace(options.workspace)
    if options.facility is None:
        if options.what != "status":
            message = f"Say which facility. Allowed: {', '.join(facility_names(workspace))}."
            raise SteeringError(message)
        statuses = [asyncio.run(_status(make_facility(name, workspace))) for name in facility_names(workspace)]
        return _print([status for status in statuses if status.state != "stopped"], as_json=options.json)
    settings = {"account": options.account} if options.account else {}
    made = make_facility(options.facility, workspace, **settings)
    if options.what == "status":
        return _print([asyncio.run(_status(made))], as_json=options.json)
    facility = _owned(made, options.what)
    match options.what:
        case "explain":
            return _explain(facility, options)
        case "prepare":
            _say(prepare(facility.site, _say))
            return 0
        case "start" | "scale":
            said, status = asyncio.run(_ask(facility, _request(options, facility), start=options.what == "start"))
        case _:
            said, status = asyncio.run(_stop(facility, options.pool))
    if said and not options.json:
        _say(said)
    return _print([status], as_json=options.json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="steering compute",
        description="Places to compute: start one, look at it, change its size, stop it; explain what would be "
        "submitted; prepare the worker environment.",
    )
    parser.add_argument(
        "what", choices=("start", "status", "scale", "stop", "explain", "prepare"), help="what is to be done"
    )
    parser.add_argument("facility", nargs="?", help=f"one of: {', '.join(facility_names(None))}; or of steering.yaml")
    parser.add_argument("--nodes", type=int, help="nodes at all times")
    parser.add_argument("--most", type=int, default=0, help="nodes up to which it may grow with its backlog")
    parser.add_argument(
        "--urgency",
        choices=URGENCIES,
        default="live",
        help="live: a running scan waits; soon: within the beamtime; batch: some day (default live)",
    )
    parser.add_argument("--walltime", help="of one job, as HH:MM:SS")
    parser.add_argument("--pool", default="", help="name of the pool; that of the urgency if left out")
    parser.add_argument("--account", help="account that jobs are charged to")
    parser.add_argument("--script", action="store_true", help="explain: print the script only")
    parser.add_argument("--workspace", type=Path, default=default_workspace().directory, help="whose facilities")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    return parser


def _owned(facility: Facility, what: str) -> OwnedFacility:
    if isinstance(facility, OwnedFacility):
        return facility
    why = facility.not_live if isinstance(facility, WholeRuns) else "It has no batch system that is asked from here."
    raise SteeringError(f"The facility {facility.name} has nothing to {what}: it has no workers of its own. {why}")


def _request(options: argparse.Namespace, facility: OwnedFacility) -> PoolRequest:
    walltime = seconds(options.walltime) if options.walltime else math.nan
    if options.walltime and not walltime > 0:
        message = f"--walltime {options.walltime}: not a time. Write HH:MM:SS, for example 01:30:00."
        raise SteeringError(message)
    nodes = facility.site.nodes if options.nodes is None else options.nodes
    if nodes < (1 if options.what == "start" else 0) or options.most < 0:
        message = f"--nodes {nodes}: not a number of nodes. Allowed: 1 and more; to give nodes back use scale with 0."
        raise SteeringError(message)
    return PoolRequest(options.pool, options.urgency, nodes, options.most, walltime)


async def _ask(facility: OwnedFacility, request: PoolRequest, *, start: bool) -> tuple[str, FacilityStatus]:
    if start:
        await facility.launch()
    if not await facility.attach():
        message = f"{facility.name} does not run. Start it: steering compute start {facility.name}."
        raise SteeringError(message)
    try:
        return await facility.ask(request), await facility.status()
    finally:
        await facility.detach()


async def _stop(facility: OwnedFacility, pool: str) -> tuple[str, FacilityStatus]:
    if pool:
        return await _ask(facility, PoolRequest(pool=pool, nodes=0), start=False)
    await facility.close()
    return "", await facility.status()


async def _status(facility: Facility) -> FacilityStatus:
    await facility.attach()
    try:
        return await facility.status()
    finally:
        await facility.detach()


def _explain(facility: OwnedFacility, options: argparse.Namespace) -> int:
    site = facility.site
    try:
        states = asyncio.run(batch_system(site).queues())
    except NoAnswerError:
        # Not on a login node: the site's own rules have to do.
        states = {}
    explanation = explain(site, _request(options, facility), states, facility.directory)
    if options.script:
        sys.stdout.write(explanation.script)
        return 0
    sys.stdout.write(explanation.text)
    return 0 if all(check.good for check in explanation.checks) else 1


def _print(statuses: Sequence[FacilityStatus], *, as_json: bool) -> int:
    if as_json:
        found = [finite(asdict(status)) for status in statuses]
        sys.stdout.write(json.dumps(found[0] if len(found) == 1 else found) + "\n")
    else:
        sys.stdout.write("".join(describe(status) for status in statuses) or "No facility runs.\n")
    return 0


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()
