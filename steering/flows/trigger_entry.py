"""What starts a flow, as it stands in a beamline's file."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from steering.compute.kinds import memory
from steering.flows.condition import Condition, read_condition
from steering.flows.texts import ConditionText
from steering.scans.strict import Strict

# What only a session can see of a running scan.
SESSION_TRIGGERS = ("feature", "alarm")


def _size(value: Any) -> Any:
    try:
        return memory(value) if isinstance(value, str) else value
    except ValueError as error:
        raise PydanticCustomError("choice", "{text} is no size. Write bytes, or 500 MB.", {"text": value}) from error


class TriggerEntry(Strict):
    """What starts a flow.

    Attributes:
        at: ``hand``, ``end`` (of a run), ``frames``, ``bytes``, ``feature`` or ``alarm``.
        scans: Names of the scans whose runs start it; those of all if left out.
        frames: Of ``frames``: it starts after each so many frames.
        bytes: Of ``bytes``: it starts after each so many bytes of pixels, of all detectors, as they are in memory.
        feature: Of ``feature``: the condition on features that starts it, once a run.
        agent: Of ``alarm``: label of the agent that comes to say something, which starts it, once a run.
    """

    at: Literal["hand", "end", "frames", "bytes", "feature", "alarm"] = "hand"
    scans: tuple[str, ...] = ()
    frames: int = Field(default=0, ge=0)
    bytes: Annotated[int, BeforeValidator(_size)] = Field(default=0, ge=0)
    feature: ConditionText = ""
    agent: str = ""

    @property
    def in_session(self) -> bool:
        """Whether it is a session that starts it, as only that has what it waits for."""
        return self.at in SESSION_TRIGGERS

    @property
    def condition(self) -> Condition | None:
        """The condition on features, read."""
        return read_condition(self.feature) if self.feature else None

    @property
    def each(self) -> tuple[str, int]:
        """What is counted while a run goes on, ``frames`` or ``bytes`` (or nothing), and after how many it starts."""
        counted = {"frames": self.frames, "bytes": self.bytes}
        return (self.at, max(counted[self.at], 1)) if self.at in counted else ("", 1)
