"""Feeds a source with documents, and writes the frames that they speak of."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from steering.sources.documents import DocumentSource
from steering.testing.bench import FRAMES, SHAPE, value

RUN = "kit"
_DATASET = "/entry/data/data"


def write_frames(path: Path, times: str = "") -> None:
    """Write all frames of the run into an HDF5 file."""
    frames = np.stack([np.full(SHAPE, value(index), np.int32) for index in range(FRAMES)])
    with h5py.File(path, "w") as file:
        file.create_dataset(_DATASET, frames.shape, frames.dtype, data=frames)
        if times:
            file.create_dataset(times, (FRAMES,), "f8", data=np.arange(FRAMES, dtype=np.float64))


def opening(path: Path, run: str = RUN) -> list[tuple[str, dict[str, Any]]]:
    """Make the documents with which a run begins."""
    image: dict[str, Any] = {
        "source": "kit",
        "dtype": "array",
        "shape": [1, *SHAPE],
        "external": "STREAM:",
        "dtype_numpy": "<i4",
    }
    keys: dict[str, dict[str, Any]] = {
        "det": image,
        "th": {"source": "kit", "dtype": "number", "shape": [], "units": "deg"},
    }
    descriptor: dict[str, Any] = {
        "uid": f"{run}-d",
        "name": "primary",
        "run_start": run,
        "data_keys": keys,
        "time": 1.0,
    }
    resource = {
        "uid": f"{run}-r",
        "data_key": "det",
        "mimetype": "application/x-hdf5",
        "uri": f"file://localhost{path}",
        "parameters": {"dataset": _DATASET, "chunk_shape": [1, *SHAPE]},
        "run_start": run,
    }
    return [
        ("start", {"uid": run, "time": 1.0, "plan_name": "kit"}),
        ("descriptor", descriptor | {"configuration": {}, "object_keys": {"kit": list(keys)}, "hints": {}}),
        ("stream_resource", resource),
    ]


def of_frame(index: int, run: str = RUN) -> list[tuple[str, dict[str, Any]]]:
    """Make the documents of one frame."""
    datum = {
        "uid": f"{run}-r/{index}",
        "stream_resource": f"{run}-r",
        "descriptor": f"{run}-d",
        "indices": {"start": index, "stop": index + 1},
        "seq_nums": {"start": index + 1, "stop": index + 2},
    }
    event = {
        "uid": f"{run}-e{index}",
        "descriptor": f"{run}-d",
        "seq_num": index + 1,
        "time": 1.0 + 0.001 * index,
        "data": {"th": 0.1 * index},
        "timestamps": {"th": 1.0},
    }
    return [("stream_datum", datum), ("event", event)]


def closing(run: str = RUN) -> tuple[str, dict[str, Any]]:
    """Make the document with which a run ends."""
    return "stop", {"uid": f"{run}-s", "run_start": run, "exit_status": "success", "time": 2.0, "num_events": {}}


HOSTILE: tuple[tuple[str, Any], ...] = (
    ("event", {}),
    ("event", {"descriptor": f"{RUN}-d", "seq_num": "x", "data": {}, "time": 1.0}),
    ("event", {"descriptor": f"{RUN}-d", "seq_num": 5, "data": None, "time": 1.0}),
    ("stream_datum", {"stream_resource": 3}),
    ("stream_datum", {"stream_resource": f"{RUN}-r", "indices": {"start": 5, "stop": 2}, "seq_nums": {"start": 1}}),
    ("descriptor", {"name": "primary"}),
    ("start", {}),
    ("nonsense", {"a": 1}),
)


class DocumentBench:
    """Feeds a :class:`DocumentSource`."""

    live = True
    loses = True

    def __init__(self, folder: Path) -> None:
        """Write the frames."""
        self._path = folder / "frames.h5"
        write_frames(self._path)
        self._source = DocumentSource()
        self._begun = False

    async def open(self) -> DocumentSource:
        """Return the source that is fed."""
        return self._source

    async def feed(self, indices: Sequence[int]) -> None:
        """Feed from another thread, as a client does."""
        documents = [] if self._begun else opening(self._path)
        self._begun = True
        documents += [document for index in indices for document in of_frame(index)]
        await asyncio.to_thread(self._feed, documents)

    def _feed(self, documents: Sequence[tuple[str, Any]]) -> None:
        for name, document in documents:
            self._source.feed(name, document)

    async def disturb(self, *, begun: bool) -> Mapping[str, int]:
        """Feed what is malformed, and an event again."""
        if not begun:
            return {}
        self._feed([*HOSTILE, *of_frame(2)])
        return {"rejected": 6, "repeated": 1}

    async def end(self) -> None:
        """Feed the stop document."""
        self._feed([closing()])

    def held(self) -> int:
        """Nothing is held."""
        return 0

    async def close(self) -> None:
        """Nothing was started."""
