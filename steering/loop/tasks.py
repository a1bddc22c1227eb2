"""One run's tasks on a facility. Their keys differ from those of other sessions and of earlier tries."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from typing import Any

from steering.cluster.aside import step_aside
from steering.core.errors import PassedOverError, SteeringError
from steering.core.facility import Facility, Remote
from steering.loop.pace import Pace

# A live block overtakes any backlog on a shared facility, and a result overtakes any block.
BLOCK_PRIORITY, RESULT_PRIORITY = 10, 20
# What steps aside has the same order among itself, before any backlog and behind all that is live.
_ASIDE_PART = 5
# A task raises whatever an analysis of somebody else raises. It is reported to the user, and the run continues.
TASK_ERRORS = (Exception,)

_RESUME_SECONDS = 30.0
_LOG = logging.getLogger(__name__)


class Tasks:
    """Submits tasks and waits for them. Reports once when the facility has lost its values.

    Attributes:
        generation: Name that changes whenever earlier submissions are lost; empty while the facility is being reached
            again.
        aside: Whether tasks leave the workers' threads to other tasks, because each may take long.
        threads: Number of these tasks that the facility runs at the same time.
        usual: Seconds that a group of blocks usually takes, including the time that it waits.
    """

    def __init__(
        self, facility: Facility, name: str, pace: Pace, lost: Callable[[], None], *, aside: bool = False
    ) -> None:
        """Connect the tasks to their surroundings.

        Args:
            facility: Where tasks run.
            name: Name of the run and its analyses, for the keys.
            pace: Defines when a task is overdue.
            lost: Called when the facility has lost its values.
            aside: Whether tasks leave the workers' threads to other tasks.
        """
        self.aside = aside
        self.generation = ""
        self.threads = 1 if aside else 2
        self.usual = 0.0
        self._facility = facility
        self._name = name
        self._pace = pace
        self._lost = lost
        self._numbers = 0

    @property
    def facility(self) -> str:
        """Name of the facility."""
        return self._facility.name

    def begin(self) -> None:
        """Begin with nothing submitted."""
        # Two sessions may follow one run on one facility and group its blocks differently, so their keys must differ.
        self.generation = f"{self._name}-{secrets.token_hex(4)}"
        self._numbers = 0

    def stop(self) -> None:
        """End the current generation. Whatever is still under way is ignored from now on."""
        self.generation = ""

    def lose(self, generation: str) -> None:
        """Report that the values of a generation are gone. A late report about an earlier generation is ignored."""
        if generation and generation == self.generation:
            self._lost()

    def submit(self, name: str, function: Callable[..., Any], *arguments: Any, priority: int = BLOCK_PRIORITY) -> Any:
        """Submit a task.

        Raises:
            LostError: If the facility is gone.
        """
        self._numbers += 1
        key = f"{name}-{self._numbers}-{self.generation}"
        if self.aside:
            return self._facility.submit(key, _beside, function, *arguments, priority=priority // _ASIDE_PART)
        return self._facility.submit(key, function, *arguments, priority=priority)

    async def call(self, name: str, function: Callable[..., Any], *arguments: Any, usual: float) -> Any:
        """Run a function at once; if that is not possible now, run it as a task before all blocks.

        Args:
            name: Name of the task.
            function: Function to run.
            arguments: Its arguments.
            usual: Seconds that the function itself usually takes.

        Raises:
            LostError: If the facility is gone.
        """
        if self.aside:
            return await self.value(self.submit(name, function, *arguments, priority=RESULT_PRIORITY), usual)
        try:
            return await self._facility.call(function, *arguments, patience=self.patience(max(self.usual, usual)))
        except PassedOverError:
            return await self.value(self.submit(name, function, *arguments, priority=RESULT_PRIORITY), usual)

    def patience(self, usual: float) -> float:
        """Return after how many seconds a task is overdue if it usually takes ``usual`` seconds."""
        return max(self._pace.overdue, self._pace.overdue_times * usual)

    async def overdue(self, key: str, patience: float) -> None:
        """Report a task that was waited for ``patience`` seconds, so that workers that do not answer are given up."""
        try:
            await self._facility.overdue(key, patience)
        except (SteeringError, OSError):
            # The facility is lost. Waiting for its values will show this.
            return

    async def look(self) -> None:
        """Look up how many worker threads the facility has."""
        try:
            status = await self._facility.status()
        except (SteeringError, OSError):
            return
        threads = sum(worker.threads for worker in status.workers)
        if threads:
            # Tasks that step aside run in addition to the tasks in the worker threads.
            self.threads = max(threads // 4, 1) if self.aside else threads

    async def resume(self) -> bool:
        """Try to reach a lost facility; return whether this succeeded."""
        try:
            # A facility that stops answering during the try must not delay the next try.
            async with asyncio.timeout(_RESUME_SECONDS):
                await self._facility.resume()
            self.begin()
        except TASK_ERRORS as error:
            _LOG.info("%s cannot be reached yet: %s", self._facility.name, error or type(error).__name__)
            return False
        return True

    async def value(self, remote: Remote[Any], usual: float) -> Any:
        """Wait for a value. While it is overdue, have workers that hang given up.

        Raises:
            LostError: If the facility has lost it.
        """
        began = time.monotonic()
        waiting = asyncio.ensure_future(remote.result())
        tries = 1
        try:
            while not waiting.done():
                patience = self.patience(max(self.usual, usual))
                await asyncio.wait([waiting], timeout=patience * tries)
                if not waiting.done() and time.monotonic() - began > patience:
                    tries += 1
                    await self.overdue(remote.key, patience)
            return waiting.result()
        finally:
            waiting.cancel()


def _beside(function: Callable[..., Any], *arguments: Any) -> Any:
    """Run a function on a worker beside its other tasks."""
    step_aside()
    return function(*arguments)
