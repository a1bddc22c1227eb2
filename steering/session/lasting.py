"""What a session does for as long as it lasts: work that ends by a fault is said, and begins again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from steering.core.errors import SteeringError, said

_AGAIN_SECONDS = 1.0
_LOG = logging.getLogger(__name__)


async def lasting(
    what: str, work: Callable[[], Awaitable[None]], ready: asyncio.Event, say: Callable[[str], None]
) -> None:
    """Do some work until it ends in order or is cancelled.

    Args:
        what: The work, as the subject of a sentence.
        work: Makes it, each time that it begins.
        ready: Set once the session is open. Before that a fault is the caller's, who opens it.
        say: Takes a sentence about a fault.

    Raises:
        Exception: What the work raises before the session is ready.
    """
    while True:
        try:
            return await work()
        except SteeringError as error:
            if not ready.is_set():
                raise
            # What a person must mend, such as an invitation that has run out.
            return say(f"{what} has ended: {error} Then open the session again.")
        except Exception as error:
            if not ready.is_set():
                raise
            _LOG.exception("%s failed.", what)
            say(f"{what} failed ({said(error)}), and begins again.")
        await asyncio.sleep(_AGAIN_SECONDS)
