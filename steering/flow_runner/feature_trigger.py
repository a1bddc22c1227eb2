"""Starts flows on features and alarms of the running scan, which only a session has."""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from steering.core.board import Board
from steering.core.cell import BELLS
from steering.core.errors import SteeringError, cause
from steering.core.result import Result
from steering.flows.facts import Facts

if TYPE_CHECKING:
    from steering.flows.entries import FlowEntry


# What could not be ordered is tried again after so many seconds.
_AGAIN_SECONDS = 10.0


class FeatureTrigger:
    """Judges the newest results of the running scan, and what agents say, each time that the board has news."""

    def __init__(
        self,
        board: Board,
        flows: "Mapping[str, FlowEntry]",
        order: Callable[[str, str], None],
        say: Callable[[str, str], None] | None = None,
    ) -> None:
        """Prepare.

        Args:
            board: Of the session.
            flows: Of the beamline's file; those that a feature or an alarm starts are watched for.
            order: Orders a flow, by its name, for a run. One that was ordered for it before is not ordered again.
            say: Called with a cause and a sentence if a flow cannot be ordered; an empty sentence says that it was.
        """
        self._board = board
        self._flows = {name: one for name, one in flows.items() if one.trigger.in_session}
        self._order = order
        # Flows that copy, which wait for the end of the run that started them.
        self._due: dict[str, set[str]] = {}
        self._done: set[tuple[str, str]] = set()
        # Those that could not be ordered, with the monotonic time in seconds before which they are not tried again.
        self._late: dict[tuple[str, str], float] = {}
        self._say = say or _nobody

    async def run(self) -> None:
        """Watch until this is cancelled."""
        if not self._flows:
            return
        bell, ending = threading.Event(), threading.Event()
        BELLS.add(bell)
        watching = asyncio.ensure_future(asyncio.to_thread(self._watch, bell, ending))
        try:
            await asyncio.shield(watching)
        finally:
            BELLS.remove(bell)
            ending.set()
            bell.set()
            await asyncio.wait([watching])

    def look(self) -> None:
        """Look at the board as it is now."""
        status = self._board.status.value
        if status.state == "offline":
            # Whether the run goes on is not known: its files may still grow.
            return
        results = {label: one for label, one in self._board.results.value.items() if one.provenance.run == status.run}
        for name, flow in self._flows.items():
            key = (name, status.run)
            if key in self._done or (flow.trigger.scans and status.scan not in flow.trigger.scans):
                continue
            if self._alarmed(flow, status.run) or (results and _holds(flow, status.scan, results)):
                self._done.add(key)
                if status.scanning and (flow.steps.transfer or flow.steps.distribute):
                    self._due.setdefault(status.run, set()).add(name)
                else:
                    self._late[key] = 0.0
        # Between two scans that follow each other the beamline may never be seen to rest.
        for run in [one for one in self._due if not status.scanning or one != status.run]:
            self._late |= {(name, run): 0.0 for name in sorted(self._due.pop(run))}
        for key in [key for key, when in self._late.items() if time.monotonic() >= when]:
            self._try(*key)

    def _alarmed(self, flow: "FlowEntry", run: str) -> bool:
        """Say whether an agent came to say something in a run that starts a flow. What it said stays on the board."""
        said = ((one.agent, one.run) for one in self._board.advice.value)
        return flow.trigger.at == "alarm" and (flow.trigger.agent, run) in said

    def _try(self, name: str, run: str) -> None:
        try:
            self._order(name, run)
        except (SteeringError, OSError) as error:
            # A full disk, or no room for another process: what else is watched for goes on.
            self._late[name, run] = time.monotonic() + _AGAIN_SECONDS
            why = str(error) if isinstance(error, SteeringError) else f"{cause(error)}."
            self._say(
                f"flow {name}",
                f"The flow {name} is not done with run {run[:8]} yet: {why} It is tried again by itself.",
            )
        else:
            del self._late[name, run]
            self._say(f"flow {name}", "")

    def _watch(self, bell: threading.Event, ending: threading.Event) -> None:
        seen = (-1, -1, -1)
        while not ending.is_set():
            now = (self._board.results.version, self._board.status.version, self._board.advice.version)
            if now != seen or self._late:
                seen = now
                self.look()
            bell.wait(_AGAIN_SECONDS if self._late else None)
            bell.clear()


def _nobody(_cause: str, _sentence: str) -> None:
    """Tell nobody."""


def _holds(flow: "FlowEntry", scan: str, results: Mapping[str, Result]) -> bool:
    """Judge a flow's trigger; what is not known yet does not hold yet, and units that do not fit never do."""
    facts = Facts({}, {"status": "unfinished", "scan": scan})
    for label, one in results.items():
        facts = facts.with_features(label, one.outcome.features)
    condition = flow.trigger.condition
    try:
        return condition is not None and condition.holds(facts)
    except SteeringError:
        return False
