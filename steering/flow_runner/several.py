"""Runs several flows: those between folders one after another, and beside them those on Globus, which may wait long."""

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from steering.core.errors import SteeringError
from steering.core.workspace import Workspace
from steering.flow_runner.runner import flow_of, run_flow
from steering.flow_steps.flow_journal import BusyError, FlowJournal
from steering.flow_steps.flow_state import FlowState
from steering.flow_steps.warm import WarmFacilities

# So many flows on Globus are mirrored at once; others wait, and Globus does not begin them.
MOST_ON_GLOBUS = 16


def on_globus(journal: FlowJournal) -> bool:
    """Say whether Globus does a flow that was ordered; one that cannot be read is none that it does."""
    try:
        return flow_of(journal.state).on_globus
    except SteeringError:
        return False


def run_one(workspace: Workspace, journal: FlowJournal, facilities: WarmFacilities) -> FlowState:
    """Run a flow to its end; return how it stands then, with a sentence if another process runs it.

    Raises:
        SteeringError: If its journal cannot be read or written.
    """
    try:
        return run_flow(workspace, journal, facilities)
    except BusyError as error:
        return replace(journal.state, why=str(error))


def run_several(workspace: Workspace, journals: Sequence[FlowJournal]) -> list[FlowState]:
    """Run flows to their ends; return how they stand then, in their order.

    Their threads end with the process: a flow that is cut off can be resumed.

    Raises:
        SteeringError: If the journal of one cannot be read or written; the others are done before that is said.
    """
    found: dict[str, FlowState | SteeringError] = {}
    mirrored = threading.Semaphore(MOST_ON_GLOBUS)
    far = [one for one in journals if on_globus(one)]
    here = [one for one in journals if one not in far]

    def do(mine: Sequence[FlowJournal], gate: AbstractContextManager[object], facilities: WarmFacilities) -> None:
        for one in mine:
            with gate:
                try:
                    found[one.id] = run_one(workspace, one, facilities)
                except SteeringError as error:
                    found[one.id] = error

    with WarmFacilities(workspace) as facilities:
        work = [*(([one], mirrored) for one in far), (here, nullcontext())]
        threads = [threading.Thread(target=do, args=(*one, facilities), daemon=True) for one in work]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    states = [found[one.id] for one in journals]
    for one in states:
        if isinstance(one, SteeringError):
            raise one
    return [one for one in states if isinstance(one, FlowState)]
