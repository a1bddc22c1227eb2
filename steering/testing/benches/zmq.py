"""Sends documents as Bluesky's 0MQ proxy does, for the source that listens to one."""

import asyncio
import json
import pickle
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import zmq

from steering.core.waiting import within
from steering.sources.zmq_documents import ZmqSource
from steering.testing.benches.documents import HOSTILE, closing, of_frame, opening, write_frames

_PATIENCE, _LOOK = 30.0, 0.005
# An event of a run that nobody has heard of: it tells only that messages come through.
_PROBE: tuple[str, dict[str, Any]] = ("event", {"descriptor": "a run before", "seq_num": 1, "data": {}, "time": 0.0})
_MALFORMED = (b" start not json", b" start [1, 2]", b" start \x80\x04\x95", b"\xff\xfe \xff {}", b"")


class ZmqBench:
    """Feeds a :class:`ZmqSource` as a proxy does, with pickles, as Bluesky's publisher makes them."""

    live = True
    loses = True

    def __init__(self, folder: Path) -> None:
        """Write the frames."""
        self._path = folder / "frames.h5"
        write_frames(self._path)
        self._begun = False
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PUB)

    async def open(self) -> ZmqSource:
        """Bind a port as a proxy does, and return what listens to it."""
        port = self._socket.bind_to_random_port("tcp://127.0.0.1")
        self._source = ZmqSource(f"127.0.0.1:{port}")
        return self._source

    async def feed(self, indices: Sequence[int]) -> None:
        """Send frames, once somebody listens."""
        if not self._begun:
            self._begun = True
            await within(_PATIENCE, self._until_heard())
            self._send(opening(self._path))
        self._send(document for index in indices for document in of_frame(index))

    async def disturb(self, *, begun: bool) -> Mapping[str, int]:
        """Send malformed messages and documents, an object that is no plain value, and an event again."""
        if not begun:
            return {}
        odd = b" event " + pickle.dumps({"data": {"th": Path("x")}})
        lacking = b" event " + json.dumps({"descriptor": "kit-d"}).encode()
        for message in (*_MALFORMED, odd, lacking):
            self._socket.send(message)
        self._send([*HOSTILE, *of_frame(2)])
        return {"rejected": 13, "repeated": 1}

    async def end(self) -> None:
        """Send the stop document."""
        self._send([closing()])

    def held(self) -> int:
        """Nothing is held."""
        return 0

    async def close(self) -> None:
        """Let go of the port."""
        self._context.destroy(linger=0)

    def _send(self, documents: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        for name, document in documents:
            self._socket.send(b" ".join([b"", name.encode(), pickle.dumps(document)]))

    async def _until_heard(self) -> None:
        """0MQ sends nothing to who has not joined yet, and does not say who has."""
        while "began before" not in self._source.status.detail:
            self._send([_PROBE])
            await asyncio.sleep(_LOOK)
