"""Any cluster with Slurm. Its values, each with its source, are in ``slurm.yaml`` beside this file."""

from pathlib import Path
from typing import Any

from steering.core.workspace import Workspace
from steering.facilities.owned import OwnedFacility


class SlurmFacility(OwnedFacility):
    """Workers on any cluster with Slurm."""

    def __init__(self, workspace: Workspace | None = None, **settings: Any) -> None:
        """Set up the facility. ``settings`` override its YAML section, for example ``account="..."``."""
        super().__init__("slurm", Path(__file__).with_suffix(".yaml"), workspace, settings)
