"""JSON files that only their owner may read: connection files with tokens and keys."""

import json
import os
from pathlib import Path

from steering.core.json import Json


def write_secret(path: Path, content: dict[str, Json]) -> None:
    """Write a JSON file with mode 0600, whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file)
    partial.replace(path)


def read_secret(path: Path) -> dict[str, Json] | None:
    """Read such a file; nothing if it is not there or belongs to a process that was killed while it wrote."""
    try:
        content: Json = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return content if isinstance(content, dict) else None
