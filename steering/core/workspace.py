"""Where a workspace of ours keeps its connection files, journals and data."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Workspace:
    """A folder for one beamline service, its record and its compute owners.

    Attributes:
        directory: ``STEERING_HOME`` if set, else ``~/.local/share/steering``.
    """

    directory: Path

    @property
    def run(self) -> Path:
        """Connection files and logs of running processes."""
        return self.directory / "run"

    @property
    def journal(self) -> Path:
        """Journals of runs, one file each."""
        return self.directory / "journal"

    @property
    def frames(self) -> Path:
        """The detector's files."""
        return self.directory / "frames"

    @property
    def record(self) -> Path:
        """The record's catalogue and tables."""
        return self.directory / "record"


def default_workspace() -> Workspace:
    """Return the workspace that this user works in."""
    named = os.environ.get("STEERING_HOME")
    return Workspace(Path(named) if named else Path.home() / ".local" / "share" / "steering")
