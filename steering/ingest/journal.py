"""The journal of frames of one run: what is in the ring, so that a new process can take it over from a dead one."""

import json
from collections.abc import Callable, Iterator
from io import RawIOBase
from pathlib import Path
from typing import Any, cast

from steering.core.errors import cause
from steering.machine.lines import append, mend

SUFFIX = ".frames.jsonl"


class FrameJournal:
    """Appends one line of JSON for each frame that came and each range that was stored.

    It is for the case that this process dies. So a line for which there is no room costs no frame and no end of a run.

    Attributes:
        path: The file.
        trouble: Why the newest line could not be written, as a sentence; empty if it was.
    """

    def __init__(self, directory: Path, run: str) -> None:
        """Begin or go on with the journal of a run."""
        self.path = directory / f"{run}{SUFFIX}"
        self.trouble = ""
        self._file: RawIOBase | None = None
        self._tried(self._opened)

    def write(self, **line: Any) -> None:
        """Append one line in one write, or say in ``trouble`` why that cannot be."""
        self._tried(lambda: append(self._opened(), json.dumps(line, separators=(",", ":")).encode() + b"\n"))

    def close(self) -> None:
        """Close the file; the journal stays."""
        if self._file is not None:
            self._file.close()

    def remove(self) -> None:
        """Remove the journal of a run that is wholly stored."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _opened(self) -> RawIOBase:
        if self._file is None:
            file = self.path.open("ab", buffering=0)
            try:
                mend(self.path)
            except OSError:
                file.close()
                raise
            self._file = file
        return self._file

    def _tried(self, work: Callable[[], object]) -> None:
        try:
            work()
        except OSError as error:
            self.trouble = f"{self.path.parent} cannot be written ({cause(error)}): frames would be lost in a crash."
        else:
            self.trouble = ""


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
