"""Filesystems of a test's own, which can be full or read-only."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def small_disk(folder: Path, options: str = "size=200m,mode=700") -> Iterator[Path]:
    """Mount a filesystem in memory at a folder, which is made.

    Raises:
        CalledProcessError: If nothing can be mounted here: only root may, as Slurm's daemons need in these tests too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(file: Path) -> None:
    """Take all the room that there is on a file's disk."""
    with file.open("wb", buffering=0) as stream:
        try:
            while True:
                os.write(stream.fileno(), b"\0" * (1 << 20))
        except OSError:
            return
