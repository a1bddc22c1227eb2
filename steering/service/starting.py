"""What a scan starts with: its parameters' values, and whether these, its path and its signals are allowed."""

import math
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from steering.core.errors import SteeringError
from steering.core.parameter import Parameter
from steering.core.proposal import Proposal, Ruling
from steering.core.status import Axis
from steering.guard import judge_value
from steering.paths.scan import Scan, reach_of
from steering.scans.entry import ScanEntry
from steering.scans.parameter_entry import ParameterEntry


def scan_of(entry: ScanEntry, signals: Collection[str]) -> Scan:
    """Build a scan.

    Args:
        entry: As the beamline's file describes it.
        signals: Names of the beamline's signals.
    """
    scan = entry.scan()
    if not scan.own_path:
        return scan
    # What a plan of the instrument was called with holds for its whole run; what is no argument of it is a signal.
    return scan.starting(tuple(replace(item, fixed=item.name not in signals) for item in scan.parameters))


def starting_with(entry: ScanEntry, scan: Scan, present: Mapping[str, float]) -> Scan:
    """Have the parameters that are signals start with what these read, where the file says nothing else."""
    parameters = tuple(
        replace(item, value=min(max(present[item.name], item.low), item.high), as_read=True)
        if item.name in present and entry.parameters[item.name].value is None and math.isfinite(present[item.name])
        else item
        for item in scan.parameters
    )
    return scan.starting(parameters)


def choose(parameters: tuple[Parameter, ...], values: Mapping[str, float | str]) -> dict[str, float]:
    """Merge chosen values into the defaults; at the start any value within the limits may be taken in one step.

    Args:
        parameters: With the values that hold if nothing else is chosen.
        values: Numbers, or names of choices.

    Raises:
        SteeringError: If a value is not allowed.
    """
    free = {item.name: replace(item, largest_step=float("inf"), fixed=False) for item in parameters}
    chosen = {item.name: item.value for item in parameters}
    for name, said in values.items():
        value = free[name].value_of(said) if name in free else math.nan
        refusal = judge_value(name, value, free)
        if refusal:
            raise SteeringError(refusal)
        chosen[name] = value
    return chosen


def check_path(scan: Scan, values: Mapping[str, float], axes: Mapping[str, Axis], allowed: int) -> None:
    """Check how many points a scan would have, and where they would be.

    Raises:
        SteeringError: If there are more than are allowed, or the motors do not go there.
    """
    count = scan.count(values)
    if count > allowed:
        message = f"The scan would have {count} points. Allowed: at most {allowed}. Take a larger step."
        raise SteeringError(message)
    for name, (low, high) in reach_of(scan.points(values)).extent.items():
        axis = axes[name]
        if low < axis.low or high > axis.high:
            message = (
                f"The scan would move {name} from {low:g} to {high:g} {axis.units}. "
                f"The motor allows {axis.low:g} to {axis.high:g} {axis.units}."
            )
            raise SteeringError(message)


def check_present(name: str, value: float, entry: ParameterEntry) -> None:
    """Check that a signal that is not sent anywhere is where the scan may begin.

    Raises:
        SteeringError: If it is not.
    """
    allowed = entry.parameter(name)
    if not entry.low <= value <= entry.high:
        message = (
            f"{name} reads {value:.6g} {entry.units} now. This scan allows {allowed.allowed}. "
            f"Start it with {name} at a value within these, or set it there first."
        )
        raise SteeringError(message)


def no_scan(proposal: Proposal) -> Ruling:
    """Refuse a proposal because nothing runs."""
    return Ruling(
        id=proposal.id,
        who=proposal.who,
        kind=proposal.action.kind,
        subject="",
        old="",
        new="",
        verdict="refused",
        reason="No scan is running, so there is nothing to change. Start a scan first.",
        basis=proposal.basis,
        proposed_at=proposal.proposed_at,
        decided_at=time.time(),
    )


def no_such(name: str, scans: Iterable[str]) -> str:
    """Say that there is no scan of a name."""
    return f"There is no scan {name!r:.60}. This beamline has: {', '.join(scans)}."
