"""Which agents were on in a workspace's last session: none acts by itself in a new one, and a person is told so."""

import time
from collections.abc import Mapping

from steering.core.agent import MODES
from steering.core.errors import SteeringError
from steering.core.json import Json
from steering.core.workspace import Workspace
from steering.machine.kept_layout import keep_layout, read_layout

_KEY = "agents"
# What was set in another beamtime concerns nobody any more (seconds).
_LONGEST = 12 * 3600.0


def keep_modes(workspace: Workspace, modes: Mapping[str, str]) -> None:
    """Keep which agents are not off; a workspace that cannot be written to keeps nothing."""
    on: dict[str, Json] = {label: mode for label, mode in modes.items() if mode != "off"}
    try:
        keep_layout(workspace, {_KEY: {"modes": on, "at": time.time()}})
    except SteeringError:
        # It is a convenience: the mode itself holds.
        return


def told_of(workspace: Workspace) -> str:
    """Say which agents were on in the last session, and forget it; empty if none was, or it is long ago."""
    kept = read_layout(workspace).get(_KEY)
    if not isinstance(kept, dict):
        return ""
    at, modes = kept.get("at"), kept.get("modes")
    if not isinstance(at, int | float) or not isinstance(modes, dict) or not 0 <= time.time() - at < _LONGEST:
        return ""
    on = [f"{label!s:.60} on “{mode}”" for label, mode in modes.items() if mode in MODES[1:]]
    if not on:
        return ""
    keep_modes(workspace, {})
    return f"Agents are off in a new session. Before it were {', '.join(on)}: set them again in the card Agents."
