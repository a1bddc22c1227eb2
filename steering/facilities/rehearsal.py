"""Has every worker load what its first live task will need, also a worker that comes later."""

import asyncio
from collections.abc import Callable
from typing import Any

from distributed.diagnostics.plugin import WorkerPlugin


class Rehearsal(WorkerPlugin):
    """Runs a function once on each worker as it joins."""

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        """Describe it; plugins of one name replace each other, so each has its own."""
        self._function = function
        self._arguments = arguments
        self.name = f"rehearsal-{function.__module__}.{function.__qualname__}-{'-'.join(map(_title, arguments))}"

    async def setup(self, worker: Any) -> None:
        """Run it in a thread: the worker must go on answering."""
        del worker
        await asyncio.to_thread(self._function, *self._arguments)


def _title(argument: object) -> str:
    return str(getattr(argument, "name", type(argument).__name__))
