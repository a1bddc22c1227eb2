"""The journal of frames of one run: what is in the ring, so that a new process can take it over from a dead one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SUFFIX = ".frames.jsonl"


class FrameJournal:
    """Appends one line of JSON for each frame that came and each range that was stored."""

    def __init__(self, directory: Path, run: str) -> None:
        """Begin or go on with the journal of a run."""
        self.path = directory / f"{run}{SUFFIX}"
        self._file = self.path.open("ab", buffering=0)
        _drop_broken_line(self.path)

    def write(self, **line: Any) -> None:
        """Append one line in one write."""
        self._file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")

    def close(self) -> None:
        """Close the file; the journal stays."""
        self._file.close()

    def remove(self) -> None:
        """Remove the journal of a run that is wholly stored."""
        self.close()
        self.path.unlink(missing_ok=True)


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Read the lines that are complete; a last one cut off by a crash is left out."""
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield json.loads(line)


def _drop_broken_line(path: Path) -> None:
    """Cut off a line that a crash left without its end: the next one would be glued to it."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as file:
            file.truncate(whole)
