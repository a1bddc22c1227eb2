"""What flows bring back: results with where they come from, how old they are, and in which class of time they came."""

import asyncio
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from steering.core.errors import SteeringError
from steering.core.result import Result
from steering.flow_runner.troubles import late_orders, seconds_until_late
from steering.flow_steps.bells import Bell
from steering.flow_steps.flow_journal import FlowJournal
from steering.flow_steps.flow_state import FlowState, latency_class
from steering.flow_steps.result_file import results_of

# Of so many of the newest flow runs what they have found is brought when a session begins.
_NEWEST = 20
# Each line that a flow writes rings. After a look comes a pause that is so many times as long as the look took, between
# these seconds: a look takes a tenth of a core at most, and what a short flow has found is there soon.
_PAUSE_TIMES, _LEAST_SECONDS, _PAUSE_SECONDS = 10, 0.02, 0.5
# Whoever is killed rings no bell.
_KILLED_SECONDS = 10.0


@dataclass(frozen=True)
class Returned:
    """A result that a flow has brought.

    Attributes:
        result: With features, arrays and provenance.
        flow: Which flow run brought it.
        at: Unix time in seconds at which it was there.
        took: Seconds from the order of the flow until then; NaN where a clock was set back meanwhile.
    """

    result: Result
    flow: str
    at: float
    took: float

    @property
    def age(self) -> float:
        """How old it is, in seconds."""
        return max(time.time() - self.at, 0.0)

    @property
    def latency_class(self) -> str:
        """In which class of time it came: live, within a minute, within a quarter of an hour, batch; or unknown."""
        return latency_class(self.took)

    def __str__(self) -> str:
        """Say what it is, where it comes from and how old it is."""
        source = self.result.provenance
        features = ", ".join(
            f"{name} {one.value:.5g} {one.units}" for name, one in self.result.outcome.features.items()
        )
        took = f" ({self.took:.2f} s)" if math.isfinite(self.took) else ""
        return (
            f"{source.label} of run {source.run[:8]} on {source.facility}, {self.age:.0f} s old, "
            f"{self.latency_class}{took}: {features}"
        )


def returned_by(state: FlowState) -> tuple[Returned, ...]:
    """Read what a flow run has brought so far; nothing before its compute step is done.

    Raises:
        SteeringError: If its files are not there any more.
    """
    step = state.step("compute")
    if not _has_computed(state):
        return ()
    took = step.ended - state.ordered
    took = took if took >= 0 else math.nan
    return tuple(
        Returned(_named(result, state.id), state.id, step.ended, took) for result in results_of(step.outcome).values()
    )


def _named(result: Result, flow: str) -> Result:
    """Have a result say that it came by a flow."""
    source = result.provenance
    return replace(result, provenance=replace(source, facility=f"{source.facility}, flow {flow}"))


@dataclass
class Looked:
    """Which journals were read, at which size and whether somebody ran the flow; those that somebody may take up."""

    seen: dict[str, tuple[int, bool]] = field(default_factory=dict[str, tuple[int, bool]])
    going: dict[str, FlowJournal] = field(default_factory=dict[str, FlowJournal])
    brought: set[str] = field(default_factory=set[str])


async def follow_flows(
    folder: Path, states: Callable[[tuple[FlowState, ...]], object], bring: Callable[[Returned], None]
) -> None:
    """Follow the flows of a workspace until this is cancelled; waits on a bell.

    Args:
        folder: Of the flows.
        states: Called with how all stand, the newest order first, whenever one has news, or was ordered and nobody has
            begun it in time.
        bring: Called with each result that a flow has brought, once, the oldest first.
    """
    loop, news = asyncio.get_running_loop(), asyncio.Event()
    bell = await asyncio.to_thread(Bell, folder)
    known: dict[str, FlowState] = {}
    looked, late, first = Looked(), frozenset[str](), True
    loop.add_reader(bell.fileno(), news.set)
    news.set()
    waking: asyncio.TimerHandle | None = None
    try:
        while True:
            await news.wait()
            bell.wait(0.0)
            news.clear()
            began = time.monotonic()
            changed = await asyncio.to_thread(_look, folder, looked)
            took = time.monotonic() - began
            known |= {one.id: one for one in changed}
            before, late = late, late_orders(known.values())
            if waking is not None:
                waking.cancel()
            waking = _wake(known.values(), news)
            if changed or late != before:
                newest = sorted(known.values(), key=lambda one: (one.ordered, one.id), reverse=True)
                states(tuple(newest))
                if first:
                    looked.brought |= {one.id for one in newest[_NEWEST:] if _has_computed(one)}
                # Of those that end from now on each is brought, however many were ordered after it.
                for state in sorted(newest[:_NEWEST] if first else changed, key=lambda one: (one.ordered, one.id)):
                    if state.id not in looked.brought and _has_computed(state):
                        looked.brought.add(state.id)
                        for one in await asyncio.to_thread(_read, state):
                            bring(one)
                first = False
            await asyncio.sleep(min(max(_PAUSE_TIMES * took, _LEAST_SECONDS), _PAUSE_SECONDS))
    finally:
        if waking is not None:
            waking.cancel()
        loop.remove_reader(bell.fileno())
        bell.end()


def _has_computed(state: FlowState) -> bool:
    return state.step("compute").status == "done"


def _wake(states: Iterable[FlowState], news: asyncio.Event) -> asyncio.TimerHandle | None:
    """Have the journals looked at when an order is late, and now and then whether whoever runs a flow still lives."""
    known = list(states)
    late = seconds_until_late(known)
    waits = [_KILLED_SECONDS] if any(one.status == "running" for one in known) else []
    waits += [] if late is None else [late + _PAUSE_SECONDS]
    return asyncio.get_running_loop().call_later(min(waits), news.set) if waits else None


def _look(folder: Path, looked: Looked) -> list[FlowState]:
    """Read the journals that have grown, and those whose runner has come or gone."""
    found: list[FlowState] = []
    for path in folder.glob("*/journal.jsonl"):
        # One that goes on is kept, so that only what is new in it is read.
        journal = looked.going.get(path.parent.name) or FlowJournal(path.parent)
        seen = looked.seen.get(journal.id)
        try:
            size = path.stat().st_size
            # One that nobody is to run is run by nobody before a line says so.
            if seen is not None and seen[0] == size and journal.id not in looked.going:
                continue
            if (size, journal.held) == seen:
                continue
            state = journal.state
        except (SteeringError, OSError):
            # Somebody has just removed it.
            continue
        looked.seen[journal.id] = (size, state.status == "running")
        if state.status in ("ordered", "running"):
            looked.going[journal.id] = journal
        else:
            looked.going.pop(journal.id, None)
        found.append(state)
    return found


def _read(state: FlowState) -> tuple[Returned, ...]:
    try:
        return returned_by(state)
    except SteeringError:
        # Its files have been moved away.
        return ()
