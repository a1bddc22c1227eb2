"""This machine, with worker processes of the compute owner. Its values are in ``local.yaml`` beside this file."""

from pathlib import Path
from typing import Any

from steering.core.workspace import Workspace
from steering.facilities.owned import OwnedFacility


class LocalFacility(OwnedFacility):
    """Workers on this machine. Their owner outlives the kernel; a session attaches to it or starts it."""

    def __init__(self, workspace: Workspace | None = None, **settings: Any) -> None:
        """Set up the facility. ``settings`` override its YAML section, for example ``workers_per_node=4``."""
        super().__init__("local", Path(__file__).with_suffix(".yaml"), workspace, settings)
