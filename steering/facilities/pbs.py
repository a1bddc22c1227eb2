"""Any cluster with PBS. Its values, each with its source, are in ``pbs.yaml`` beside this file."""

from pathlib import Path
from typing import Any

from steering.core.workspace import Workspace
from steering.facilities.owned import OwnedFacility


class PbsFacility(OwnedFacility):
    """Workers on any cluster with PBS."""

    def __init__(self, workspace: Workspace | None = None, **settings: Any) -> None:
        """Set up the facility. ``settings`` override its YAML section, for example ``account="..."``."""
        super().__init__("pbs", Path(__file__).with_suffix(".yaml"), workspace, settings)
