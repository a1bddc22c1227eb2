"""Keeps checkpoints of each run and analysis on disk, so that nothing has to be computed again.

A file is never overwritten, for two reasons. A worker may read a checkpoint long after it was made, because another
worker was lost, and must find exactly the frames that belong to it. And the same analysis of the same run may be stored
twice at the same time: by two sessions on one facility, or by one session under two labels. So each checkpoint is a
file of its own. A lane that stores a checkpoint keeps its previous one and deletes the one before that. A lane that
begins takes the checkpoint with the most frames.
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

# Number of checkpoints that are kept. Each lane that stores a run and analysis has two of them.
_KEPT = 200
# States up to this size (bytes) are sent to the workers. Workers read larger ones from the file if they can see it.
_SENT_BYTES = 1 << 20


@dataclass(frozen=True)
class Stored:
    """A checkpoint.

    Attributes:
        partial: The stored partial.
        saved: How a worker gets it, by label: the path of the file, or its bytes.
        files: Paths of its files, if this process stored it.
        before: Paths of the files of the checkpoint before it.
    """

    partial: Partial
    saved: Mapping[str, bytes | Path]
    files: tuple[Path, ...] = ()
    before: tuple[Path, ...] = ()


class Store:
    """Checkpoint files of mode 0600 in one folder. Each file is written completely or not at all."""

    def __init__(self, directory: Path | None, *, shared: bool = False) -> None:
        """Choose the folder.

        Args:
            directory: The folder, which is made when it is first needed. ``None`` keeps checkpoints in memory only.
            shared: Whether workers see the folder under the same path.
        """
        self._directory = directory
        self._shared = shared

    async def put(self, run: str, analyses: Analyses, partial: Partial, after: Stored | None = None) -> Stored:
        """Store a partial of a run, with one file for each analysis.

        Args:
            run: The run.
            analyses: The analyses to store, by label.
            partial: A partial with a state of each analysis.
            after: The checkpoint that the same lane stored before.

        Raises:
            OSError: If it cannot be written. Earlier checkpoints are still there.
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
        """Return the fullest checkpoint of a run.

        Return ``None`` unless this version can read a checkpoint of each analysis and all hold the same frames.
        """
        found = {label: await asyncio.to_thread(self._get, run, one) for label, one in analyses.items()}
        there = {label: one for label, one in found.items() if one is not None}
        if len(there) < len(found) or len({partial.ranges for partial, _ in there.values()}) != 1:
            return None
        partials = {label: partial for label, (partial, _) in there.items()}
        return Stored(together(partials), {label: saved for label, (_, saved) in there.items()})

    async def alike(self, run: str, analyses: Analyses) -> list[Analyses]:
        """Group analyses by their stored frames. Analyses with the same stored frames can continue together."""
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
        """Return the fullest checkpoint that can be read. Without one, everything is computed again."""
        if self._directory is None:
            return None
        for file in sorted(self._directory.glob(f"{_key(run, analysis)}.*.state"), reverse=True):
            try:
                content = file.read_bytes()
                # Written by this user's own loop into a folder that only this user may write.
                version, partial = pickle.loads(content)  # noqa: S301  (see above)
            except Exception:  # noqa: BLE001, S112  (deleted just now, damaged, of another version: it may be anything)
                continue
            if version == VERSION:
                return partial, self._saved(content, file)
        return None

    def _saved(self, content: bytes, file: Path | None) -> bytes | Path:
        by_file = file is not None and self._shared and len(content) > _SENT_BYTES
        return file if by_file and file is not None else content

    def _file(self, run: str, analysis: Analysis[Any], partial: Partial) -> Path | None:
        # The name contains the number of frames, so the fullest checkpoint is the last one in order of names.
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
