"""The catalogue's entries that the compute function made, kept for a try that only has to write them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from steering.core.errors import SteeringError, said


def write_entries(folder: Path, entries: Sequence[Mapping[str, Any]]) -> str:
    """Write entries, whole or not at all; return where."""
    path = folder / "entries.json"
    made = path.with_name(f".{path.name}.part")
    made.write_text(json.dumps(list(entries)), encoding="utf-8")
    made.replace(path)
    return str(path)


def read_entries(outcome: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Read the entries of a compute step that is done; none if it is not, or made none.

    Raises:
        SteeringError: If their file is not there any more.
    """
    path = outcome.get("entries")
    if not path:
        return []
    try:
        return cast("list[dict[str, Any]]", json.loads(Path(str(path)).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise SteeringError(
            f"{path} holds no entries ({said(error):.80}). Remove the folder of the flow run, and order it anew."
        ) from error
