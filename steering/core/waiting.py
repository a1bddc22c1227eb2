"""Waiting that a cancellation always ends.

Python 3.11's ``asyncio.wait_for`` loses a cancellation that comes in the same moment as the answer: whoever was told to
end then goes on. So nothing of ours calls it, and a task that a library may keep from hearing is told again.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

Value = TypeVar("Value")

# A task that has not ended so many seconds after it was told to is told again.
_AGAIN_SECONDS = 2.0


async def within(seconds: float | None, work: Awaitable[Value]) -> Value:
    """Wait for something for so many seconds, or for as long as it takes.

    Raises:
        TimeoutError: If that is over before; the work is cancelled then.
    """
    async with asyncio.timeout(seconds):
        return await work


async def end_tasks(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel tasks until all of them have ended; what they raised is nobody's any more."""
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)
