"""A process that a bench feeds with: it is asked by a line of JSON, and answers by one when it has done it."""

import asyncio
import json
import sys
from typing import Any

from steering.core.errors import SteeringError
from steering.core.waiting import within

_PATIENCE = 5.0


class Child:
    """A running process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Talk to a process that was started."""
        self._process = process

    @classmethod
    async def start(cls, module: str, *arguments: str) -> "Child":
        """Start a module of ours; return when it is ready.

        Raises:
            SteeringError: If it ends instead.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        child = cls(process)
        child.ready = await child._answer()
        return child

    ready: dict[str, Any]

    async def ask(self, **request: Any) -> dict[str, Any]:
        """Have it do something; return its answer.

        Raises:
            SteeringError: If it ended instead.
        """
        if self._process.stdin is None:
            message = "it has no standard input"
            raise SteeringError(message)
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        await self._process.stdin.drain()
        return await self._answer()

    async def kill(self) -> None:
        """Kill it, as a crash would."""
        self._process.kill()
        await self._process.wait()

    async def end(self) -> None:
        """Have it end, and wait until it has."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await within(_PATIENCE, self._process.wait())
        except TimeoutError:
            # A server that waits for its clients' connections.
            self._process.kill()
            await self._process.wait()

    async def _answer(self) -> dict[str, Any]:
        line = await self._process.stdout.readline() if self._process.stdout is not None else b""
        if not line:
            message = f"A process of the bench ended with exit code {await self._process.wait()}."
            raise SteeringError(message)
        return json.loads(line)


def serve(ready: dict[str, Any], do: Any) -> None:
    """In the child: say that it is ready, and do what each line asks until there are no more."""
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(do(json.loads(line)) or {}) + "\n")
        sys.stdout.flush()
