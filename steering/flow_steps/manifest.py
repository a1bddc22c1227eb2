"""The manifest beside files that were given out: what went where, when, and how it was verified."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from steering.flow_steps.work import Work


def manifest_name(work: Work) -> str:
    """Return what the manifest of a flow run is called."""
    return f"MANIFEST-{work.journal.id}.json"


def manifest_of(
    work: Work, copied: Sequence[Mapping[str, Any]], folder: str, verified: str, *, mode: str = "", group: str = ""
) -> dict[str, Any]:
    """Say what was given out.

    Args:
        work: Of the flow run.
        copied: Of each file ``name`` below the folder, ``size`` in bytes, ``sha256``, and ``at``, Unix time in seconds.
        folder: Where the files are.
        verified: How each was verified.
        mode: Of each file; the place's own if empty.
        group: Likewise.
    """
    return {
        "flow": work.journal.id, "run": work.run.uid, "words": dict(work.facts.words), "folder": folder, "mode": mode,
        "group": group, "verified": verified,
        "files": [{key: one[key] for key in ("name", "size", "sha256", "at")} for one in copied],
    }  # fmt: skip


def write_manifest(path: Path, content: Mapping[str, Any], mode: int | None = None) -> Path:
    """Write a manifest under a temporary name beside its place, on the disk when this returns; return where.

    Args:
        path: Its place.
        content: What it says.
        mode: Of the file; as usual if none is given.
    """
    made = path.with_name(f".{path.name}.part")
    with made.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    if mode is not None:
        made.chmod(mode)
    return made
