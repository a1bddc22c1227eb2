"""Work for a thread, awaited; also while the interpreter ends, when no executor takes anything any more."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar, cast

Value = TypeVar("Value")


async def in_thread(function: Callable[[], Value], *, daemon: bool = False) -> Value:
    """Run a function in a thread of its own and wait for what it returns.

    Whoever is cancelled while waiting leaves it running to its end.

    Args:
        function: What is run.
        daemon: Whether the interpreter may end while it runs, as with a stranger's code that may hang.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Value] = loop.create_future()

    def tell(value: Value | None, error: BaseException | None) -> None:
        if answer.done():
            return
        if isinstance(error, StopIteration):
            # A future takes none, and whoever waits for it would wait for ever.
            answer.set_exception(RuntimeError("it ran past the end of an iterator (StopIteration)"))
        elif error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(cast("Value", value))

    def run() -> None:
        value, wrong = None, None
        try:
            value = function()
        except BaseException as error:  # noqa: BLE001  (it is raised where it is waited for)
            wrong = error
        with suppress(RuntimeError):
            # Nobody waits any more if the loop has been closed.
            loop.call_soon_threadsafe(tell, value, wrong)

    threading.Thread(target=run, name="steering-work", daemon=daemon).start()
    return await answer
