"""``steering stop``: ends all that runs in a workspace."""

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path

from steering.beamline.embedded import present_service, stop_service
from steering.commands.ending import say
from steering.core import registry
from steering.core.errors import SteeringError
from steering.core.workspace import Workspace, default_workspace
from steering.facilities.named import make_facility
from steering.facilities.owned import OwnedFacility
from steering.flow_runner.orders import stop_flows
from steering.ingest.launch import ingests


def stop(arguments: Sequence[str]) -> int:
    """End the beamline service, the compute owners with their jobs, and the ingests; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="steering stop",
        description="End all that runs in a workspace: the beamline service with its scan and record, compute owners "
        "with their jobs, runs of flows (they can be resumed), and the ingests of channels. Their data stay.",
    )
    parser.add_argument("--workspace", type=Path, default=default_workspace().directory, help="whose processes")
    workspace = Workspace(parser.parse_args(arguments).workspace)
    ended = 0
    service = present_service(workspace)
    if service is not None:
        say(f"Ending the beamline service (process {service['pid']}) ...")
        stop_service(workspace)
        ended += 1
    for channel, daemon in ingests(workspace).items():
        say(f"Ending the ingest of {channel}; frames without a result stay on disk ...")
        daemon.stop()
        ended += 1
    for name in stop_flows(workspace):
        say(f"Ended the flow run {name}; it goes on with: steering flow resume {name}.")
        ended += 1
    failures: list[str] = []
    # Of what the user names in steering.yaml nothing runs here, and a mistake there keeps nothing from being ended.
    for name in registry.names("facilities"):
        try:
            ended += asyncio.run(_stop(name, workspace))
        except SteeringError as error:
            failures.append(str(error))
    say(f"Ended: {ended}. Nothing runs in {workspace.directory} any more." if not failures else "\n".join(failures))
    return 1 if failures else 0


async def _stop(name: str, workspace: Workspace) -> bool:
    facility = make_facility(name, workspace)
    # What Globus Compute runs has no process here, and is found again.
    if not isinstance(facility, OwnedFacility) or not facility.runs:
        return False
    say(f"Ending the compute owner of {name} and its jobs ...")
    await facility.close()
    return True
