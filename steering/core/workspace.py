"""Where a workspace of ours keeps its connection files, journals and data."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Workspace:
    """A folder for one beamline service, its record and its compute owners.

    Attributes:
        directory: As an absolute path: it is told to processes that work in folders of their own, and to devices.
    """

    directory: Path

    def __post_init__(self) -> None:
        """Take a relative folder from where this process works, and ``~`` as the user's home."""
        object.__setattr__(self, "directory", self.directory.expanduser().absolute())

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
    """Return the workspace that this user works in: ``STEERING_HOME`` if set, else ``~/.local/share/steering``."""
    named = os.environ.get("STEERING_HOME")
    return Workspace(Path(named) if named else Path.home() / ".local" / "share" / "steering")
