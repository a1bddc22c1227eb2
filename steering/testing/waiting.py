"""Waits on conditions, never for a time."""

import asyncio
from collections.abc import Callable

from steering.contract.broken import require

PATIENCE = 180.0
_POLL_SECONDS = 0.03


async def until(condition: Callable[[], bool], sentence: Callable[[], str], patience: float = PATIENCE) -> None:
    """Wait until a condition holds, which is asked in a thread.

    Args:
        condition: What is waited for.
        sentence: Says what is wrong if it does not come to hold.
        patience: Longest wait in seconds.

    Raises:
        ContractError: With the sentence.
    """
    for _ in range(int(patience / _POLL_SECONDS)):
        if await asyncio.to_thread(condition):
            return
        await asyncio.sleep(_POLL_SECONDS)
    require(condition(), sentence())
