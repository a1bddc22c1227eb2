"""The contract of a facility."""

import asyncio
import uuid
from typing import Any

from steering.core.errors import SteeringError
from steering.core.facility import Facility
from steering.testing.broken import ContractError, require

_PATIENCE = 60.0


def _add(left: int, right: int) -> int:
    return left + right


def _unique() -> str:
    return uuid.uuid4().hex


def _fail() -> None:
    message = "on purpose"
    raise ValueError(message)


async def check_facility(facility: Facility) -> None:
    """Check that a facility starts, computes, says truthfully how it is, and ends clean.

    Args:
        facility: What is checked; not started yet, and nobody else's.

    Raises:
        ContractError: If it does not keep its contract.
    """
    before = await facility.status()
    require(before.state == "stopped", f"{facility.name} says {before.state!r} before it was started")
    require(not await facility.attach(), f"{facility.name} attaches to an owner that was never started")
    await facility.start()
    try:
        await _computes(facility)
        await facility.detach()
        require(await facility.attach(), f"{facility.name} has gone after it was detached from")
        require(await facility.submit("again", _add, 1, 1).result() == 2, f"{facility.name} does not attach again")
    finally:
        await facility.close()
    after = await facility.status()
    require(after.state == "stopped", f"{facility.name} says {after.state!r} after it was closed")
    require(not await facility.attach(), f"{facility.name} still runs after it was closed")
    await facility.close()


async def _computes(facility: Facility) -> None:
    status = await facility.status()
    require(status.state == "running", f"{facility.name} says {status.state!r} after it was started: {status.detail}")
    require(status.workers, f"{facility.name} has no workers after it was started")
    first = facility.submit("first", _add, 1, 2)
    second = facility.submit("second", _add, first, 4)
    async with asyncio.timeout(_PATIENCE):
        require(await second.result() == 7, f"{facility.name} computes 1 + 2 + 4 wrongly")
        task, again = facility.submit("unique", _unique), facility.submit("unique", _unique)
        once = await task.result() == await again.result()
        require(task.key == again.key and once, f"{facility.name} computes a key twice that it has already")
        await _fails(facility)
        await facility.rehearse(_add, 1, 1)


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
