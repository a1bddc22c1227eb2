"""Where the frames are analysed, and how long that takes."""

import math
import time

import ipywidgets

from steering.core.desk import Desk
from steering.core.facility import FacilityStatus, WorkerStatus
from steering.core.latency import FrameCounts, LatencySummary, Quantiles
from steering_widgets.panels.pools import pools_text
from steering_widgets.panels.scale import ScaleForm
from steering_widgets.parts.answer import Answer
from steering_widgets.parts.card import Card, close_all
from steering_widgets.parts.place import Place
from steering_widgets.parts.wording import age, escape, milliseconds

_MIB = 1024 * 1024
_STATES = {"stopped": "Stopped", "idle": "No workers", "starting": "Starting", "running": "Ready", "lost": "Lost"}
# A node of Aurora has twelve workers: beyond so many the table says only how many there are.
_WORKERS_SHOWN = 12
# A group of frames that takes longer than this is worth a word.
_SLOW_SECONDS = 2.0
_MEMORY_STEP = 16


class ComputePanel:
    """The way from photon to decision; the facility, its pools, jobs and workers; asks for more or fewer of them."""

    def __init__(self, desk: Desk) -> None:
        """Build it on a desk, which may be idle."""
        self._compute = Place(desk.board.compute)
        self._latency = Place(desk.board.latency)
        self._answer = Answer()
        self._said = Place(self._answer)
        self._times = ipywidgets.HTML()
        self._times.add_class("st-latency")
        self._workers = ipywidgets.HTML()
        self._workers.add_class("st-workers")
        self._form = ScaleForm(desk, self._answer)
        self.widget = Card("compute", "Compute", [self._times, self._workers, self._form.widget])

    def refresh(self) -> bool:
        """Show newer states, if there are any."""
        # All places must advance, so no short cut between them.
        moved = (self._compute.advance(), self._latency.advance(), self._said.advance(), self._form.refresh())
        if moved[0]:
            self._write_facility(self._compute.value)
            self._form.write(self._compute.value)
        if moved[1]:
            self._write_latency(self._latency.value)
        if moved[2]:
            self.widget.say(*self._said.value)
        return any(moved)

    def close(self) -> None:
        """Take it off the screen."""
        close_all(self.widget)

    def _write_facility(self, status: FacilityStatus) -> None:
        state = _STATES[status.state]
        self.widget.remark(status.name)
        detail = status.detail or ("" if status.workers else "No worker is there yet.")
        kind = "st-error" if any(pool.state == "failed" for pool in status.pools) else ""
        tasks = "task" if status.tasks_waiting == 1 else "tasks"
        waiting = f"{status.tasks_waiting} {tasks} waiting, {status.tasks_done} done"
        self._workers.value = (
            f'<div class="st-state st-state-{status.state}">{state}</div>'
            f'<div><span class="{kind}" role="status">{escape(detail)}</span> '
            f'<span class="st-faint">{escape(waiting)}.</span></div>'
            f"{pools_text(status)}"
            f"{_workers(status.workers)}"
        )

    def _write_latency(self, summary: LatencySummary) -> None:
        counts = summary.counts
        points = "point" if summary.points_behind == 1 else "points"
        self._times.value = (
            '<table><thead><tr><th scope="col">Time</th><th scope="col" class="st-right">median</th>'
            '<th scope="col" class="st-right">99 % are faster</th></tr></thead><tbody>'
            + _quantiles("photon → feature", summary.photon_to_feature)
            + _quantiles("proposal → applied", summary.proposal_to_applied)
            + "</tbody></table>"
            + f'<div class="st-figures"><span>{summary.points_behind}<small> {points} behind</small></span>'
            + f"<span>{age(summary.exposed)}<small> age of the result</small></span>"
            + f"<span>{counts.analysed}<small> of {counts.came} frames, each once{_bad(counts)}</small></span></div>"
            + _working(counts)
        )


def _working(counts: FrameCounts) -> str:
    """Say that frames are being analysed, and how far that is; nothing while it keeps up."""
    if not math.isfinite(counts.since) or time.time() - counts.since < _SLOW_SECONDS:
        return ""
    return (
        f'<div class="st-working" role="status">Analysing: {counts.done} of {counts.came} frames are done, '
        f"the next since {age(counts.since)}.</div>"
    )


def _bad(counts: FrameCounts) -> str:
    """What is not as it should be with the frames, in words; empty when nothing is."""
    doubled = f", but {counts.doubled} twice" if counts.doubled else ""
    return doubled + (f", {counts.failed} failed" if counts.failed else "")


def _quantiles(name: str, times: Quantiles) -> str:
    return (
        f'<tr><td>{name}</td><td class="st-right">{milliseconds(times.p50)}</td>'
        f'<td class="st-right">{milliseconds(times.p99)}</td></tr>'
    )


def _workers(workers: tuple[WorkerStatus, ...]) -> str:
    if not workers:
        return ""
    rows = "".join(_worker(worker) for worker in workers[:_WORKERS_SHOWN])
    more = len(workers) - _WORKERS_SHOWN
    rest = f'<div class="st-faint">and {more} more workers</div>' if more > 0 else ""
    return (
        '<div class="st-scroll" tabindex="0" role="region" aria-label="Workers"><table><thead><tr>'
        '<th scope="col">Worker</th><th scope="col" class="st-right">Threads</th>'
        '<th scope="col" class="st-right">Memory</th><th scope="col" class="st-right">Tasks</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{rest}"
    )


def _worker(worker: WorkerStatus) -> str:
    return (
        f'<tr><td>{escape(worker.name)}</td><td class="st-right">{worker.threads}</td>'
        f'<td class="st-right">{_memory(worker)} MiB</td><td class="st-right">{worker.processing}</td></tr>'
    )


def _memory(worker: WorkerStatus) -> int:
    """Round a worker's memory to MiB that do not flicker."""
    return round(worker.memory / _MIB / _MEMORY_STEP) * _MEMORY_STEP
