"""The journal of frames of one run: what is in the ring, so that a new process can take it over from a dead one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from steering.machine.lines import append, mend

SUFFIX = ".frames.jsonl"


class FrameJournal:
    """Appends one line of JSON for each frame that came and each range that was stored."""

    def __init__(self, directory: Path, run: str) -> None:
        """Begin or go on with the journal of a run."""
        self.path = directory / f"{run}{SUFFIX}"
        self._file = self.path.open("ab", buffering=0)
        mend(self.path)

    def write(self, **line: Any) -> None:
        """Append one line in one write."""
        append(self._file, json.dumps(line, separators=(",", ":")).encode() + b"\n")

    def close(self) -> None:
        """Close the file; the journal stays."""
        self._file.close()

    def remove(self) -> None:
        """Remove the journal of a run that is wholly stored."""
        self.close()
        self.path.unlink(missing_ok=True)


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Read the lines that are complete; what a crash or a full disk cut off is left out."""
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                continue
            try:
                content = json.loads(line)
            except ValueError:
                continue
            if isinstance(content, dict):
                yield cast("dict[str, Any]", content)
