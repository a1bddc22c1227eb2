"""A plan asks a coroutine, on the engine's loop, and waits for its answer."""

from collections.abc import Awaitable, Callable, Generator
from typing import Any

from bluesky import plan_stubs as bps
from bluesky.utils import Msg


def asked(question: Callable[[], Awaitable[Any]]) -> Generator[Msg, Any, Any]:
    """Wait for an answer.

    Args:
        question: Makes what is waited for. Where a suspender of the engine cuts the waiting off, it is asked again.

    Returns:
        The answer, or what it raises.
    """
    while True:
        done = yield from bps.wait_for([question])
        if done is not None:
            (answer,) = done
            return answer.result()
