"""Makes every worker load what its first live task will need, including workers that join later."""

import asyncio
from collections.abc import Callable
from typing import Any

from distributed.diagnostics.plugin import WorkerPlugin


class Rehearsal(WorkerPlugin):
    """Runs a function once on each worker as it joins."""

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        """Set it up. Each rehearsal has its own name, because plugins with the same name replace each other."""
        self._function = function
        self._arguments = arguments
        self.name = f"rehearsal-{function.__module__}.{function.__qualname__}-{'-'.join(map(_title, arguments))}"

    async def setup(self, worker: Any) -> None:
        """Run the function in a thread, so that the worker keeps answering."""
        del worker
        await asyncio.to_thread(self._function, *self._arguments)


def _title(argument: object) -> str:
    return str(getattr(argument, "name", type(argument).__name__))
