"""Facilities by name: those that are installed, and those that the user names in ``steering.yaml`` by their kind."""

from pathlib import Path
from typing import Any, cast

from steering.compute.site import named_by_user, written_by_user
from steering.core import registry
from steering.core.errors import SteeringError
from steering.core.facility import Facility, WholeRuns
from steering.core.workspace import Workspace

# Kinds that there may be several of. The others are one of each, which a site describes by its name.
KINDS = ("globus_compute",)


def facility_names(workspace: Workspace | None) -> list[str]:
    """Name the facilities of a workspace, sorted; those of any one if none is given.

    Raises:
        SteeringError: If its ``steering.yaml`` is no description of facilities.
    """
    place = workspace.directory if workspace is not None else None
    own = (one for one in named_by_user(place) if _kind(one, place))
    return sorted({*registry.names("facilities"), *own})


def make_facility(name: str, workspace: Workspace, **settings: Any) -> Facility:
    """Make a facility; nothing is started.

    Args:
        name: Of an installed one, or of a section of ``steering.yaml`` that says of which ``kind`` it is.
        workspace: Where it keeps its files.
        settings: Values that go before what is written.

    Raises:
        SteeringError: If there is none of that name, or its kind is none.
    """
    kind = "" if name in registry.names("facilities") else _kind(name, workspace.directory)
    if not kind:
        return cast("Facility", registry.load("facilities", name)(workspace=workspace, **settings))
    if kind not in KINDS:
        raise SteeringError(f"The facility {name} is of the kind {kind!r:.60}. Allowed: {', '.join(KINDS)}.")
    return cast("Facility", registry.load("facilities", kind)(workspace=workspace, name=name, **settings))


def live_facility(name: str, workspace: Workspace) -> Facility:
    """Make a facility on which a running scan can be followed.

    Raises:
        SteeringError: If there is none of that name, or it cannot do that; with what can.
    """
    made = make_facility(name, workspace)
    require_live(made)
    return made


def require_live(facility: Facility) -> None:
    """Check that a running scan can be followed on a facility.

    Raises:
        SteeringError: If not; with what can.
    """
    if isinstance(facility, WholeRuns):
        raise SteeringError(facility.not_live)


def _kind(name: str, workspace: Path | None) -> str:
    kinds = [str(one["kind"]) for one in written_by_user(name, workspace) if one.get("kind")]
    return kinds[-1] if kinds else ""
