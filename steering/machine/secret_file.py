"""JSON files that only their owner may read: connection files with tokens and keys."""

import json
import os
from pathlib import Path
from threading import get_ident

from steering.core.errors import SteeringError, cause
from steering.core.json import Json


def make_private(directory: Path) -> None:
    """Make a folder that only its owner may enter, whatever the umask, and those above it that are missing.

    Raises:
        SteeringError: If it cannot be made, or cannot be written.
    """
    missing = [one for one in (directory, *directory.parents) if not one.exists()]
    try:
        for one in reversed(missing):
            try:
                one.mkdir(mode=0o700)
            except FileExistsError:
                # Another process of ours made it in this moment.
                continue
            one.chmod(0o700)
    except OSError as error:
        raise _unwritable(directory, error) from error
    if not directory.is_dir() or not os.access(directory, os.W_OK | os.X_OK):
        raise _unwritable(directory, None)


def _unwritable(directory: Path, error: OSError | None) -> SteeringError:
    why = "it is not this user's" if error is None else cause(error)
    return SteeringError(
        f"The folder {directory} cannot be written ({why}). Set the environment variable STEERING_HOME to a folder of "
        "yours, with room for the data of your scans."
    )


def write_secret(path: Path, content: dict[str, Json]) -> None:
    """Write a JSON file with mode 0600, whole or not at all."""
    make_private(path.parent)
    # Two threads may write it at once, too.
    partial = path.with_name(f"{path.name}.{os.getpid()}-{get_ident()}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file)
    partial.replace(path)


def read_secret(path: Path) -> dict[str, Json] | None:
    """Read such a file; nothing if it is not there, cannot be read, or its writer was killed while it wrote."""
    try:
        content: Json = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
