"""Keeps the newest checkpoint of each run and analysis on disk, so that nobody has to compute it again."""

import asyncio
import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steering.core.analysis import Analyses, Analysis
from steering.core.result import parameters_hash
from steering.core.secret_file import make_private
from steering.core.version import VERSION
from steering.loop.partial import Partial, together
from steering.loop.ranges import Ranges

# So many checkpoints are kept, one for each run and analysis.
_KEPT = 200
# States up to this size (bytes) are sent to the workers, larger ones are read by them where they see the file.
_SENT_BYTES = 1 << 20


@dataclass(frozen=True)
class Stored:
    """A checkpoint.

    Attributes:
        partial: What it holds.
        saved: How a worker gets it, by label: the file, or its bytes.
    """

    partial: Partial
    saved: Mapping[str, bytes | Path]


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

    async def put(self, run: str, analyses: Analyses, partial: Partial) -> Stored:
        """Store a partial of a run, each analysis for itself.

        Raises:
            OSError: If it cannot be written; those that are not written yet are still as before.
        """
        saved = {
            label: await asyncio.to_thread(self._put, run, _name(analysis), partial.alone(label))
            for label, analysis in analyses.items()
        }
        return Stored(partial, saved)

    async def get(self, run: str, analyses: Analyses) -> Stored | None:
        """Return the newest checkpoint of a run, if this version can read one of the same frames for each analysis."""
        found = {label: await asyncio.to_thread(self._get, run, _name(one)) for label, one in analyses.items()}
        there = {label: one for label, one in found.items() if one is not None}
        if len(there) < len(found) or len({partial.ranges for partial, _ in there.values()}) != 1:
            return None
        partials = {label: partial for label, (partial, _) in there.items()}
        return Stored(together(partials), {label: saved for label, (_, saved) in there.items()})

    async def alike(self, run: str, analyses: Analyses) -> list[Analyses]:
        """Part analyses by what is stored of them: those of the same frames can go on together."""
        parts: dict[Ranges, dict[str, Analysis[Any]]] = {}
        for label, analysis in analyses.items():
            found = await asyncio.to_thread(self._get, run, _name(analysis))
            parts.setdefault(found[0].ranges if found is not None else (), {})[label] = analysis
        return list(parts.values())

    def _put(self, run: str, analysis: str, partial: Partial) -> bytes | Path:
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
        return self._saved(content, file)

    def _get(self, run: str, analysis: str) -> tuple[Partial, bytes | Path] | None:
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
        return (partial, self._saved(content, file)) if version == VERSION else None

    def _saved(self, content: bytes, file: Path | None) -> bytes | Path:
        by_file = file is not None and self._shared and len(content) > _SENT_BYTES
        return file if by_file and file is not None else content

    def _file(self, run: str, analysis: str) -> Path | None:
        safe = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in f"{run}-{analysis}")
        return None if self._directory is None else self._directory / f"{safe}.state"


def _name(analysis: Analysis[Any]) -> str:
    return f"{analysis.name}-{parameters_hash(analysis.name, analysis.parameters)}"


def _forget_oldest(directory: Path) -> None:
    files = sorted(directory.glob("*.state"), key=lambda file: file.stat().st_mtime)
    for file in files[:-_KEPT]:
        file.unlink(missing_ok=True)
