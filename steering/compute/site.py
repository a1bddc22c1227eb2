"""A facility as values: a YAML section under ``steering.sites`` that a site may override.

The sections of this package lie beside their facility's file. They are Dask configuration: what is written under
``steering.sites.NAME`` in ``steering.yaml`` of the workspace, in any YAML file of Dask's configuration folders, or in
environment variables such as ``DASK_STEERING__SITES__POLARIS__ACCOUNT``, goes before them, in the reverse order.
"""

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

import yaml

from steering.compute import kinds
from steering.core.errors import SteeringError
from steering.core.pool import URGENCIES, Urgency

BatchName: TypeAlias = Literal["pbs", "slurm", "process"]
FanOut: TypeAlias = Literal["", "mpiexec", "pbsdsh", "srun"]


@dataclass(frozen=True)
class Queue:
    """What a site's rules allow in one queue. 0 nodes or jobs, and an infinite walltime, mean no limit.

    Attributes:
        name: The batch system's name for it.
        nodes_least: Fewest nodes of a job.
        nodes_most: Most nodes of a job.
        nodes_per_job: Nodes that our jobs have at most, so that a pre-empted one takes few with it; 0 for no such wish.
        walltime_least: Seconds.
        walltime_most: Seconds.
        jobs_most: Most jobs of one user, queued or running.
        pool_nodes_most: Most nodes of all of one user's jobs together.
        directives: Directives that its jobs get besides the site's.
        note: What else a person should know.
        source: Where all this is written.
    """

    name: str
    nodes_least: int = 1
    nodes_most: int = 0
    nodes_per_job: int = 0
    walltime_least: float = 0.0
    walltime_most: float = math.inf
    jobs_most: int = 0
    pool_nodes_most: int = 0
    directives: tuple[str, ...] = ()
    note: str = ""
    source: str = ""


@dataclass(frozen=True)
class Site:
    """One place to compute.

    Attributes:
        name: Name of the facility.
        title: Its name for a person.
        batch: Which batch system it has; ``"process"`` for none.
        account: Account that jobs are charged to.
        account_needed: Whether jobs without one are refused.
        directory: Folder on a filesystem that login and compute nodes share; the workspace's own if empty.
        paths: Folders of the beamline as the nodes see them, by their name at the beamline.
        filesystems: Filesystems that jobs ask for, by the folder under which they lie.
        scheduler_interface: Network interface of the machine where the scheduler runs; loopback if empty.
        worker_interface: Network interface of the nodes; any if empty.
        resource_spec: PBS resources of a job; ``{nodes}`` stands for their number.
        directives: Directives that every job gets.
        prologue: Shell lines before the launcher.
        python: Python on the nodes; the one that runs this if empty.
        environment: Folder of the worker environment that ``steering compute prepare`` builds; empty for none.
        fan_out: What starts the launcher on each node of a job.
        workers_per_node: One for each GPU tile, or a share of the cores.
        threads_per_worker: Threads of one worker.
        memory_per_node: Bytes that the workers of a node share.
        mask: Environment variable that names a worker's GPU tile; empty for none.
        masks: For each worker of a node what that variable says; its number from 0 if empty.
        cores: For each worker the cores that it is bound to, as ``"1-8"``; empty for no binding.
        resources: Dask resources of each worker.
        local_directory: Fast folder on the node for what does not fit in memory.
        queues: Its queues by name.
        preference: For each urgency the queues to try, best first.
        walltime: For each urgency the walltime to ask for, in seconds.
        nodes: Nodes that a session asks for if nobody says how many.
        poll: Seconds between two looks at the batch system.
        death_timeout: Seconds after which a worker without a scheduler ends.
        handover: Seconds before the end of a job's walltime at which its successor is submitted.
        linger: Seconds without a client and without work after which everything is ended; 0 for never.
        patience: Seconds for which submissions that are refused are tried on; 0 for as long as the order stands.
        node_hours: Node-hours after which nothing more is submitted; infinite for no limit.
        sources: Where a value is written, by its name.
    """

    name: str
    title: str = ""
    batch: BatchName = "process"
    account: str = ""
    account_needed: bool = False
    directory: str = ""
    paths: Mapping[str, str] = field(default_factory=dict[str, str])
    filesystems: Mapping[str, str] = field(default_factory=dict[str, str])
    scheduler_interface: str = ""
    worker_interface: str = ""
    resource_spec: str = ""
    directives: tuple[str, ...] = ()
    prologue: tuple[str, ...] = ()
    python: str = ""
    environment: str = ""
    fan_out: FanOut = ""
    workers_per_node: int = 1
    threads_per_worker: int = 1
    memory_per_node: int = 0
    mask: str = ""
    masks: tuple[str, ...] = ()
    cores: tuple[str, ...] = ()
    resources: Mapping[str, float] = field(default_factory=dict[str, float])
    local_directory: str = ""
    queues: Mapping[str, Queue] = field(default_factory=dict[str, Queue])
    preference: Mapping[Urgency, tuple[str, ...]] = field(default_factory=dict[Urgency, tuple[str, ...]])
    walltime: Mapping[Urgency, float] = field(default_factory=dict[Urgency, float])
    nodes: int = 1
    poll: float = 2.0
    death_timeout: float = 60.0
    handover: float = 120.0
    linger: float = 0.0
    patience: float = 0.0
    node_hours: float = math.inf
    sources: Mapping[str, str] = field(default_factory=dict[str, str])


def read_site(
    name: str, defaults: Path, workspace: Path | None = None, settings: Mapping[str, Any] | None = None
) -> Site:
    """Read a facility's section, with what the site and the user override.

    Args:
        name: Of the facility; names its section.
        defaults: YAML file with the section as this package ships it.
        workspace: Folder whose ``steering.yaml`` is read too, if there is one.
        settings: What goes before everything else.

    Raises:
        SteeringError: If a value is missing, unknown or of a wrong kind; the message names it.
    """
    return make_site(name, read_values(name, defaults, workspace, settings))


def read_values(
    name: str, defaults: Path, workspace: Path | None = None, settings: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Read what is written of a facility, whatever its values mean; the arguments are those of :func:`read_site`.

    Raises:
        SteeringError: If a file is no description of facilities.
    """
    import dask.config

    merged = dask.config.merge(_section(defaults, name), *written_by_user(name, workspace), settings or {})
    return {
        key.replace("-", "_"): _expanded(value) if isinstance(value, str) else value for key, value in merged.items()
    }


def written_by_user(name: str, workspace: Path | None) -> list[Mapping[str, Any]]:
    """Read what Dask's configuration and then the workspace's ``steering.yaml`` say of a facility.

    Raises:
        SteeringError: If that file is no description of facilities.
    """
    import dask.config

    overrides = [cast("Mapping[str, Any]", dask.config.get(f"steering.sites.{name}", {}) or {})]
    own = workspace / "steering.yaml" if workspace is not None else None
    if own is not None and own.exists():
        overrides.append(_section(own, name))
    return overrides


def named_by_user(workspace: Path | None) -> list[str]:
    """Name the facilities that Dask's configuration or the workspace's ``steering.yaml`` say something of.

    Raises:
        SteeringError: If that file is no description of facilities.
    """
    import dask.config

    own = workspace / "steering.yaml" if workspace is not None else None
    configured = cast("Mapping[str, Any]", dask.config.get("steering.sites", {}) or {})
    return sorted({*map(str, configured), *(_sites(own) if own is not None and own.exists() else ())})


def make_site(name: str, section: Mapping[str, Any]) -> Site:
    """Make a site of a section's values.

    Raises:
        SteeringError: If a value is unknown or of a wrong kind; the message names it.
    """
    known = {one.name for one in fields(Site)} - {"name"}
    unknown = sorted(set(section) - known)
    if unknown:
        message = f"The facility {name} has no setting {unknown[0]!r}. Settings: {', '.join(sorted(known))}."
        raise SteeringError(message)
    values: dict[str, Any] = {}
    for key, value in section.items():
        try:
            values[key] = _READERS.get(key, kinds.text)(value)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            message = f"The setting {key} of the facility {name} cannot be {value!r}: {error}."
            raise SteeringError(message) from error
    site = Site(name, **values)
    _check(site)
    return site


def _check(site: Site) -> None:
    for urgency, names in site.preference.items():
        for queue in names:
            if queue not in site.queues:
                message = (
                    f"The facility {site.name} prefers queue {queue!r} for {urgency}, but describes none of that name. "
                    f"Described: {', '.join(site.queues) or 'none'}."
                )
                raise SteeringError(message)
            longest = min(site.walltime.get(urgency, math.inf), site.queues[queue].walltime_most)
            if site.batch != "process" and math.isinf(longest):
                message = (
                    f"The facility {site.name} has no walltime for {urgency} jobs in queue {queue!r}. "
                    f"Set walltime: {{{urgency}: HH:MM:SS}} of {site.name} in steering.yaml."
                )
                raise SteeringError(message)
    try:
        site.resource_spec.format(nodes=site.nodes)
    except (LookupError, ValueError, AttributeError) as error:
        message = (
            f"The setting resource_spec of the facility {site.name} cannot be {site.resource_spec!r}: only {{nodes}} "
            "is put in, for the number of nodes. Write other braces twice."
        )
        raise SteeringError(message) from error
    for what, given in (("cores", site.cores), ("masks", site.masks)):
        if given and len(given) != site.workers_per_node:
            message = (
                f"The facility {site.name} gives {what} for {len(given)} workers, but has {site.workers_per_node} "
                "workers a node. Give one for each worker, or none."
            )
            raise SteeringError(message)


def _expanded(value: str) -> str:
    """Put environment variables in; a value that is nothing but a variable that is not set is empty."""
    found = os.path.expandvars(value)
    return "" if found.startswith("${") and found.endswith("}") else found


def _section(file: Path, name: str) -> Mapping[str, Any]:
    content: Any = _sites(file).get(name) or {}
    if not isinstance(content, Mapping):
        raise _undescribed(file, f"{name} has no settings")
    return {str(key): value for key, value in cast("Mapping[Any, Any]", content).items()}


def _sites(file: Path) -> Mapping[str, Any]:
    try:
        content: Any = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        sites: Any = content.get("steering", {}).get("sites", {}) or {}
        return {str(key): value for key, value in cast("Mapping[Any, Any]", sites).items()}
    except (yaml.YAMLError, AttributeError, TypeError, ValueError, OSError) as error:
        raise _undescribed(file, str(error)) from error


def _undescribed(file: Path, why: str) -> SteeringError:
    return SteeringError(f"{file} cannot be read as a description of facilities: {why}.")


def _queues(value: Mapping[str, Any]) -> dict[str, Queue]:
    return {name: _queue(name, entry or {}) for name, entry in value.items() if entry is not False}


def _queue(name: str, entry: Mapping[str, Any]) -> Queue:
    given = {key.replace("-", "_"): item for key, item in entry.items()}
    for key in ("walltime_least", "walltime_most"):
        if key in given:
            given[key] = kinds.time(given[key])
    for key in ("nodes_least", "nodes_most", "nodes_per_job", "jobs_most", "pool_nodes_most"):
        if key in given:
            given[key] = kinds.whole(given[key])
    given["directives"] = kinds.texts(given.get("directives"))
    return Queue(name, **given)


def _preference(value: Mapping[str, Any]) -> dict[Urgency, tuple[str, ...]]:
    return {_urgency(key): tuple(str(name) for name in names) for key, names in value.items()}


def _walltimes(value: Mapping[str, Any]) -> dict[Urgency, float]:
    return {_urgency(key): kinds.time(item) for key, item in value.items()}


def _urgency(text: str) -> Urgency:
    if text not in URGENCIES:
        message = f"there is no urgency {text!r}; allowed: {', '.join(URGENCIES)}"
        raise ValueError(message)
    return text


_READERS: dict[str, Callable[[Any], Any]] = {
    "batch": kinds.one_of(BatchName),
    "fan_out": kinds.one_of(FanOut),
    "account_needed": kinds.truth,
    "queues": _queues,
    "preference": _preference,
    "walltime": _walltimes,
    "memory_per_node": kinds.memory,
    "workers_per_node": kinds.count,
    "threads_per_worker": kinds.count,
    "nodes": kinds.count,
    "directives": kinds.texts,
    "prologue": kinds.texts,
    "masks": kinds.texts,
    "cores": kinds.texts,
    "poll": kinds.time,
    "death_timeout": kinds.time,
    "handover": kinds.time,
    "linger": kinds.time,
    "patience": kinds.time,
    "node_hours": float,
    "filesystems": kinds.named_texts,
    "paths": kinds.named_texts,
    "resources": kinds.amounts,
    "sources": kinds.named_texts,
}
