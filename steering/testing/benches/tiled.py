"""Writes a run into a real Tiled server, in a process of its own."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from steering.sources.tiled import TiledSource
from steering.testing.benches.child import Child
from steering.testing.benches.documents import closing, of_frame, opening, write_frames


class TiledBench:
    """Feeds a :class:`TiledSource`."""

    live = True
    # An event that is lost is not in the record: the frames after it move up there.
    loses = False

    def __init__(self, folder: Path) -> None:
        """Write the frames."""
        self._folder = folder
        self._path = folder / "frames" / "frames.h5"
        self._path.parent.mkdir()
        write_frames(self._path)
        self._server: Child | None = None
        self._begun = False

    async def open(self) -> TiledSource:
        """Start the server and follow it."""
        self._server = await Child.start("steering.testing.benches.tiled_server", str(self._folder))
        return TiledSource(self._server.ready["url"], key=self._server.ready["key"])

    async def feed(self, indices: Sequence[int]) -> None:
        """Write frames and events."""
        documents = [] if self._begun else opening(self._path)
        self._begun = True
        documents += [document for index in indices for document in of_frame(index)]
        await self._ask(documents=documents)

    async def disturb(self, *, begun: bool) -> Mapping[str, int]:
        """Put what is no run beside the runs."""
        if begun:
            return {}
        await self._ask(odd=True)
        return {"rejected": 1}

    async def end(self) -> None:
        """Write the stop document."""
        await self._ask(documents=[closing()])

    def held(self) -> int:
        """Nothing is held."""
        return 0

    async def close(self) -> None:
        """End the server."""
        if self._server is not None:
            await self._server.end()

    async def _ask(self, **request: object) -> None:
        if self._server is not None:
            await self._server.ask(**request)
