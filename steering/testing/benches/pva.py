"""Serves NTNDArrays over PVA, from a process of its own."""

import asyncio
import base64
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from steering.core.workspace import Workspace
from steering.ingest.client import RingClient
from steering.ingest.launch import discard_ring
from steering.machine.secret_file import read_secret
from steering.sources.pva import PvaSource
from steering.testing.bench import FRAMES, SHAPE, value
from steering.testing.benches.child import Child
from steering.testing.waiting import PATIENCE, until

CHANNEL = "KIT:Pva1:Image"


class PvaBench:
    """Feeds a :class:`PvaSource`."""

    live = True
    loses = True

    def __init__(self, folder: Path) -> None:
        """Nothing is served yet."""
        self._workspace = Workspace(folder / "workspace")
        self._server: Child | None = None
        self._environment: dict[str, str | None] = {}
        self._began = time.time() + 1.0
        self._good = 0

    async def open(self) -> PvaSource:
        """Serve a channel without a frame, and follow it."""
        self._server = await Child.start("steering.testing.benches.pva_server", CHANNEL)
        for name, content in self._server.ready.items():
            self._environment[name] = os.environ.get(name)
            os.environ[name] = content
        return PvaSource(
            CHANNEL,
            workspace=self._workspace,
            memory_bytes=1 << 24,
            disk_bytes=1 << 24,
            frames=FRAMES,
            idle_seconds=PATIENCE,
            outlive=False,
        )

    async def feed(self, indices: Sequence[int]) -> None:
        """Post frames; return when the ingest has them."""
        await until(lambda: not self._status()["detail"], lambda: f"the ingest is not connected: {self._status()}")
        await self._post([self._frame(index) for index in indices])
        self._good += len(indices)
        await self._until_taken()

    async def disturb(self, *, begun: bool) -> Mapping[str, int]:
        """Post frames of a wrong size and type, cut short, badly compressed, again, and out of order."""
        if not begun:
            return {}
        half = FRAMES // 2
        garbage = base64.b64encode(bytes(range(7, 107))).decode()
        wrong: list[dict[str, Any]] = [
            self._frame(3) | {"shape": [4, 4]},
            self._frame(3) | {"content": garbage, "dtype": "|u1", "dimensions": list(SHAPE)},
            *(
                self._frame(3) | {"content": garbage, "dtype": "|u1", "dimensions": list(SHAPE), "codec": codec}
                for codec in ("lz4", "bslz4", "blosc", "jpeg", "nonsense")
            ),
            self._frame(3) | {"dimensions": [1 << 20, 1 << 20]},
            self._frame(3) | {"dimensions": [3, 3, 3]},
        ]
        await self._post(wrong)
        # One frame again, then two in the wrong order; they come once more by the next feed.
        await self._post([self._frame(index) for index in (half - 1, half + 1, half)])
        self._good += 3
        await self._until_taken()
        return {"rejected": len(wrong), "repeated": 3, "later": 1}

    async def end(self) -> None:
        """The run ends with its last frame."""

    def held(self) -> int:
        """Count the bytes in the ring."""
        status = self._status()
        return status["memory"] + status["disk"]

    async def close(self) -> None:
        """End the server, and throw away what was not stored."""
        await asyncio.to_thread(discard_ring, CHANNEL, self._workspace)
        for name, content in self._environment.items():
            if content is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = content
        if self._server is not None:
            await self._server.end()

    def _frame(self, index: int) -> dict[str, Any]:
        return {
            "number": index + 1,
            "shape": list(SHAPE),
            "dtype": "<u2",
            "value": value(index),
            "time": self._began + 0.001 * index,
            "attributes": {"th": 0.1 * index},
        }

    async def _post(self, frames: Sequence[Mapping[str, Any]]) -> None:
        if self._server is not None:
            await self._server.ask(post=list(frames))

    async def _until_taken(self) -> None:
        """Wait until the ingest has seen each good frame that was posted."""

        def taken() -> bool:
            status = self._status()
            return status["frames"] + status["repeated"] >= self._good

        await until(taken, lambda: f"of {self._good} frames the ingest took {self._status()}")

    def _status(self) -> dict[str, Any]:
        files = list(self._workspace.run.glob("ingest-*.json"))
        found: dict[str, Any] | None = dict(read_secret(files[0]) or {}) if files else None
        if not found:
            # The ingest has ended, or not begun: it holds nothing.
            return {"memory": 0, "disk": 0, "detail": "not there", "frames": 0, "repeated": 0}
        client = RingClient(found["host"], found["port"], found["own"], found["certificate"])
        try:
            return client.request(want="status")[0]["status"]
        finally:
            client.close()
