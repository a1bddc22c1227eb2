"""The contract of a facility."""

import asyncio
import math
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from steering.contract.broken import ContractError, require
from steering.core.errors import SteeringError
from steering.core.facility import Facility, FacilityStatus, Remote, WholeRuns
from steering.core.pool import JobStatus

_LOOK_SECONDS = 0.1


def _add(left: int, right: int) -> int:
    return left + right


def _unique() -> str:
    return uuid.uuid4().hex


def _fail() -> None:
    message = "on purpose"
    raise ValueError(message)


async def check_facility(
    facility: Facility,
    losses: Mapping[str, Callable[[FacilityStatus], None]] | None = None,
    patience: float = 180.0,
) -> None:
    """Check that a facility starts, computes, says truthfully how it is, replaces what died, and ends clean.

    Args:
        facility: What is checked; not started yet, and nobody else's.
        losses: Ways to take something from a facility that works, each by what is done in words, such as ``"a worker
            was killed"``. Each gets the facility's status, and does it; the facility has to come back to its strength.
        patience: Longest wait in seconds until workers come, or come back.

    Raises:
        ContractError: If it does not keep its contract.
    """
    before = await facility.status()
    require(before.state == "stopped", f"{facility.name} says {before.state!r} before it was started")
    require(not await facility.attach(), f"{facility.name} attaches to an owner that was never started")
    await facility.start()
    try:
        status = await _strong(facility, "it was started", patience, lambda _: True)
        await _computes(facility, patience)
        if isinstance(facility, WholeRuns):
            _refuses_live(facility)
        for what, lose in (losses or {}).items():
            status = await _replaces(facility, what, lose, status, patience)
        await facility.detach()
        require(await facility.attach(), f"{facility.name} has gone after it was detached from")
        require(await facility.submit("again", _add, 1, 1).result() == 2, f"{facility.name} does not attach again")
    finally:
        await facility.close()
    after = await facility.status()
    require(after.state == "stopped", f"{facility.name} says {after.state!r} after it was closed")
    require(not await facility.attach(), f"{facility.name} still runs after it was closed")
    await facility.close()


async def _strong(
    facility: Facility, after: str, patience: float, changed: Callable[[FacilityStatus], bool]
) -> FacilityStatus:
    """Wait until all workers are there and what it says of them agrees with itself."""
    status = await facility.status()
    _check_words(status)
    try:
        async with asyncio.timeout(patience):
            while not (changed(status) and _full(status, isinstance(facility, WholeRuns))):
                require(
                    status.state in ("idle", "starting", "running"),
                    f"{facility.name} says {status.state!r} after {after}: {status.detail}",
                )
                await asyncio.sleep(_LOOK_SECONDS)
                status = await facility.status()
                _check_words(status)
    except TimeoutError as error:
        pools = "; ".join(f"pool {pool.name} {pool.state}, jobs {pool.jobs}" for pool in status.pools)
        message = (
            f"{facility.name} does not have its workers {patience:g} s after {after}: it says {status.state!r} with "
            f"{len(status.workers)} workers. {status.detail} {pools}"
        )
        raise ContractError(message) from error
    return status


def _full(status: FacilityStatus, whole: bool) -> bool:  # noqa: FBT001  (whether it has no workers of its own)
    if whole:
        return status.state == "running"
    if status.state != "running" or not status.workers or any(pool.state != "running" for pool in status.pools):
        return False
    jobs = [job for pool in status.pools for job in pool.jobs if job.state == "running"]
    return not status.pools or sum(job.workers for job in jobs) == len(status.workers)


def _check_words(status: FacilityStatus) -> None:
    """Check what a facility says of its jobs: nothing may be claimed that cannot be so."""
    for pool in status.pools:
        require(pool.choice, f"{status.name} does not say why its pool {pool.name} is as it is")
        for job in pool.jobs:
            _check_job(f"{status.name}'s job {job.id or 'not submitted yet'}", job)


def _check_job(job_name: str, job: JobStatus) -> None:
    require(job.workers <= job.workers_wanted, f"{job_name} has {job.workers} of {job.workers_wanted} workers")
    if job.state == "running":
        require(job.nodes, f"{job_name} is running, but on no node")
        require(math.isfinite(job.started), f"{job_name} is running, but was never started")
    if job.state in ("submitting", "queued", "held"):
        require(not job.workers, f"{job_name} is {job.state}, but has {job.workers} workers")
        require(not job.nodes, f"{job_name} is {job.state}, but has nodes")
    if job.state == "failed":
        require(job.reason, f"{job_name} failed without a reason")


async def _replaces(
    facility: Facility,
    what: str,
    lose: Callable[[FacilityStatus], None],
    before: FacilityStatus,
    patience: float,
) -> FacilityStatus:
    """Take something from it, and wait until the loss was seen and made good."""
    lose(before)
    known = {(worker.name, worker.process_id) for worker in before.workers}

    def changed(status: FacilityStatus) -> bool:
        return {(worker.name, worker.process_id) for worker in status.workers} != known

    after = await _strong(facility, what, patience, changed)
    require(
        len(after.workers) == len(before.workers),
        f"{facility.name} has {len(after.workers)} workers after {what}, and had {len(before.workers)}",
    )
    task = facility.submit(f"after {what}", _add, 2, 3)
    async with asyncio.timeout(patience):
        require(await task.result() == 5, f"{facility.name} computes 2 + 3 wrongly after {what}")
    return after


async def _computes(facility: Facility, patience: float) -> None:
    first = facility.submit("first", _add, 1, 2)
    second = facility.submit("second", _add, first, 4)
    async with asyncio.timeout(patience):
        require(await second.result() == 7, f"{facility.name} computes 1 + 2 + 4 wrongly")
        task, again = facility.submit("unique", _unique), facility.submit("unique", _unique)
        once = await task.result() == await again.result()
        require(task.key == again.key and once, f"{facility.name} computes a key twice that it has already")
        await _fails(facility)
        await _is_called(facility, first)
        for pool in (await facility.status()).pools:
            chosen = facility.submit(f"in {pool.name}", _add, 1, 2, pool=pool.name)
            require(await chosen.result() == 3, f"{facility.name} computes 1 + 2 wrongly in the pool {pool.name}")
        await facility.rehearse(_add, 1, 1)


def _refuses_live(facility: Facility) -> None:
    """Check that what a running scan would ask for is refused in words, before it is sent."""
    why = facility.not_live if isinstance(facility, WholeRuns) else ""
    require(facility.name in why and why.endswith("."), f"{facility.name} does not say why it follows no running scan")
    try:
        facility.submit("pixels", _add, {1}, 2)
    except SteeringError as error:
        require(why in str(error), f"{facility.name} does not say what follows a running scan: {error}")
    else:
        message = f"{facility.name} takes what is no JSON"
        raise ContractError(message)


async def _fails(facility: Facility) -> None:
    failing: Any = facility.submit("failing", _fail)
    try:
        await failing.result()
    except ValueError as error:
        require("on purpose" in str(error), f"{facility.name} changes a task's error: {error}")
    except SteeringError as error:
        message = f"{facility.name} hides a task's error behind {error}"
        raise ContractError(message) from error
    else:
        message = f"{facility.name} loses a task's error"
        raise ContractError(message)


async def _is_called(facility: Facility, first: Remote[int]) -> None:
    called = await facility.call(_add, first, 4, patience=10.0)
    require(called == 7, f"{facility.name} computes 1 + 2 + 4 wrongly when it is called")
    try:
        await facility.call(_fail, patience=10.0)
    except ValueError as error:
        require("on purpose" in str(error), f"{facility.name} changes a call's error: {error}")
    else:
        message = f"{facility.name} loses a call's error"
        raise ContractError(message)
