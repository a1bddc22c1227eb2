"""``steering stop``: ends all that runs in a workspace."""

import argparse
import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from steering.beamline.embedded import present_service, stop_service
from steering.commands.ending import say
from steering.core import registry
from steering.core.errors import SteeringError, cause
from steering.core.workspace import Workspace, default_workspace
from steering.facilities.named import make_facility
from steering.facilities.owned import OwnedFacility
from steering.flow_runner.orders import stop_flows
from steering.ingest.launch import ingests
from steering.machine.daemon import Daemon


def stop(arguments: Sequence[str]) -> int:
    """End the beamline service, the compute owners with their jobs, and the ingests; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="steering stop",
        description="End all that runs in a workspace: the beamline service with its scan and record, compute owners "
        "with their jobs, runs of flows (they can be resumed), and the ingests of channels. Their data stay.",
    )
    parser.add_argument("--workspace", type=Path, default=default_workspace().directory, help="whose processes")
    workspace = Workspace(parser.parse_args(arguments).workspace)
    ended, failures = 0, list[str]()

    def end(work: Callable[[], int]) -> None:
        """End something; what cannot be ended, as on another host, keeps nothing else from being ended."""
        nonlocal ended
        try:
            ended += work()
        except SteeringError as error:
            failures.append(str(error))
        except OSError as error:
            failures.append(f"Something could not be ended: {cause(error)}. Try again.")

    end(lambda: _stop_service(workspace))
    for channel, daemon in ingests(workspace).items():
        end(partial(_stop_ingest, channel, daemon))
    end(lambda: _stop_flows(workspace))
    # Of what the user names in steering.yaml nothing runs here, and a mistake there keeps nothing from being ended.
    for name in registry.names("facilities"):
        end(partial(asyncio.run, _stop(name, workspace)))
    say(f"Ended: {ended}. Nothing runs in {workspace.directory} any more." if not failures else "\n".join(failures))
    return 1 if failures else 0


def _stop_service(workspace: Workspace) -> int:
    service = present_service(workspace)
    if service is None:
        return 0
    say(f"Ending the beamline service (process {service['pid']}) ...")
    stop_service(workspace)
    return 1


def _stop_ingest(channel: str, daemon: Daemon) -> int:
    say(f"Ending the ingest of {channel}; frames without a result stay on disk ...")
    daemon.stop()
    return 1


def _stop_flows(workspace: Workspace) -> int:
    names = stop_flows(workspace)
    for name in names:
        say(f"Ended the flow run {name}; it goes on with: steering flow resume {name}.")
    return len(names)


async def _stop(name: str, workspace: Workspace) -> bool:
    facility = make_facility(name, workspace)
    # What Globus Compute runs has no process here, and is found again.
    if not isinstance(facility, OwnedFacility) or not facility.runs:
        return False
    say(f"Ending the compute owner of {name} and its jobs ...")
    await facility.close()
    return True
