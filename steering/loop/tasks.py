"""One run's tasks on a facility, under keys that no other session and no earlier try has used."""

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

# A live block overtakes any backlog on a shared facility, and a result any block.
BLOCK_PRIORITY, RESULT_PRIORITY = 10, 20
# What a task may raise that is not the loop's own fault: said to the person, and the run goes on.
TASK_ERRORS = (SteeringError, OSError, RuntimeError, ValueError, KeyError, TypeError)

_RESUME_SECONDS = 30.0
_LOG = logging.getLogger(__name__)


class Tasks:
    """Submits tasks and waits for them; a facility that has lost its values is told of once.

    Attributes:
        generation: Changes whenever what was submitted before is lost; empty while the facility is being reached again.
        aside: Whether tasks leave the workers' threads to others, as each may take long.
        threads: How many tasks the facility works on at the same time, for these.
        usual: Seconds that a group of blocks usually takes, waiting included.
    """

    def __init__(
        self, facility: Facility, name: str, pace: Pace, lost: Callable[[], None], *, aside: bool = False
    ) -> None:
        """Wire it.

        Args:
            facility: Where tasks run.
            name: Of the run and the analysis, for the keys.
            pace: Says when a task is overdue.
            lost: Called when the facility has lost its values.
            aside: Whether tasks leave the workers' threads to others.
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
        # Two sessions may follow one run on one facility and group its blocks differently: their keys must differ.
        self.generation = f"{self._name}-{secrets.token_hex(4)}"
        self._numbers = 0

    def stop(self) -> None:
        """From now on whatever is still under way belongs to the past."""
        self.generation = ""

    def lose(self, generation: str) -> None:
        """Tell that the values of a generation are gone; a late word of an earlier loss is no news."""
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
            return self._facility.submit(key, _beside, function, *arguments, priority=priority)
        return self._facility.submit(key, function, *arguments, priority=priority)

    async def call(self, name: str, function: Callable[..., Any], *arguments: Any, usual: float) -> Any:
        """Run a function at once; if that is not possible now, as a task before all blocks.

        Args:
            name: Of the task.
            function: What is run.
            arguments: Its arguments.
            usual: How many seconds it takes itself.

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
        """Say after how many seconds a task is overdue that usually takes so many."""
        return max(self._pace.overdue, self._pace.overdue_times * usual)

    async def overdue(self, key: str, patience: float) -> None:
        """Have workers given up that a task waits for and that do not answer; for which it was waited so long."""
        try:
            await self._facility.overdue(key, patience)
        except (SteeringError, OSError):
            # A facility that cannot be asked is lost, which waiting for its values will tell.
            return

    async def look(self) -> None:
        """Learn how many hands the facility has."""
        try:
            status = await self._facility.status()
        except (SteeringError, OSError):
            return
        threads = sum(worker.threads for worker in status.workers)
        if threads:
            # What steps aside runs beside all that the threads do.
            self.threads = max(threads // 4, 1) if self.aside else threads

    async def resume(self) -> bool:
        """Try to reach a facility that was lost; return whether it is there again."""
        try:
            # One that falls silent while it is being reached must not hold up the next try.
            async with asyncio.timeout(_RESUME_SECONDS):
                await self._facility.resume()
            self.begin()
        except TASK_ERRORS as error:
            _LOG.info("%s cannot be reached yet: %s", self._facility.name, error or type(error).__name__)
            return False
        return True

    async def value(self, remote: Remote[Any], usual: float) -> Any:
        """Wait for a value; while it is long overdue, have workers given up that hang.

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
