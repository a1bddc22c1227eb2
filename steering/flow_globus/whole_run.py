"""The compute step on a facility that analyses finished runs as a whole: one function there, answered in JSON."""

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from steering.core.errors import SteeringError
from steering.core.facility import Facility, WholeRuns
from steering.core.result import Result
from steering.core.waiting import end_tasks
from steering.flow_globus.answer import read_answer
from steering.flow_globus.on_endpoint import compute_there, packed
from steering.flow_globus.whole_queues import prefer_queues
from steering.flow_steps.compute_step import bindings_for
from steering.flow_steps.result_file import read_result
from steering.flow_steps.work import Work
from steering.flows.entries import ComputeEntry

_LOOK_SECONDS = 5.0
# Of what Globus Compute takes, room is left for what else is asked.
_MOST_CHARACTERS = 9_000_000


async def analysed(
    work: Work, step: ComputeEntry, facility: Facility, labels: Sequence[str]
) -> tuple[dict[str, Result], str]:
    """Have a run analysed there, with the facility that is there; return its results by label, and in which queue.

    Cut off here, it goes on there, and the same flow run finds it again.

    Args:
        work: Whose run.
        step: What is done.
        facility: Which is also :class:`~steering.core.facility.WholeRuns`, and has been started.
        labels: Of the results that are wanted; all of the step are made.

    Raises:
        SteeringError: If the run cannot be sent, the analysis fails there, or the answer is none.
    """
    there, key = cast("WholeRuns", facility), f"{work.journal.id} of {work.run.uid}"
    asked = asked_of(work, step, there)
    queue = await prefer_queues(work, step, there, key)
    telling = asyncio.create_task(_tell(facility, work.waits))
    try:
        answer = await facility.submit(key, compute_there, asked).result()
    finally:
        await end_tasks(telling)
    made = [one.label for one in bindings_for(work.run, step)]
    try:
        read = read_answer(answer, work.run.uid, work.journal.id, made, catalogued=False)
    except SteeringError as error:
        # Else whoever resumes it would be given the same answer.
        there.forget(key)
        raise SteeringError(f"{facility.name} has returned {error} Then resume.") from error
    found = {label: read_result(read.results[label]) for label in labels}
    return {label: _named(result, facility.name) for label, result in found.items()}, queue()


def asked_of(work: Work, step: ComputeEntry, there: WholeRuns) -> dict[str, Any]:
    """Write what is asked: where the run's files are as they are seen there, and the run's journal.

    Raises:
        SteeringError: If a file cannot be found, or the journal is too long to be sent.
    """
    raw = [str(one.path) for one in work.run.files()[:-1]]
    was = os.path.commonpath([str(Path(one).parent) for one in raw]) if raw else ""
    moved = work.outcomes.get("transfer")
    place = str(moved["folder"]) if moved is not None and raw else was
    within = step.model_copy(update={"facility": there.facility_there, "urgency": "", "when": ""})
    return {
        "flow": work.journal.id, "name": work.facts.words.get("flow.name", ""), "run": work.run.uid,
        "folder": there.folder, "address": there.folder, "was": was, "files_in": there.seen(place) if place else "",
        "files": [], "compute": within.model_dump(mode="json"), "catalogue": None, "transfer": None,
        "journal": str(work.run.journal), "features": {}, "when": {}, **_journal(work, there),
    }  # fmt: skip


def _journal(work: Work, there: WholeRuns) -> dict[str, str]:
    """Say where the run's journal is seen there, or send it."""
    path = work.run.journal
    seen = there.seen(str(path))
    if seen != str(path):
        return {"journal_in": seen}
    text = packed(path.read_bytes())
    if len(text) > _MOST_CHARACTERS:
        raise SteeringError(
            f"The journal of run {work.run.uid[:8]} has {len(text) / 1e6:.1f} MB compressed. Allowed: "
            f"{_MOST_CHARACTERS / 1e6:.0f} MB. Say under paths: of the facility, in steering.yaml, where it sees "
            f"{path.parent}, and resume."
        )
    return {"journal_text": text}


def _named(result: Result, facility: str) -> Result:
    """Have a result say which facility the run was given to."""
    source = result.provenance
    return replace(result, provenance=replace(source, facility=f"{facility} ({source.facility} there)"))


async def _tell(facility: Facility, tell: Callable[[str], None]) -> None:
    """Say why there is no result yet, each time that this is another reason, until this is cancelled."""
    last = ""
    while True:
        # A question that goes unanswered is no reason to say nothing from then on.
        with suppress(SteeringError, OSError):
            status = await facility.status()
            if status.detail != last:
                last = status.detail
                tell(last)
        await asyncio.sleep(_LOOK_SECONDS)
