"""Starts flows at the ends of runs, and every so many frames or bytes, as the service tells of them.

Those between folders are done one after another. Those on Globus are done beside them, since they may wait for days.
"""

import json
import queue
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from steering.beamline.told_runs import ToldRuns
from steering.core.errors import SteeringError, cause
from steering.core.json import Json
from steering.core.workspace import Workspace
from steering.flow_runner.orders import BY_BYTES, BY_END, BY_FRAMES, WATCHED, flows_of, order
from steering.flow_runner.runner import flow_of, run_flow
from steering.flow_runner.several import MOST_ON_GLOBUS
from steering.flow_steps.flow_journal import BusyError, FlowJournal, flows_folder, journals
from steering.flow_steps.recorded_run import RecordedRun, read_runs
from steering.flow_steps.warm import WarmFacilities
from steering.flows.entries import FlowEntry
from steering.machine.child_words import say_to_parent
from steering.machine.secret_file import read_secret, write_secret

# So many of the newest runs are looked at for what was missed.
_MOST_MISSED = 50


class Watcher:
    """Takes lines of JSON from the service: ``began``, ``events``, ``ended``, each with the run's uid and scan."""

    def __init__(
        self, workspace: Workspace, beamline: Path | None, say: Callable[[str], object] = say_to_parent
    ) -> None:
        """Read the flows.

        Args:
            workspace: Of the service.
            beamline: Its file; that of the built-in beamline if left out.
            say: Takes a sentence for people when a flow cannot be ordered.

        Raises:
            SteeringError: If the file is wrong.
        """
        self._workspace, self._say = workspace, say
        self._flows = {
            name: one
            for name, one in flows_of(workspace, beamline).items()
            if one.trigger.at == "end" or one.trigger.each[0]
        }
        self._facilities = WarmFacilities(workspace)
        # How often each flow was ordered for a run that goes on.
        self._numbers: dict[tuple[str, str], int] = {}
        self._told = ToldRuns()
        self._waiting: queue.SimpleQueue[FlowJournal | None] = queue.SimpleQueue()
        self._mirroring = ThreadPoolExecutor(MOST_ON_GLOBUS, "steering-flows-on-globus")
        self._worker = threading.Thread(target=self._work, name="steering-flows", daemon=True)

    def run(self, lines: Iterable[str]) -> None:
        """Do what was missed, then what comes; return when the lines end."""
        self._worker.start()
        # From the first moment: what was missed takes long to find, and meanwhile a pipe holds little.
        threading.Thread(target=self._listen, args=(lines,), name="steering-told", daemon=True).start()
        self._catch_up()
        while (told := self._told.take()) is not None:
            # What is not understood is of another version.
            with suppress(ValueError, KeyError, TypeError):
                self._take(told)

    def finish(self) -> None:
        """Wait until all that was ordered is done, and let go of the facilities."""
        self._waiting.put(None)
        self._worker.join()
        self._mirroring.shutdown()
        self._facilities.close()

    def _listen(self, lines: Iterable[str]) -> None:
        try:
            for line in lines:
                with suppress(ValueError):
                    told: Any = json.loads(line)
                    if isinstance(told, dict):
                        self._told.put(cast("Mapping[str, Json]", told))
        finally:
            self._told.end()

    def _take(self, told: Mapping[str, Any]) -> None:
        run, scan, what = str(told["run"]), str(told["scan"]), told["what"]
        flows = {name: one for name, one in self._flows.items() if not one.trigger.scans or scan in one.trigger.scans}
        for name, flow in flows.items():
            if what == "began" and flow.steps.compute is not None and not flow.on_globus:
                # One that says how urgent it is asks for a pool of its own.
                compute = flow.steps.compute
                self._facilities.warm(compute.facility, pool=not compute.urgency)
            elif what == "ended" and flow.trigger.at == "end":
                self._order(name, flow, run)
            elif what == "events" and flow.trigger.each[0]:
                counted, each = flow.trigger.each
                number = int(told.get(counted) or 0) // each
                if number > self._numbers.get((name, run), 0):
                    self._numbers[name, run] = number
                    self._order(name, flow, run, number)

    def _order(self, name: str, flow: FlowEntry, run: str, number: int = 0) -> None:
        by = {"frames": BY_FRAMES, "bytes": BY_BYTES}.get(flow.trigger.at, BY_END)
        try:
            journal, new = order(self._workspace, name, flow, run, by=by, number=number)
        except (SteeringError, OSError) as error:
            # A full disk, above all: what comes later is ordered all the same.
            self._say(
                f"The flow {name} was not ordered for the run {run[:8]}: {_why(error)}. Mend that, then: steering flow "
                f"run {name} --run {run[:8]}."
            )
            return
        if new:
            self._put(journal, on_globus=flow.on_globus)

    def _put(self, journal: FlowJournal, *, on_globus: bool) -> None:
        if on_globus:
            self._mirroring.submit(self._do, journal)
        else:
            self._waiting.put(journal)

    def _catch_up(self) -> None:
        """Order flows for runs that ended while nobody watched, and go on with those that were cut off."""
        for journal in reversed(journals(self._workspace)):
            with suppress(SteeringError, OSError):
                state = journal.state
                if state.by in WATCHED and state.status in ("ordered", "interrupted"):
                    self._put(journal, on_globus=flow_of(state).on_globus)
        ended = self._ended()
        before = self._before(ended)
        for run in ended:
            for name, flow in self._flows.items():
                if flow.trigger.at != "end" or (flow.trigger.scans and run.entry.scan not in flow.trigger.scans):
                    continue
                if _is_new(run.journal.name, before[name]):
                    self._order(name, flow, run.uid)

    def _before(self, ended: Sequence[RecordedRun]) -> dict[str, Sequence[str]]:
        """Say which runs had ended when each flow was first seen: they are nobody's to order.

        Their journals are named, oldest first, since a clock may be set back.
        """
        file = flows_folder(self._workspace) / "before.json"
        known = read_secret(file) or {}
        now: list[Json] = [run.journal.name for run in ended]
        found = {name: listed if isinstance(listed := known.get(name), list) else now for name in self._flows}
        try:
            write_secret(file, {**known, **found})
        except (SteeringError, OSError) as error:
            self._say(
                f"{file} cannot be written: {_why(error)}. Mend that: flows that are new in the beamline's file are "
                "not ordered for runs that end while the service does not run."
            )
        return {name: [str(one) for one in listed] for name, listed in found.items()}

    def _ended(self) -> list[RecordedRun]:
        found: list[RecordedRun] = []
        for path in sorted(self._workspace.journal.glob("*.jsonl"))[-_MOST_MISSED:]:
            with suppress(SteeringError, OSError):
                found += [run for run in read_runs(path) if run.stop]
        return found

    def _work(self) -> None:
        while (journal := self._waiting.get()) is not None:
            self._do(journal)

    def _do(self, journal: FlowJournal) -> None:
        try:
            run_flow(self._workspace, journal, self._facilities)
        except BusyError:
            # Somebody else does it.
            return
        except (SteeringError, OSError) as error:
            # What a flow says is in its journal, unless that cannot be written. It is not in the way of the next one.
            self._say(f"The flow run {journal.id} was stopped: {_why(error)}.")


def _why(error: Exception) -> str:
    """Say why something was not possible, without the dot at its end."""
    return cause(error).rstrip(".")


def _is_new(journal: str, before: Sequence[str]) -> bool:
    """Say whether a run ended after the flow was first seen; of very many runs before only the newest are named."""
    return journal not in before and (len(before) < _MOST_MISSED or journal > before[0])
