"""How a flow stands, folded from the lines of its journal."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, cast

from steering.core.json import Json

FlowStatus: TypeAlias = Literal["ordered", "running", "interrupted", "failed", "cancelled", "succeeded"]
# With this a step says that it waits for the answer of a person, and how that is given.
ASKED = "A person is asked: "
StepStatus: TypeAlias = Literal["waiting", "running", "done", "left out", "failed"]


@dataclass(frozen=True)
class StepState:
    """How one step stands.

    Attributes:
        name: ``transfer``, ``compute``, ``catalogue`` or ``distribute``.
        status: How it stands.
        why: Why it waits, was left out or has failed: a sentence.
        began: Unix time in seconds; NaN before.
        ended: Likewise.
        outcome: What came of it, as the step journaled it.
        bytes: Copied so far.
        bytes_total: To be copied; 0 if it copies nothing, or nobody knows yet.
        tries: How often it was begun.
        told: Unix time in seconds at which it was last heard of; NaN before.
        mark: Unix time in seconds and bytes from which the rate of this try is counted; NaN before there is one.
    """

    name: str
    status: StepStatus = "waiting"
    why: str = ""
    began: float = math.nan
    ended: float = math.nan
    outcome: Mapping[str, Any] = field(default_factory=dict[str, Any])
    bytes: int = 0
    bytes_total: int = 0
    tries: int = 0
    told: float = math.nan
    mark: tuple[float, int] = (math.nan, 0)

    @property
    def rate(self) -> float:
        """Bytes a second of this try; 0 while that is not known."""
        seconds, copied = self.told - self.mark[0], self.bytes - self.mark[1]
        return copied / seconds if copied > 0 and seconds > 0 else 0.0

    @property
    def remaining(self) -> float:
        """Seconds that the rest of the bytes takes at this rate; NaN while that is not known."""
        return (self.bytes_total - self.bytes) / self.rate if self.rate else math.nan


@dataclass(frozen=True)
class FlowState:
    """How a flow run stands.

    Attributes:
        id: ``NAME-RUN``, which its folder is called.
        flow: Name of the flow.
        run: Uid of the run.
        status: How it stands, without a look at who runs it: see :attr:`FlowJournal.state`.
        why: What a person must do, or empty.
        ordered: Unix time in seconds.
        ended: Likewise; NaN before.
        by: Who or what ordered it.
        steps: In their order.
        effects: What was done once and for all, by its key, of all steps.
        process: Who runs it, or ran it last: process number, its start, the host.
        order: The first line: the flow as it was, what was known.
        wished: Unix time in seconds when it was last to be begun: ordered, or resumed.
    """

    id: str
    flow: str = ""
    run: str = ""
    status: FlowStatus = "ordered"
    why: str = ""
    ordered: float = math.nan
    ended: float = math.nan
    by: str = ""
    steps: tuple[StepState, ...] = ()
    effects: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]], repr=False)
    process: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    order: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    wished: float = math.nan

    @property
    def over(self) -> bool:
        """Whether there is nothing left to do, or nothing more may be done."""
        return self.status in ("succeeded", "cancelled")

    def step(self, name: str) -> StepState:
        """Return one step; one that waits if the flow has none of that name."""
        return next((one for one in self.steps if one.name == name), StepState(name))

    def json(self) -> dict[str, Json]:
        """Write it for ``--json`` and for panels; what is not known yet is null."""
        return {
            "id": self.id, "flow": self.flow, "run": self.run, "status": self.status, "why": self.why, "by": self.by,
            "ordered": _time(self.ordered), "ended": _time(self.ended),
            "steps": [
                {
                    "step": one.name, "status": one.status, "why": one.why, "began": _time(one.began),
                    "ended": _time(one.ended), "bytes": one.bytes, "bytes_total": one.bytes_total, "rate": one.rate,
                    "remaining": _time(one.remaining), "tries": one.tries, "outcome": cast("Json", dict(one.outcome)),
                }
                for one in self.steps
            ],
        }  # fmt: skip


# Up to how many seconds each class of time goes.
_CLASSES = ((1.0, "live"), (60.0, "within a minute"), (900.0, "within a quarter of an hour"), (math.inf, "batch"))


def latency_class(seconds: float) -> str:
    """Name the class of time in which a result came back: live, within a minute, within a quarter of an hour, batch.

    Args:
        seconds: From the order of its flow until then; NaN or below zero where a clock was set back meanwhile.
    """
    known = seconds >= 0.0
    return next(name for most, name in _CLASSES if seconds <= most) if known else "in a time that is not known"


def fold(id: str, lines: Iterable[Mapping[str, Any]]) -> FlowState:  # noqa: A002  (that is what it is called)
    """Fold the lines of a journal, oldest first, into how the flow stands."""
    folded = Fold(id)
    for line in lines:
        folded.take(line)
    return folded.state


class Fold:
    """How a flow stands, line by line."""

    def __init__(self, id: str) -> None:  # noqa: A002  (as above)
        """Begin before the first line."""
        self._state = FlowState(id)
        # One for all lines: there may be tens of thousands of effects, and a copy for each would take minutes.
        self._effects: dict[str, Mapping[str, Any]] = {}

    def take(self, line: Mapping[str, Any]) -> None:
        """Take the next line.

        Raises:
            KeyError, TypeError, ValueError: If it lacks what it has to say.
        """
        if line.get("kind") == "did":
            self._effects[str(line["key"])] = line
        else:
            self._state = _take(self._state, line)

    @property
    def state(self) -> FlowState:
        """How it stands after the lines so far; what comes later does not change it."""
        return replace(self._state, effects=dict(self._effects))


def _take(state: FlowState, line: Mapping[str, Any]) -> FlowState:
    match line.get("kind"):
        case "ordered":
            names = cast("Sequence[str]", line["steps"])
            steps = tuple(StepState(name) for name in names)
            at = float(line["time"])
            return replace(
                state, flow=str(line["flow"]), run=str(line["run"]), ordered=at, wished=at, by=str(line["by"]),
                steps=steps, order=line,
            )  # fmt: skip
        case "running":
            return replace(state, status="running", why="", process=line.get("by") or {})
        case "resumed":
            return replace(state, status="ordered", why="", wished=float(line["time"]))
        case "ended":
            why = str(line.get("why") or "")
            return replace(state, status=cast("FlowStatus", line["status"]), why=why, ended=float(line["time"]))
        case "began" | "done" | "left out" | "failed" | "progress" | "waits":
            return _take_step(state, line)
        case _:
            return state


def _take_step(state: FlowState, line: Mapping[str, Any]) -> FlowState:
    old, at, why = state.step(str(line["step"])), float(line["time"]), str(line.get("why") or "")
    match line["kind"]:
        case "began":
            began = at if math.isnan(old.began) else old.began
            # What an earlier try has copied, and the night before this one, say nothing of how fast this one is.
            mark = (at, 0) if old.tries == 0 else (math.nan, 0)
            new = replace(old, status="running", began=began, why="", tries=old.tries + 1, mark=mark)
        case "done":
            new = replace(old, status="done", ended=at, why=why, outcome=line["outcome"], bytes=old.bytes_total)
        case "left out":
            new = replace(old, status="left out", ended=at, why=why)
        case "failed":
            new = replace(old, status="failed", ended=at, why=why)
        case "waits":
            new = replace(old, why=why)
        case _:
            copied = int(line["bytes"])
            mark = (at, copied) if math.isnan(old.mark[0]) else old.mark
            new = replace(old, bytes=copied, bytes_total=int(line["bytes_total"]), mark=mark)
    new = replace(new, told=at)
    return replace(state, steps=tuple(new if one.name == new.name else one for one in state.steps))


def _time(seconds: float) -> Json:
    return None if math.isnan(seconds) else seconds
