"""Whether the disks have room for more points: a scan waits before one is full, and not after."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from steering.core.errors import cause

# A disk is full for a scan when it has less room than this (bytes), or than this share of a small one.
_RESERVE_BYTES, _RESERVE_SHARE = 64 << 20, 1 / 20


def full_disk(folders: Sequence[Path]) -> str:
    """Say which folder's disk is too full for another point; empty if none is."""
    for folder in folders:
        try:
            usage = shutil.disk_usage(folder)
        except OSError as error:
            return f"The folder {folder} cannot be used ({cause(error)}). Nothing that was measured is lost."
        if usage.free < min(_RESERVE_BYTES, usage.total * _RESERVE_SHARE):
            return (
                f"The disk of {folder} is full ({usage.free / 1e6:.0f} MB left). What was measured is safe. Free some "
                "room there, then resume."
            )
    return ""
