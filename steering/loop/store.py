"""Keeps the newest checkpoint of each run and analysis on disk, so that nobody has to compute it again."""

import asyncio
import os
import pickle
from dataclasses import dataclass
from pathlib import Path

from steering.core.secret_file import make_private
from steering.core.version import VERSION
from steering.loop.partial import Partial

# Checkpoints of so many runs are kept.
_RUNS_KEPT = 50
# States up to this size (bytes) are sent to the workers, larger ones are read by them where they see the file.
_SENT_BYTES = 1 << 20


@dataclass(frozen=True)
class Stored:
    """A checkpoint.

    Attributes:
        partial: What it holds.
        saved: How a worker gets it: the file, or its bytes.
    """

    partial: Partial
    saved: bytes | Path


class Store:
    """Checkpoint files of mode 0600 in one folder; the newest replaces the one before, whole or not at all."""

    def __init__(self, directory: Path | None, *, shared: bool = False) -> None:
        """Choose the folder.

        Args:
            directory: Made when it is first needed; ``None`` keeps checkpoints in memory only.
            shared: Whether workers see it under the same path.
        """
        self._directory = directory
        self._shared = shared

    async def put(self, run: str, analysis: str, partial: Partial) -> Stored:
        """Store a partial of a run; ``analysis`` names the analysis and its parameters.

        Raises:
            OSError: If it cannot be written; the one before is still there.
        """
        return await asyncio.to_thread(self._put, run, analysis, partial)

    async def get(self, run: str, analysis: str) -> Stored | None:
        """Return the newest checkpoint of a run; nothing if there is none that this version can read."""
        return await asyncio.to_thread(self._get, run, analysis)

    def _put(self, run: str, analysis: str, partial: Partial) -> Stored:
        content = pickle.dumps((VERSION, partial))
        file = self._file(run, analysis)
        if file is not None:
            make_private(file.parent)
            unfinished = file.with_suffix(f".{os.getpid()}.partial")
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as stream:
                    stream.write(content)
                unfinished.replace(file)
            except OSError:
                unfinished.unlink(missing_ok=True)
                raise
            _forget_oldest(file.parent)
        return self._stored(partial, content, file)

    def _get(self, run: str, analysis: str) -> Stored | None:
        file = self._file(run, analysis)
        if file is None or not file.exists():
            return None
        content = file.read_bytes()
        try:
            # Written by this user's own loop into a folder that only this user may write.
            version, partial = pickle.loads(content)  # noqa: S301  (see above)
        except (pickle.UnpicklingError, EOFError, AttributeError, ImportError, ValueError, TypeError):
            # Cut short, or of another version: then everything is computed again, which loses only time.
            return None
        return self._stored(partial, content, file) if version == VERSION else None

    def _stored(self, partial: Partial, content: bytes, file: Path | None) -> Stored:
        by_file = file is not None and self._shared and len(content) > _SENT_BYTES
        return Stored(partial, file if by_file and file is not None else content)

    def _file(self, run: str, analysis: str) -> Path | None:
        safe = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in f"{run}-{analysis}")
        return None if self._directory is None else self._directory / f"{safe}.state"


def _forget_oldest(directory: Path) -> None:
    files = sorted(directory.glob("*.state"), key=lambda file: file.stat().st_mtime)
    for file in files[:-_RUNS_KEPT]:
        file.unlink(missing_ok=True)
