"""Steering from a file: proposals that are made at a point's number or after some seconds.

.. code-block:: json

    {"agents": {"recentre": "automatic"},
     "steps": [{"after_points": 20, "action": {"kind": "set", "parameter": "exposure", "value": 0.1}},
               {"after_seconds": 5, "action": {"kind": "pause"}}]}

The action may be anything: what the service cannot read it refuses, with a sentence, like any other proposal.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from steering.core.errors import SteeringError, cause
from steering.core.json import Json


@dataclass(frozen=True)
class Step:
    """A proposal and when to make it.

    Attributes:
        proposal: As the service takes it, unread.
        after_points: Once so many points are measured.
        after_seconds: Once the scan has run for so long.
    """

    proposal: Mapping[str, Json]
    after_points: float
    after_seconds: float

    def due(self, points: int, seconds: float) -> bool:
        """Say whether it is time."""
        return points >= self.after_points or seconds >= self.after_seconds


@dataclass(frozen=True)
class Script:
    """Steps in the order of the file, and modes of agents."""

    steps: tuple[Step, ...]
    agents: Mapping[str, str] = field(default_factory=dict[str, str])


def read_script(path: Path) -> Script:
    """Read a steering file.

    Raises:
        SteeringError: If it is missing or not of the form above; the message says where.
    """
    try:
        content: Json = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"The steering file {path} cannot be read: {cause(error)}."
        raise SteeringError(message) from error
    except ValueError as error:
        message = f"The steering file {path} is not JSON: {error}."
        raise SteeringError(message) from error
    if isinstance(content, list):
        content = {"steps": content}
    if not isinstance(content, dict):
        message = f"The steering file {path} must hold an object with steps, or a list of steps."
        raise SteeringError(message)
    steps, agents = content.get("steps", []), content.get("agents", {})
    if not isinstance(steps, list) or not isinstance(agents, dict):
        message = f"The steering file {path}: steps must be a list and agents an object."
        raise SteeringError(message)
    read = tuple(_step(path, number, step) for number, step in enumerate(steps, 1))
    return Script(read, {name: str(mode) for name, mode in agents.items()})


def _step(path: Path, number: int, step: Json) -> Step:
    if not isinstance(step, dict) or "action" not in step:
        message = f"The steering file {path}, step {number}: it needs an action."
        raise SteeringError(message)
    times: dict[str, float] = {}
    for name in ("after_points", "after_seconds"):
        value = step.get(name, math.inf)
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            message = f"The steering file {path}, step {number}: {name} = {value!r} is not a number."
            raise SteeringError(message)
        times[name] = float(value)
    if math.isinf(times["after_points"]) and math.isinf(times["after_seconds"]):
        message = f"The steering file {path}, step {number}: say when, with after_points or after_seconds."
        raise SteeringError(message)
    proposal = {name: value for name, value in step.items() if name not in times}
    return Step(cast("Mapping[str, Json]", proposal), times["after_points"], times["after_seconds"])
