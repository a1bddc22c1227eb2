"""Keeps checkpoints of each run and analysis on disk, so that nobody has to compute it again.

No file is ever written again. A worker may read a checkpoint long after it was made, when another was lost, and must
find the frames in it that it is said to have. And several may store the same analysis of the same run at the same time:
two sessions on one facility, or one session in which it is made twice under two labels. So each checkpoint is a file of
its own. Who stores the next one deletes the one before the last, of its own; whoever begins takes the fullest.
"""

import asyncio
import os
import pickle
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steering.core.analysis import Analyses, Analysis
from steering.core.result import parameters_hash
from steering.core.version import VERSION
from steering.loop.partial import Partial, together
from steering.loop.ranges import Ranges
from steering.machine.secret_file import make_private

# So many checkpoints are kept; of a run and analysis there are two for each that stored some.
_KEPT = 200
# States up to this size (bytes) are sent to the workers, larger ones are read by them where they see the file.
_SENT_BYTES = 1 << 20


@dataclass(frozen=True)
class Stored:
    """A checkpoint.

    Attributes:
        partial: What it holds.
        saved: How a worker gets it, by label: the file, or its bytes.
        files: Where it lies, if it was stored here.
        before: Where the one lies that it was stored after.
    """

    partial: Partial
    saved: Mapping[str, bytes | Path]
    files: tuple[Path, ...] = ()
    before: tuple[Path, ...] = ()


class Store:
    """Checkpoint files of mode 0600 in one folder; each is there whole or not at all."""

    def __init__(self, directory: Path | None, *, shared: bool = False) -> None:
        """Choose the folder.

        Args:
            directory: Made when it is first needed; ``None`` keeps checkpoints in memory only.
            shared: Whether workers see it under the same path.
        """
        self._directory = directory
        self._shared = shared

    async def put(self, run: str, analyses: Analyses, partial: Partial, after: Stored | None = None) -> Stored:
        """Store a partial of a run, each analysis for itself.

        Args:
            run: Which.
            analyses: By label.
            partial: Has a state of each.
            after: What the same lane stored before.

        Raises:
            OSError: If it cannot be written; what was stored before is still there.
        """
        saved: dict[str, bytes | Path] = {}
        files: list[Path] = []
        try:
            for label, analysis in analyses.items():
                file = self._file(run, analysis, partial)
                saved[label] = await asyncio.to_thread(self._put, file, partial.alone(label))
                files += [file] if file is not None else []
        except OSError:
            _delete(files)
            raise
        _delete(after.before if after is not None else ())
        return Stored(partial, saved, tuple(files), after.files if after is not None else ())

    async def get(self, run: str, analyses: Analyses) -> Stored | None:
        """Return the newest checkpoint of a run, if this version can read one of the same frames for each analysis."""
        found = {label: await asyncio.to_thread(self._get, run, one) for label, one in analyses.items()}
        there = {label: one for label, one in found.items() if one is not None}
        if len(there) < len(found) or len({partial.ranges for partial, _ in there.values()}) != 1:
            return None
        partials = {label: partial for label, (partial, _) in there.items()}
        return Stored(together(partials), {label: saved for label, (_, saved) in there.items()})

    async def alike(self, run: str, analyses: Analyses) -> list[Analyses]:
        """Part analyses by what is stored of them: those of the same frames can go on together."""
        parts: dict[Ranges, dict[str, Analysis[Any]]] = {}
        for label, analysis in analyses.items():
            found = await asyncio.to_thread(self._get, run, analysis)
            parts.setdefault(found[0].ranges if found is not None else (), {})[label] = analysis
        return list(parts.values())

    def _put(self, file: Path | None, partial: Partial) -> bytes | Path:
        content = pickle.dumps((VERSION, partial))
        if file is not None:
            make_private(file.parent)
            unfinished = file.with_suffix(".partial")
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

    def _get(self, run: str, analysis: Analysis[Any]) -> tuple[Partial, bytes | Path] | None:
        """Return the fullest that can be read; if there is none, everything is computed again."""
        if self._directory is None:
            return None
        for file in sorted(self._directory.glob(f"{_key(run, analysis)}.*.state"), reverse=True):
            try:
                content = file.read_bytes()
                # Written by this user's own loop into a folder that only this user may write.
                version, partial = pickle.loads(content)  # noqa: S301  (see above)
            except (OSError, pickle.UnpicklingError, EOFError, AttributeError, ImportError, ValueError, TypeError):
                # Deleted in this moment, cut short, or of another version.
                continue
            if version == VERSION:
                return partial, self._saved(content, file)
        return None

    def _saved(self, content: bytes, file: Path | None) -> bytes | Path:
        by_file = file is not None and self._shared and len(content) > _SENT_BYTES
        return file if by_file and file is not None else content

    def _file(self, run: str, analysis: Analysis[Any], partial: Partial) -> Path | None:
        # In the order of their names the fullest is the last.
        name = f"{_key(run, analysis)}.{partial.frames:012}-{secrets.token_hex(4)}.state"
        return None if self._directory is None else self._directory / name


def _key(run: str, analysis: Analysis[Any]) -> str:
    name = f"{run}-{analysis.name}-{parameters_hash(analysis.name, analysis.parameters)}"
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)


def _delete(files: Iterable[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)


def _forget_oldest(directory: Path) -> None:
    _delete(sorted(directory.glob("*.state"), key=_changed)[:-_KEPT])


def _changed(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        # Another session has just deleted it.
        return 0.0
