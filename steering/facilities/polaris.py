"""Polaris at ALCF. Its values, each with its source, are in ``polaris.yaml`` beside this file."""

from pathlib import Path
from typing import Any

from steering.core.workspace import Workspace
from steering.facilities.owned import OwnedFacility


class PolarisFacility(OwnedFacility):
    """Workers on Polaris at ALCF."""

    def __init__(self, workspace: Workspace | None = None, **settings: Any) -> None:
        """Set up the facility. ``settings`` override its YAML section, for example ``account="..."``."""
        super().__init__("polaris", Path(__file__).with_suffix(".yaml"), workspace, settings)
