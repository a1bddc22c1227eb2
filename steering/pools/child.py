"""The owner's scheduler, as a child process that is started again when it is gone."""

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from distributed.core import rpc

from steering.cluster.connection import connection_arguments, make_security, write_connection
from steering.core.errors import SteeringError
from steering.core.json import Json
from steering.core.waiting import within

_READY_SECONDS = 60.0
_ANSWER_SECONDS = 10.0
_END_SECONDS = 10.0
# A scheduler that has not answered for this long is considered hung. This is longer than a hundred thousand tasks may
# keep it busy.
_HUNG_SECONDS = 25.0
_PIECE_BYTES = 1 << 16


class SchedulerChild:
    """A scheduler process and the connection to its mailbox.

    Attributes:
        restarts: Number of times that it had to be started again; -1 before the first start.
    """

    def __init__(self, directory: Path, interface: str, *, dashboard: bool = True) -> None:
        """Set it up; nothing is started yet.

        Args:
            directory: Folder of its connection file and the TLS keys.
            interface: Network interface; loopback if empty.
            dashboard: Whether it serves Dask's page on loopback. The page has no authentication, so it must not be
                served on a login node, where other users work too.
        """
        self._dashboard = dashboard
        self.restarts = -1
        self._directory = directory
        self._interface = interface
        self._process: asyncio.subprocess.Process | None = None
        self._line: Any = None
        self._answered = time.monotonic()
        self._draining: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.returncode is None

    @property
    def hangs(self) -> bool:
        """Whether it has not answered for so long that it is considered hung. Only meaningful if its process runs."""
        return time.monotonic() - self._answered > _HUNG_SECONDS

    async def start(self) -> dict[str, Json]:
        """Start it (again) and write its connection file; return the content of the file.

        Raises:
            SteeringError: If it does not come up.
            OSError: If there is no process to be had, or no room for the file.
        """
        await self._hang_up()
        if self.alive and self._process is not None:
            # It hangs and would not react to SIGTERM.
            self._process.kill()
            await self._process.wait()
        self.restarts += 1
        keys = make_security(self._directory)
        arguments = ["--directory", str(self._directory)]
        arguments += ["--interface", self._interface] if self._interface else []
        arguments += [] if self._dashboard else ["--no-dashboard"]
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "steering.cluster.scheduler", *arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        ready = await self._first_line(self._process)
        content: dict[str, Json] = {**keys, **ready, "directory": str(self._directory)}
        try:
            write_connection(self._directory / "scheduler.json", content)
        except (OSError, SteeringError):
            # No worker would find it.
            self._process.kill()
            await self._process.wait()
            raise
        self._line = rpc(str(content["address"]), connection_args=connection_arguments(content))
        self._answered = time.monotonic()
        return content

    async def exchange(self, status: Mapping[str, Any], answers: Mapping[str, Any]) -> dict[str, Any]:
        """Give the owner's status and answers to the mailbox; return the requests and the scheduler's load.

        Raises:
            OSError: If the scheduler does not answer.
        """
        try:
            heard: dict[str, Any] = await within(
                _ANSWER_SECONDS, self._line.steering_exchange(status=dict(status), answers=dict(answers))
            )
        except TimeoutError as error:
            message = f"no answer within {_ANSWER_SECONDS:g} s"
            raise OSError(message) from error
        self._answered = time.monotonic()
        return heard

    async def stop(self) -> None:
        """End it."""
        await self._hang_up()
        process = self._process
        if process is not None and process.returncode is None:
            process.terminate()
            try:
                await within(_END_SECONDS, process.wait())
            except TimeoutError:
                process.kill()
                await process.wait()
        (self._directory / "scheduler.json").unlink(missing_ok=True)

    async def _first_line(self, process: asyncio.subprocess.Process) -> dict[str, Json]:
        stream = process.stdout
        if stream is None:
            message = "The scheduler has no standard output."
            raise SteeringError(message)
        with suppress(TimeoutError):
            async with asyncio.timeout(_READY_SECONDS):
                async for line in stream:
                    if line.startswith(b"{"):
                        self._draining = asyncio.create_task(_drain(stream))
                        return json.loads(line)
        if process.returncode is None:
            process.kill()
        code = await process.wait()
        message = (
            f"The Dask scheduler did not come up (exit code {code}). Its words are in the compute owner's log; "
            "a wrong scheduler_interface of the facility is the usual cause."
        )
        raise SteeringError(message)

    async def _hang_up(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            await line.close_rpc()
        if self._draining is not None:
            self._draining.cancel()
            self._draining = None


async def _drain(stream: asyncio.StreamReader) -> None:
    """Keep reading, so that a scheduler with much output never blocks on a full pipe."""
    while await stream.read(_PIECE_BYTES):
        continue
