"""An endpoint of Globus Compute as values: a section under ``steering.sites``, as each facility has one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import Any, cast

from steering.compute import kinds
from steering.compute.site import read_values
from steering.core.errors import SteeringError
from steering.core.json import Json


@dataclass(frozen=True)
class Endpoint:
    """Where functions run.

    Attributes:
        name: Name of the facility.
        title: Its name for a person.
        endpoint: Id of the endpoint.
        config: The endpoint's ``user_endpoint_config`` (queue, account, walltime, nodes_per_block), or several: the
            next one is taken where the batch system refuses a queue.
        directory: Folder there in which what is made of runs is kept; that of its user if empty.
        paths: Folders of the beamline as the endpoint sees them, by their name at the beamline.
        facility: Facility that the analysis uses there.
        queues: Facility whose policy chooses queue, nodes and walltime for a step that says how urgent it is; what it
            chooses goes before what ``config`` says. Without it ``config`` alone is used.
        queues_on: Facility that sees those queues, as one whose endpoint is on a login node; without it the policy goes
            by the rules alone.
        sources: Where a value is written, by its name.
    """

    name: str
    title: str = ""
    endpoint: str = ""
    config: tuple[Mapping[str, Json], ...] = ({},)
    directory: str = ""
    paths: Mapping[str, str] = field(default_factory=dict[str, str])
    facility: str = "local"
    queues: str = ""
    queues_on: str = ""
    sources: Mapping[str, str] = field(default_factory=dict[str, str])

    def seen(self, path: str) -> str:
        """Return the name that a folder or file of this machine has there: by the longest of the folders named."""
        place = PurePosixPath(path)
        for here, there in sorted(self.paths.items(), key=lambda one: len(one[0]), reverse=True):
            if place.is_relative_to(here):
                return str(PurePosixPath(there) / place.relative_to(here))
        return path


def read_endpoint(name: str, defaults: Path, section: str, workspace: Path, settings: Mapping[str, Any]) -> Endpoint:
    """Read what is written of an endpoint.

    Args:
        name: Of the facility.
        defaults: YAML file as this package ships it.
        section: Of that file.
        workspace: Folder whose ``steering.yaml`` is read too, if there is one.
        settings: What goes before everything else.

    Raises:
        SteeringError: If a value is unknown or of a wrong kind; the message names it.
    """
    values = {**read_values(section, defaults), **read_values(name, defaults, workspace, settings)}
    values.pop("kind", None)
    known = {one.name for one in fields(Endpoint)} - {"name"}
    for key in values:
        if key not in known:
            raise SteeringError(f"The facility {name} has no setting {key!r}. Settings: {', '.join(sorted(known))}.")
    try:
        return Endpoint(name, **{key: _READERS.get(key, kinds.text)(value) for key, value in values.items()})
    except (TypeError, ValueError, AttributeError) as error:
        raise SteeringError(f"A setting of the facility {name} is wrong: {error}.") from error


def _configs(value: Any) -> tuple[Mapping[str, Json], ...]:
    given: list[Any] = cast("list[Any]", value if isinstance(value, list) else [value or {}])
    made = [cast("Mapping[str, Json]", one) for one in given if isinstance(one, dict)]
    if len(made) != len(given) or not made:
        message = "write config as names with values, such as {queue: preemptable, account: MyProject}, or a list of it"
        raise ValueError(message)
    return tuple(made)


_READERS: dict[str, Callable[[Any], Any]] = {
    "config": _configs,
    "paths": kinds.named_texts,
    "sources": kinds.named_texts,
}
