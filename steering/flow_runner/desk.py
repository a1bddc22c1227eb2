"""The flows of a session: ``session.flows.run("keep")``, and what they bring back."""

import asyncio
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from steering.core.board import Board
from steering.core.cell import Cell
from steering.core.errors import SteeringError, said
from steering.core.result import Feature, Result
from steering.core.waiting import end_tasks
from steering.core.workspace import Workspace
from steering.flow_runner.changed import FlowChangedWarning, changed_since
from steering.flow_runner.feature_trigger import FeatureTrigger
from steering.flow_runner.orders import WATCHED, cancel, find_journal, flow_named, flows_of, order, triggers_of
from steering.flow_runner.returned import Returned, follow_flows, returned_by
from steering.flow_runner.troubles import LATE_SECONDS, Troubles
from steering.flow_steps.flow_journal import FlowJournal, flows_folder
from steering.flow_steps.flow_state import FlowState
from steering.flow_steps.recorded_run import find_run

if TYPE_CHECKING:
    from steering.flows.entries import FlowEntry

_LOG = "run.log"


class Flows:
    """Flows of the beamline's file, and how those that were ordered stand. Methods may be called from any thread.

    Attributes:
        states: How the flow runs of the workspace stand, the newest first.
        returned: The newest result that a flow has brought, by label of its analysis.
        offered: Names of the flows of the beamline's file.
        changed: What is other in the flow that was last asked for than when it was ordered; empty if nothing is.
    """

    def __init__(self, workspace: Workspace, board: Board) -> None:
        """Prepare.

        Args:
            workspace: Whose flows.
            board: Of the session, which has features that nobody else has.
        """
        self._workspace, self._board = workspace, board
        self._started: dict[str, subprocess.Popen[bytes]] = {}
        self._brought: set[str] = set()
        # Those that were ordered on a feature or an alarm and have no process yet.
        self._unstarted: set[str] = set()
        self.states: Cell[tuple[FlowState, ...]] = Cell(())
        self.returned: Cell[Mapping[str, Returned]] = Cell({})
        self.offered: Cell[tuple[str, ...]] = Cell(())
        self.changed: Cell[str] = Cell("")

    def __repr__(self) -> str:
        """Say which there are."""
        return f"<Flows {', '.join(self) or 'none'}: .run(name), .wait(id), .states.value, .returned.value>"

    def __iter__(self) -> Iterator[str]:
        """Name the flows."""
        return iter(self.entries)

    @property
    def entries(self) -> "Mapping[str, FlowEntry]":
        """The flows of the beamline's file, by name.

        Raises:
            SteeringError: If the file is wrong.
        """
        return flows_of(self._workspace)

    def run(self, name: str, run: str = "") -> str:
        """Have a flow done with a run, by a process of its own that outlives this session; once, however often asked.

        One that was ordered before and that nobody has begun, since a session was killed just then, is begun now.

        Args:
            name: Of the flow.
            run: Uid of the run, or its beginning; the newest that has ended if left out.

        Returns:
            What the flow run is called.

        Raises:
            SteeringError: If there is no such flow or run.

        Warns:
            FlowChangedWarning: If it was ordered before, and the flow was another one then.
        """
        entry, recorded = flow_named(name, self.entries), find_run(self._workspace, run)
        journal, new = order(self._workspace, name, entry, recorded.uid, features=self._known(recorded.uid))
        self._warn("" if new else changed_since(journal, entry))
        if new or self._is_left(journal):
            self._start(journal)
        return journal.id

    def analyse(self, *analyses: str | Mapping[str, Any], run: str = "", facility: str = "local") -> str:
        """Have a finished run analysed anew by a process of its own; once, however often asked.

        Its results are in :attr:`returned`, and on the session's board.

        Args:
            analyses: Names, or names with parameters as in a beamline's file:
                ``{"analysis": "rocking_curve", "axes": ["th"]}``.
            run: Uid of the run, or its beginning; the newest that has ended if left out.
            facility: Where; also one of Globus Compute, which can follow no running scan.

        Returns:
            What the flow run is called, as for :meth:`run`.

        Raises:
            SteeringError: If there is no such run, analysis or facility.
        """
        from steering.flow_runner.analysis_flow import analysis_flow

        name, entry = analysis_flow(analyses, facility, self._workspace)
        recorded = find_run(self._workspace, run)
        journal, new = order(self._workspace, name, entry, recorded.uid)
        if new or self._is_left(journal):
            self._start(journal)
        return journal.id

    def resume(self, id: str) -> None:  # noqa: A002  (that is what it is called)
        """Go on with a flow run that failed, was cut off or was cancelled; does nothing if it runs.

        Raises:
            SteeringError: If there is none of that name.

        Warns:
            FlowChangedWarning: If the flow was another one when it was ordered.
        """
        journal = find_journal(self._workspace, id)
        changed = ""
        # A file that is wrong by now is no matter of a flow of then.
        with suppress(SteeringError):
            changed = changed_since(journal, self.entries.get(journal.state.flow))
        self._warn(changed)
        journal.forget_wish()
        if not journal.held:
            with journal:
                # So that whoever waits now waits for what comes, and is not told how it failed before.
                journal.write("resumed")
            self._start(journal)

    def cancel(self, id: str) -> None:  # noqa: A002  (as above)
        """Stop a flow run. What it has done is kept, and it can be resumed.

        Raises:
            SteeringError: If there is none of that name.
        """
        cancel(self._workspace, find_journal(self._workspace, id))

    def state(self, id: str) -> FlowState:  # noqa: A002  (as above)
        """Say how a flow run stands.

        Raises:
            SteeringError: If there is none of that name.
        """
        return find_journal(self._workspace, id).state

    def wait(self, id: str, timeout: float = 600.0) -> FlowState:  # noqa: A002  (as above)
        """Block until a flow run has ended, failed or was cancelled; say how it stands.

        Args:
            id: What it is called.
            timeout: Longest wait in seconds.

        Raises:
            TimeoutError: If it took longer.
            SteeringError: If there is none of that name.
        """
        journal = find_journal(self._workspace, id)
        if not journal.until_over(timeout):
            raise TimeoutError(f"The flow run {id} was not done within {timeout:g} s. It goes on.")
        return journal.state

    def results(self, id: str) -> dict[str, Result]:  # noqa: A002  (as above)
        """Read the results that a flow run has computed, by label.

        Raises:
            SteeringError: If there is none of that name, or its files have gone.
        """
        return {one.result.provenance.label: one.result for one in returned_by(self.state(id))}

    def wait_brought(self, id: str, timeout: float) -> None:  # noqa: A002  (as above)
        """Wait until the session has what a flow run has found; another may have brought newer results since.

        Args:
            id: What it is called.
            timeout: Longest wait in seconds.

        Raises:
            TimeoutError: If it has not come in time.
        """
        self.returned.wait(lambda _: id in self._brought, timeout)

    def explain(self, name: str, run: str = "", *, definition: bool = False) -> str:
        """Say what a flow would do, and why.

        Args:
            name: Of the flow.
            run: Uid of a run, or its beginning: what would be done with that one. In general if left out.
            definition: Also say what Globus is told, as JSON: the definition, and with a run the input.

        Raises:
            SteeringError: If there is no such flow or run.
        """
        from steering.flows.explanation import as_text, explain_flow

        entry = flow_named(name, self.entries)
        recorded = find_run(self._workspace, run) if run else None
        facts, files = None, list[dict[str, Any]]()
        if recorded is not None:
            facts = recorded.facts(name)
            for label, features in self._known(recorded.uid).items():
                facts = facts.with_features(label, features)
            files = [{"path": str(one.path), "name": one.name, "size": one.size} for one in recorded.files()]
        return as_text(explain_flow(name, entry, facts, files), definition=definition)

    async def follow(self, bring: Callable[[Result], None], say: Callable[[str, str], None] | None = None) -> None:
        """Keep the cells true until this is cancelled; the session's loop does so.

        Args:
            bring: Called with each result that a flow has brought.
            say: Called with a cause and a sentence when a flow run fails or waits for a person; an empty sentence says
                that it does so no more. Left out, nobody is told.
        """
        troubles = Troubles(say) if say is not None else None

        def stand(states: tuple[FlowState, ...]) -> None:
            self.states.set(states)
            if troubles is not None:
                troubles.look(states)

        def take(one: Returned) -> None:
            self._brought.add(one.flow)
            self.returned.set({**self.returned.value, one.result.provenance.label: one})
            bring(one.result)

        following = [asyncio.create_task(follow_flows(flows_folder(self._workspace), stand, take))]
        try:
            # A file that is wrong by now is said to whoever asks for a flow.
            with suppress(SteeringError):
                triggers = await asyncio.to_thread(triggers_of, self._workspace)
                self.offered.set(tuple(triggers))
                if {"feature", "alarm"} & set(triggers.values()):
                    entries = await asyncio.to_thread(lambda: self.entries)
                    trigger = FeatureTrigger(self._board, entries, partial(self._on_feature, entries), say)
                    following.append(asyncio.create_task(trigger.run()))
            # One may end without the other, and says so at once: where no pipe can be made, as in a home that cannot be
            # written, flows are asked for and not followed.
            for task in asyncio.as_completed(following):
                try:
                    await task
                except (SteeringError, OSError) as error:
                    if say is not None:
                        say("flows", f"Flows can be asked for, but this session does not follow them ({said(error)}).")
        finally:
            await end_tasks(*following)

    def _warn(self, changed: str) -> None:
        self.changed.set(changed)
        if changed:
            # Of who called the method that found it.
            warnings.warn(changed, FlowChangedWarning, stacklevel=3)

    def _on_feature(self, entries: "Mapping[str, FlowEntry]", name: str, run: str) -> None:
        entry = flow_named(name, entries)
        journal, new = order(
            self._workspace, name, entry, run, by=f"{entry.trigger.at} of the run", features=self._known(run)
        )
        if new or journal.id in self._unstarted:
            # Until it is certain: who is asked again begins what could not be begun.
            self._unstarted.add(journal.id)
            self._start(journal)
            self._unstarted.discard(journal.id)

    def _known(self, run: str) -> dict[str, Mapping[str, Feature]]:
        """Return the features that the session has of a run, by label."""
        shown = self._board.results.value.items()
        return {label: one.outcome.features for label, one in shown if one.provenance.run == run}

    def _is_left(self, journal: FlowJournal) -> bool:
        """Say whether a flow that was ordered before is begun by nobody: whoever ordered it was killed just then."""
        ours = self._started.get(journal.id)
        if ours is not None and ours.poll() is None:
            # It is about to.
            return False
        state = journal.state
        if state.status != "ordered" or journal.cancel_wished:
            return False
        # The service's flows wait for their turn.
        return state.by not in WATCHED or time.time() - state.wished > LATE_SECONDS

    def _start(self, journal: FlowJournal) -> None:
        """Start a process that does it, and lives on without this one."""
        command = [sys.executable, "-m", "steering.flow_runner", "--workspace", str(self._workspace.directory)]
        with (journal.folder / _LOG).open("ab") as log:
            started = subprocess.Popen(  # noqa: S603  (our own module, our own arguments, no shell)
                [*command, "--do", journal.id],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        # Those that have ended are collected here, and no zombie stays.
        living = {id_: one for id_, one in self._started.items() if one.poll() is None}
        self._started = {**living, journal.id: started}
