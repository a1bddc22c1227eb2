"""A folder for what a command keeps only while it runs."""

import shutil
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from steering.core.errors import cause

_GONE_SECONDS, _AGAIN_SECONDS = 10.0, 0.1


@contextmanager
def scratch() -> Generator[Path]:
    """Make a folder, and remove it in the end, also if a process that is just ending still writes into it."""
    folder = Path(tempfile.mkdtemp(prefix="steering-"))
    try:
        yield folder
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    deadline = time.monotonic() + _GONE_SECONDS
    while folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError as error:
            if time.monotonic() > deadline:
                sys.stderr.write(f"The folder {folder} could not be removed ({cause(error)}). Remove it by hand.\n")
                return
            time.sleep(_AGAIN_SECONDS)
