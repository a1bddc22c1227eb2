"""Reads the status that an owner left in the mailbox."""

from collections.abc import Mapping
from typing import Any

from steering.core.pool import JobStatus, PoolStatus


def pools_of(report: Mapping[str, Any]) -> tuple[PoolStatus, ...]:
    """Return the pools of a report."""
    return tuple(_pool(entry) for entry in report.get("pools", ()))


def _pool(entry: Mapping[str, Any]) -> PoolStatus:
    jobs = tuple(_job(job) for job in entry["jobs"])
    values: dict[str, Any] = {**entry, "jobs": jobs}
    return PoolStatus(**values)


def _job(entry: Mapping[str, Any]) -> JobStatus:
    values: dict[str, Any] = {**entry, "nodes": tuple(entry["nodes"])}
    return JobStatus(**values)
