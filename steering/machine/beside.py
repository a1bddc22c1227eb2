"""Starts a compute owner while something else starts, which takes as long."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from steering.core.errors import SteeringError

Found = TypeVar("Found")


async def beside(owner: Coroutine[Any, Any, bool], work: Awaitable[Found], began: Callable[[bool], None]) -> Found:
    """Launch an owner and do something else meanwhile; return what that gave.

    Args:
        owner: Launches it, and says whether it had to be started.
        work: What else is to be done.
        began: Told whether the owner had to be started, also if either fails or is cancelled: then it is to be ended.
    """
    launching = asyncio.create_task(owner)
    try:
        found = await work
        began(await launching)
    except BaseException:
        launching.cancel()
        with suppress(asyncio.CancelledError, SteeringError):
            began(await launching)
        raise
    return found
