"""What a step has at hand while it works."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from steering.core.result import Result
from steering.core.workspace import Workspace
from steering.flow_steps.copying import CancelledFlowError
from steering.flow_steps.flow_journal import FlowJournal
from steering.flow_steps.recorded_run import RecordedRun
from steering.flow_steps.warm import WarmFacilities
from steering.flows.facts import Facts


@dataclass
class Work:
    """A flow run that is being run.

    Attributes:
        workspace: Whose run it is.
        journal: Held by this process.
        run: The run.
        facts: What is known of it, with the features of what has been computed.
        facilities: Where to compute.
        step: Name of the step that works now.
        effects: What was done once and for all, by key, of this and earlier tries.
        outcomes: Of the steps that are done, by name.
    """

    workspace: Workspace
    journal: FlowJournal
    run: RecordedRun
    facts: Facts
    facilities: WarmFacilities
    step: str = ""
    effects: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    outcomes: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])

    @property
    def results(self) -> Path:
        """Folder of what the compute step made."""
        return self.journal.folder / "results"

    def place(self, text: str) -> Path:
        """Return a folder that a flow names; one that is not absolute counts from the workspace."""
        path = Path(text).expanduser()
        return path if path.is_absolute() else self.workspace.directory / path

    def intend(self, key: str, **what: Any) -> None:
        """Write down that something is about to be done."""
        self.journal.write("intends", {"step": self.step, "key": key, **what})

    def did(self, key: str, **what: Any) -> None:
        """Write down that something was done, once and for all."""
        self.effects[key] = what
        self.journal.write("did", {"step": self.step, "key": key, **what})

    def tell(self, done: int, total: int) -> None:
        """Say how many bytes are there, and stop here if somebody asked for that."""
        self.journal.write("progress", {"step": self.step, "bytes": done, "bytes_total": total}, sync=False)
        self.check()

    def waits(self, why: str) -> None:
        """Say why nothing happens now."""
        self.journal.write("waits", {"step": self.step, "why": why}, sync=False)

    def check(self) -> None:
        """Go on.

        Raises:
            CancelledFlowError: If somebody asked for the end of the flow.
        """
        if self.journal.cancel_wished:
            raise CancelledFlowError(f"The flow was cancelled in its step {self.step}.")


class Returned(Protocol):
    """Called with each result that a flow has computed."""

    def __call__(self, result: Result) -> None:
        """Take it."""
        ...
