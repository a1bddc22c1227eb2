"""The saved jobs of an owner's pools, for another owner to take over or to end."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from steering.core.errors import SteeringError
from steering.core.json import Json
from steering.core.pool import URGENCIES, Urgency
from steering.machine.secret_file import read_secret, write_secret


@dataclass(frozen=True)
class JobRecord:
    """A job that was submitted and has not ended.

    ``id`` is empty if its submission was not answered yet. ``seconds`` is for how long it ran, to a minute.
    """

    name: str
    slot: int
    id: str
    seconds: float = 0.0


@dataclass(frozen=True)
class PoolRecord:
    """A pool with jobs. ``walltime`` is in seconds, NaN for the policy's choice."""

    pool: str
    urgency: Urgency
    queue: str
    nodes_per_job: int
    nodes: int
    most_nodes: int
    walltime: float
    jobs: tuple[JobRecord, ...]


@dataclass(frozen=True)
class SavedPools:
    """All pools of an owner that have jobs.

    Attributes:
        pools: Pools with jobs.
        node_hours: Node-hours that jobs used which have ended, to two decimals.
    """

    pools: tuple[PoolRecord, ...] = ()
    node_hours: float = 0.0

    @property
    def node_hours_in_all(self) -> float:
        """Node-hours of all jobs, also of those that had not ended."""
        going = sum(job.seconds * pool.nodes_per_job for pool in self.pools for job in pool.jobs)
        return round(self.node_hours + going / 3600.0, 2)

    @classmethod
    def of(cls, pools: Sequence[Mapping[str, Json]], node_hours: float) -> "SavedPools":
        """Create the object from the records of pools."""
        return cls(tuple(_pool(entry) for entry in pools), round(node_hours, 2))


def read_saved_pools(directory: Path) -> SavedPools:
    """Read the saved pools of an earlier owner; the result is empty if there is no file.

    Raises:
        SteeringError: If the file has another format.
    """
    content = read_secret(_file(directory))
    if content is None:
        return SavedPools()
    try:
        pools = [cast("Mapping[str, Json]", entry) for entry in cast("list[Json]", content["pools"])]
        return SavedPools.of(pools, float(str(content["node_hours"])))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        message = f"{_file(directory)} is not a list of jobs ({error}). Look for jobs of yours and remove the file."
        raise SteeringError(message) from error


def write_saved_pools(directory: Path, saved: SavedPools) -> None:
    """Write the current pools and their jobs."""
    pools: list[Json] = []
    for pool in saved.pools:
        entry = cast("dict[str, Json]", asdict(pool))
        entry["walltime"] = None if math.isnan(pool.walltime) else pool.walltime
        entry["jobs"] = [cast("dict[str, Json]", asdict(job)) for job in pool.jobs]
        pools.append(entry)
    write_secret(_file(directory), {"pools": pools, "node_hours": saved.node_hours})


def _file(directory: Path) -> Path:
    return directory / "estate.json"


def _pool(entry: Mapping[str, Any]) -> PoolRecord:
    urgency = entry["urgency"]
    if urgency not in URGENCIES:
        message = f"urgency {urgency!r}"
        raise ValueError(message)
    walltime = entry["walltime"]
    jobs = tuple(
        JobRecord(str(job["name"]), int(job["slot"]), str(job["id"]), float(job.get("seconds", 0.0)))
        for job in entry["jobs"]
    )
    return PoolRecord(
        str(entry["pool"]),
        urgency,
        str(entry["queue"]),
        int(entry["nodes_per_job"]),
        int(entry["nodes"]),
        int(entry["most_nodes"]),
        math.nan if walltime is None else float(walltime),
        jobs,
    )
