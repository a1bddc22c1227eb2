"""Writes a journal for the source that replays it."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from steering.sources.replay import ReplaySource
from steering.testing.benches.documents import HOSTILE, closing, of_frame, opening, write_frames


class ReplayBench:
    """Feeds a :class:`ReplaySource` by a recording."""

    live = False
    loses = True

    def __init__(self, folder: Path) -> None:
        """Write the frames and the beginning of the journal."""
        self._journal = folder / "run.jsonl"
        frames = folder / "frames.h5"
        write_frames(frames)
        self._write(opening(frames))

    async def open(self) -> ReplaySource:
        """Open the recording."""
        return ReplaySource(self._journal, speed=math.inf)

    async def feed(self, indices: Sequence[int]) -> None:
        """Write frames into the journal."""
        self._write([document for index in indices for document in of_frame(index)])

    async def disturb(self, *, begun: bool) -> Mapping[str, int]:
        """Write malformed lines and documents, and an event again."""
        if not begun:
            return {}
        with self._journal.open("a") as file:
            file.write('{"kind": "docu\\x00\n[1, 2, 3]\n{"kind": "ruling", "name": "", "content": {}}\n{}\n')
        self._write([*HOSTILE, *of_frame(2)])
        return {"rejected": 9, "repeated": 1}

    async def end(self) -> None:
        """Write the stop document."""
        self._write([closing()])

    def held(self) -> int:
        """Nothing is held."""
        return 0

    async def close(self) -> None:
        """Nothing was started."""

    def _write(self, documents: Sequence[tuple[str, Any]]) -> None:
        with self._journal.open("a") as file:
            for name, document in documents:
                file.write(json.dumps({"kind": "document", "name": name, "content": document}) + "\n")
