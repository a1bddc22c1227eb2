"""Flows without a process: how they stand is set by hand."""

import time
from dataclasses import replace
from pathlib import Path

from steering.core.board import Board
from steering.core.errors import SteeringError
from steering.core.workspace import Workspace
from steering.flow_runner.desk import Flows
from steering.flow_steps.flow_state import FlowState, StepState

STEPS = ("transfer", "compute", "catalogue", "distribute")
# Id of a collection, and of whatever else Globus names so.
PLACE = "df325224-24e0-450e-96db-c89ddb79d9a4"
FOUND = {"curve": {"peak": {"value": 0.2213, "uncertainty": 0.001, "units": "deg"},
                   "fwhm": {"value": 0.031, "uncertainty": None, "units": "deg"}}}  # fmt: skip


class FakeFlows(Flows):
    """Implements ``Flows``.

    Attributes:
        asked: What was asked of it: ``("run", name)`` and so on.
        fail: Why nothing can be done.
    """

    def __init__(self) -> None:
        super().__init__(Workspace(Path("/tmp/steering-flows")), Board())
        self.asked: list[tuple[str, str]] = []
        self.fail = ""

    def fill(self) -> None:
        """Have two flows, of which one has run well, and one has failed."""
        self.offered.set(("keep", "look"))
        self.put(done("keep-11aa22bb", time.time() - 600))
        self.put(failed("keep-22bb33cc", time.time() - 60))

    def put(self, state: FlowState) -> None:
        """Have a flow run stand as it says, the newest order first."""
        rest = [one for one in self.states.value if one.id != state.id]
        self.states.set(tuple(sorted((state, *rest), key=lambda one: one.ordered, reverse=True)))

    def run(self, name: str, run: str = "") -> str:
        self._hear("run", name)
        self.put(copying(f"{name}-33cc44dd", time.time(), 4_000_000))
        return f"{name}-33cc44dd"

    def resume(self, id: str) -> None:  # noqa: A002
        self._hear("resume", id)
        self.put(done(id, self.state(id).ordered))

    def cancel(self, id: str) -> None:  # noqa: A002
        self._hear("cancel", id)
        self.put(replace(self.state(id), status="cancelled", why="It was cancelled. What was done is kept."))

    def state(self, id: str) -> FlowState:  # noqa: A002
        return next(one for one in self.states.value if one.id == id)

    def _hear(self, what: str, name: str) -> None:
        if self.fail:
            raise SteeringError(self.fail)
        self.asked.append((what, name))


def done(name, ordered):
    """Make a flow run that has succeeded."""
    at = [ordered + 0.1 * number for number in range(5)]
    outcomes = ({"folder": "/data/store/11aa22bb"}, {"features": FOUND}, {}, {"folder": "/data/experiment/Ni-pillar"})
    sizes = (10_948_067, 0, 0, 11_015_329)
    steps = tuple(
        StepState(step, "done", "", at[number], at[number + 1], outcomes[number], sizes[number], sizes[number], 1)
        for number, step in enumerate(STEPS)
    )
    return FlowState(name, "keep", "11aa22bb-run", "succeeded", "", ordered, ordered + 0.5, "ana", steps)


def failed(name, ordered):
    """Make a flow run whose last step has failed."""
    good = done(name, ordered)
    why = (
        "Another file is at /data/experiment/Ni-pillar/raw/run.h5 (15 bytes), and it is not written over. Move it "
        "elsewhere, or give the step another folder."
    )
    last = replace(good.steps[-1], status="failed", why=why, bytes=0, outcome={})
    return replace(good, status="failed", why=why, steps=(*good.steps[:-1], last))


def copying(name, ordered, there):
    """Make a flow run that copies, with so many bytes there."""
    first = StepState(
        "transfer", "running", "", ordered, bytes=there, bytes_total=10_948_067, tries=1, told=ordered + 0.4,
        mark=(ordered, 0),
    )  # fmt: skip
    rest = tuple(StepState(step) for step in STEPS[1:])
    return FlowState(name, "keep", "33cc44dd-run", "running", "", ordered, by="ana", steps=(first, *rest))


def queued_at_globus(name, ordered):
    """Make a flow run on Globus whose function waits for a node, after one was taken away."""
    good = done(name, ordered)
    sent = replace(good.steps[0], outcome={"folder": f"globus://{PLACE}/project/11aa22bb-run"})
    why = "The endpoint has not begun: waiting-for-nodes."
    waits = StepState("compute", "running", why, ordered + 0.1, tries=2, told=ordered + 9)
    rest = tuple(StepState(step) for step in STEPS[2:])
    return replace(good, status="running", steps=(sent, waits, *rest))


def asked_at_globus(name, ordered):
    """Make an existing flow of Globus that waits for a person's answer."""
    why = f"A person is asked: Keep the sample? (keep, change). Answer: steering globus answer {PLACE} OPTION."
    step = StepState("flow", "running", why, ordered, tries=1, told=ordered + 9)
    return FlowState(name, "theirs", "44dd55ee-run", "running", "", ordered, by="ana", steps=(step,))


def rests_at_globus(name, ordered):
    """Make a flow run that rests at Globus until somebody consents."""
    scope = f"https://auth.globus.org/scopes/{PLACE}/flow_user[urn:globus:auth:scope:transfer.api.globus.org:all]"
    why = (
        "The run at Globus rests: A consent is required before the run can go on. Give the consent, and go on: "
        f"steering globus login --consent '{scope}' && steering flow resume {name}"
    )
    first = StepState("transfer", "failed", why, ordered, ordered + 1, tries=1, told=ordered + 1)
    rest = tuple(StepState(step) for step in STEPS[1:])
    return FlowState(name, "keep", "55ee66ff-run", "failed", why, ordered, by="ana", steps=(first, *rest))
