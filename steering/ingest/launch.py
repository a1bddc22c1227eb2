"""Where the ingest of a channel lives, and how it is started."""

import hashlib
import os
import shutil
from pathlib import Path

from steering.core.errors import SteeringError
from steering.core.workspace import Workspace
from steering.machine.daemon import Daemon

TMPFS = Path("/dev/shm")  # noqa: S108  (a folder of our own in it, mode 0700, checked to be ours)


def ingest_daemon(
    channel: str,
    workspace: Workspace,
    *,
    memory_bytes: int,
    disk_bytes: int,
    host: str,
    idle: float,
    frames: int,
    linger: float,
) -> Daemon:
    """Describe the ingest of a channel; one a channel and workspace, whoever asks.

    Raises:
        SteeringError: If its folder in memory belongs to somebody else.
    """
    name = _name(channel)
    disk = _disk(channel, workspace)
    arguments = ["--channel", channel, "--disk", str(disk), "--memory", str(_memory(disk, memory_bytes))]
    options = {
        "file": workspace.run / f"{name}.json",
        "memory-bytes": memory_bytes,
        "disk-bytes": disk_bytes,
        "host": host,
        "idle": idle,
        "frames": frames,
        "linger": linger,
    }
    arguments += [word for option, value in options.items() for word in (f"--{option}", str(value))]
    return Daemon(workspace.run / f"{name}.json", "steering.ingest", arguments, f"The ingest of {channel}")


def ingests(workspace: Workspace) -> dict[str, Daemon]:
    """Return the ingests that run in a workspace, also those that are ending, by channel."""
    found: dict[str, Daemon] = {}
    for file in sorted(workspace.run.glob("ingest-*.json")):
        daemon = Daemon(file, "steering.ingest", (), "The ingest")
        content = daemon.present()
        if content is not None:
            found[str(content.get("channel", file.stem))] = daemon
    return found


def end_ingests(workspace: Workspace) -> None:
    """End all ingests of a workspace; frames without a result stay on disk."""
    for daemon in ingests(workspace).values():
        daemon.stop()


def discard_ring(channel: str, workspace: Workspace) -> None:
    """End the ingest of a channel and throw away what its ring holds, stored or not."""
    Daemon(workspace.run / f"{_name(channel)}.json", "steering.ingest", (), "The ingest").stop()
    disk = _disk(channel, workspace)
    for folder in (_shared(disk), disk):
        shutil.rmtree(folder, ignore_errors=True)


def _name(channel: str) -> str:
    return f"ingest-{hashlib.sha256(channel.encode()).hexdigest()[:12]}"


def _disk(channel: str, workspace: Workspace) -> Path:
    return workspace.directory / "ring" / _name(channel)


def _shared(disk: Path) -> Path:
    return TMPFS / f"steering-{os.getuid()}" / hashlib.sha256(str(disk.resolve()).encode()).hexdigest()[:16]


def _memory(disk: Path, size: int) -> Path:
    """Choose a folder on tmpfs, or on disk where there is none with room."""
    folder = _shared(disk)
    ours = folder.parent
    if not folder.exists() and (not TMPFS.is_dir() or shutil.disk_usage(TMPFS).free < size):
        return disk / "memory"
    ours.mkdir(mode=0o700, exist_ok=True)
    found = ours.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077 or ours.is_symlink():
        message = f"{ours} is not a folder that only you may use. Remove it, or ask whom it belongs to."
        raise SteeringError(message)
    return folder
