"""The step that analyses a finished run on a facility, and keeps its results as the export does."""

import asyncio
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from steering.archive.export import write_run
from steering.core.analysis import Analyses, Analysis
from steering.core.binding import Binding, bindings_of, make_analysis
from steering.core.errors import SteeringError
from steering.core.facility import Facility, WholeRuns
from steering.core.result import Result
from steering.core.waiting import end_tasks
from steering.flow_steps.copying import sha256_of
from steering.flow_steps.hold import point
from steering.flow_steps.queue import asked_pool, queue_of, tell_queue
from steering.flow_steps.recorded_run import RecordedRun
from steering.flow_steps.result_file import write_result_file
from steering.flow_steps.work import Work
from steering.flows.entries import ComputeEntry
from steering.flows.feature_json import features_json
from steering.flows.templates import plain_name, result_name
from steering.geometry.stands import geometry_of
from steering.loop.loop import Loop
from steering.loop.partial import rehearse
from steering.loop.store import Store
from steering.sources.replay import ReplaySource

# Has finished runs analysed as a whole, by a facility that can do nothing else: results by label, and in which queue.
WholeRun: TypeAlias = Callable[[Work, ComputeEntry, Facility, Sequence[str]], Awaitable[tuple[dict[str, Result], str]]]


def compute(work: Work, step: ComputeEntry, whole: WholeRun | None = None) -> dict[str, Any]:
    """Analyse the run, write a NeXus file and a result file of each analysis; return features and files.

    Args:
        work: Whose run.
        step: What is done, and on which facility.
        whole: Does it on a facility that analyses runs as a whole; such a facility is refused if left out.

    Raises:
        SteeringError: If the facility cannot be reached, or an analysis gives no result.
    """
    bindings = bindings_for(work.run, step)
    work.results.mkdir(exist_ok=True)
    files: list[dict[str, Any]] = []
    features: dict[str, Any] = {}
    wanted = {one.label: one for one in bindings if f"compute:{one.label}" not in work.effects}
    if wanted:
        work.intend("compute", analyses=list(wanted), facility=step.facility)
        work.waits(f"Waiting for {step.facility}.")
        found, queue = work.facilities.do(_analysed(work, step, list(wanted.values()), whole), work.check)
        for label, result in found.items():
            _keep(work, label, result, queue)
    for one in bindings:
        effect = work.effects[f"compute:{one.label}"]
        files.append({key: effect[key] for key in ("name", "path", "size", "sha256")})
        features[one.label] = effect["features"]
    made = {"facility": step.facility, "features": features, "files": files, "results": _result_files(work, bindings)}
    queues = [str(work.effects[f"compute:{one.label}"].get("queue") or "") for one in bindings]
    return made | ({"queue": queues[-1]} if any(queues) else {})


def _result_files(work: Work, bindings: list[Binding]) -> dict[str, str]:
    return {one.label: str(work.effects[f"compute:{one.label}"]["result"]) for one in bindings}


def bindings_for(run: RecordedRun, step: ComputeEntry) -> list[Binding]:
    """Choose what is done with a run: what the step says, or else the scan.

    Raises:
        SteeringError: If neither says it.
    """
    of_scan = bindings_of(run.start)
    if not step.analyses:
        if not of_scan:
            raise SteeringError(
                "The scan of this run named no analysis. Name one in the flow: compute: {analyses: [centre_of_mass]}."
            )
        return list(of_scan)
    axes = of_scan[0].axes if of_scan else ()
    made = [one.binding(axes) for one in step.analyses]
    return [replace(one, geometry=geometry_of(run.start, one.detector)) for one in made]


async def _analysed(
    work: Work, step: ComputeEntry, bindings: list[Binding], whole: WholeRun | None
) -> tuple[dict[str, Result], str]:
    """Return the results, and in which queue they were made."""
    facility = await work.facilities.facility(step.facility, pool=not step.urgency)
    if isinstance(facility, WholeRuns):
        if whole is None:
            raise SteeringError(facility.not_live)
        async with _in_time(step):
            return await whole(work, step, facility, [one.label for one in bindings])
    telling = asyncio.create_task(tell_queue(facility, await asked_pool(facility, step), work.waits))
    try:
        async with _in_time(step):
            found: dict[str, Result] = {}
            for detector in dict.fromkeys(one.detector for one in bindings):
                group = {one.label: make_analysis(one) for one in bindings if one.detector == detector}
                found |= await analyse(work.run, detector, group, facility, work.waits)
            return found, await queue_of(facility, step.urgency)
    finally:
        await end_tasks(telling)


@asynccontextmanager
async def _in_time(step: ComputeEntry) -> AsyncGenerator[None]:
    """Give up when a facility takes longer than the step allows."""
    try:
        async with asyncio.timeout(step.wait_seconds):
            yield
    except TimeoutError as error:
        raise SteeringError(
            f"{step.facility} has given no result within {step.wait_seconds:g} s. Look at it: steering compute status "
            f"{step.facility}. Then resume."
        ) from error


async def analyse(
    run: RecordedRun, detector: str, analyses: Analyses, facility: Facility, say: Callable[[str], None]
) -> dict[str, Result]:
    """Analyse a run from its journal, as a live one is analysed.

    Args:
        run: Which has ended, or is analysed as far as it went.
        detector: Whose frames; the main one's if empty.
        analyses: By label.
        facility: Which has been started.
        say: Takes a sentence while something is wrong that the loop survives.

    Raises:
        SteeringError: If an analysis gives no result.
    """
    results: dict[str, Result] = {}
    wrong: list[str] = []

    def take(result: Result) -> None:
        results[result.provenance.label] = result

    def complain(sentence: str) -> None:
        if sentence:
            wrong.append(sentence)
        say(sentence)

    for analysis in analyses.values():
        with suppress(Exception):
            # One that cannot be loaded there is named by its result's absence.
            await facility.rehearse(rehearse, analysis)
    shared = facility.shared
    source = ReplaySource(run.journal, speed=math.inf, detector=detector, run=run.uid)
    store = Store(shared / "states" if shared is not None else None, shared=shared is not None)
    loop = Loop(source, facility, lambda _started: _copies(analyses), take, complain, store=store)
    try:
        await loop.run()
    finally:
        source.close()
    came = source.status.frames
    for label in analyses:
        frames = results[label].provenance.frames if label in results else 0
        if frames < max(came, 1):
            # A result of a part of the run would be taken for one of all of it.
            why = wrong[-1] if wrong else source.last_rejection
            raise SteeringError(f"{label} has {frames} of {came} frames of run {run.uid[:8]}. {why} Then resume.")
    return results


def _copies(analyses: Analyses) -> Mapping[str, Analysis[Any]]:
    return dict(analyses)


def _keep(work: Work, label: str, result: Result, queue: str) -> None:
    """Write the files of a result under names that follow from the flow run, and say so."""
    nexus, beside = work.results / result_name(work.run.uid, label), work.results / f"{plain_name(label)}.json"
    # An earlier try may have been cut off between the files and this line of the journal: what it made is replaced.
    folder = work.results / ".making"
    entry = replace(work.run.entry, label=label, features=result.outcome.features)
    made = write_run(folder, "nexus", entry, result, work.run.scalars(), work.run.decisions)
    write_result_file(beside, result)
    made.replace(nexus)
    _tidy(folder)
    point("compute.written")
    work.did(
        f"compute:{label}", name=nexus.name, path=str(nexus), size=nexus.stat().st_size, sha256=sha256_of(nexus),
        result=str(beside), features=features_json(result.outcome.features), frames=result.provenance.frames,
        **({"queue": queue} if queue else {}),
    )  # fmt: skip


def _tidy(folder: Path) -> None:
    for one in folder.iterdir():
        one.unlink()
    folder.rmdir()
