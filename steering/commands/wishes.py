"""What a command line asks of a scan, checked against what there is before anything is started."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from steering.beamline.embedded import find_service
from steering.core import registry
from steering.core.agent import MODES
from steering.core.errors import SteeringError
from steering.core.parameter import Parameter
from steering.core.workspace import Workspace, default_workspace
from steering.facilities.named import KINDS, facility_names, live_facility
from steering.guard import judge_value

_ANSWER_SECONDS = 4.0


@dataclass(frozen=True)
class Offer:
    """A scan that can be started: what its parameters may be, and the agents that it names."""

    parameters: Mapping[str, Parameter]
    agents: tuple[str, ...] = ()


def scans_of(workspace: Workspace | None, beamline: Path | None = None) -> dict[str, Offer]:
    """Return the scans that the service of a workspace has, or the embedded one will have.

    Args:
        workspace: Whose service is asked, if it runs.
        beamline: The file that the embedded one will serve; the built-in one if left out.

    Raises:
        SteeringError: If a service runs and does not answer, or the file is wrong.
    """
    service = find_service(workspace) if workspace is not None else None
    if service is None and beamline is not None:
        return _scans_in(beamline)
    if service is None:
        from steering.scans.parameter_entry import ParameterEntry

        text = files("steering.beamline").joinpath("embedded.yaml").read_text(encoding="utf-8")
        scans: list[dict[str, Any]] = yaml.safe_load(text)["scans"]
        return {
            str(scan["name"]): Offer(
                {name: ParameterEntry(**entry).parameter(name) for name, entry in scan["parameters"].items()}
            )
            for scan in scans
        }
    import httpx

    from steering.service.wire import SCANS

    headers = {"Authorization": f"Bearer {service['token']}"}
    try:
        answer = httpx.get(f"{service['url']}/scans", headers=headers, timeout=_ANSWER_SECONDS, trust_env=False)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        message = (
            f"The beamline service of this workspace (process {service['pid']}) does not answer at {service['url']}. "
            "End it with steering stop, or give another --workspace."
        )
        raise SteeringError(message) from error
    return {
        scan.name: Offer({item.name: item for item in scan.parameters}, tuple(agent.label for agent in scan.agents))
        for scan in SCANS.validate_json(answer.content)
    }


def _scans_in(beamline: Path) -> dict[str, Offer]:
    # What reads a beamline's file loads slowly, and the built-in one needs none of it.
    from steering.description.description import read_description

    return {
        scan.name: Offer(
            {name: one.parameter(name) for name, one in scan.parameters.items()},
            tuple(agent.binding().label for agent in scan.agents),
        )
        for scan in read_description(beamline).scans
    }


def check_scan(scan: str, values: Mapping[str, float | str], scans: Mapping[str, Offer]) -> None:
    """Check that there is such a scan, with such parameters, and that their values are allowed.

    Raises:
        SteeringError: If not; all that is wrong.
    """
    if scan not in scans:
        message = f"There is no scan {scan!r:.60}. {choice_text(scan, list(scans))}"
        raise SteeringError(message)
    wrong: list[str] = []
    offered = scans[scan].parameters
    for name, said in values.items():
        parameter = offered.get(name)
        if parameter is None:
            wrong.append(f"The scan {scan} has no parameter {name!r:.60}. {choice_text(name, list(offered))}")
            continue
        try:
            value = parameter.value_of(said)
        except SteeringError as error:
            wrong.append(str(error))
            continue
        # At its start a scan takes any value within the limits.
        refusal = judge_value(name, value, {name: replace(parameter, largest_step=math.inf, fixed=False)})
        if refusal:
            wrong.append(refusal)
    if wrong:
        raise SteeringError("\n".join(wrong))


def check_agents(modes: Mapping[str, str], named: Sequence[str] = ()) -> None:
    """Check that agents and modes exist.

    Args:
        modes: Wanted, by agent.
        named: Agents that the scan names, beside those that are installed.

    Raises:
        SteeringError: If not; all that is wrong.
    """
    known = (*registry.names("agents"), *named)
    wrong = [f"There is no agent {name!r:.60}. {choice_text(name, known)}" for name in modes if name not in known]
    wrong += [
        f"There is no mode {mode!r:.60} of the agent {name}. {choice_text(mode, MODES)}"
        for name, mode in modes.items()
        if mode not in MODES
    ]
    if wrong:
        raise SteeringError("\n".join(wrong))


def check_facility(name: str, workspace: Workspace | None) -> None:
    """Check that a running scan can be followed on a facility.

    Raises:
        SteeringError: If there is none of that name, or it analyses finished runs only.
    """
    live = [one for one in registry.names("facilities") if one not in KINDS]
    if name in live:
        # What they need loads slowly.
        return
    if name not in facility_names(workspace):
        raise SteeringError(f"There is no facility {name!r:.60}. {choice_text(name, live)}")
    live_facility(name, workspace or default_workspace())


def positive(text: str, option: str, units: str) -> float:
    """Read an option that must be a number above 0.

    Raises:
        SteeringError: If it is not.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        message = f"{option} {text}: not a number above 0{units}."
        raise SteeringError(message)
    return value


def choice_text(name: str, known: Sequence[str]) -> str:
    """Say what is allowed, and what was probably meant."""
    near = get_close_matches(name, known, 1)
    meant = f" Did you mean {near[0]}?" if near else ""
    return f"Allowed: {', '.join(known) or 'none'}.{meant}"
