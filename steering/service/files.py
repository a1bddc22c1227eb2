"""The frames that a service sends to guests: of files that its own runs have named, and of nothing else."""

from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import PurePosixPath
from threading import Lock
from typing import Any
from urllib.parse import unquote

from numpy.typing import NDArray

from steering.core.block import Floats, FrameBlock
from steering.core.errors import SteeringError
from steering.core.place import Place
from steering.places.hdf5 import FrameFile
from steering.places.images import ImageFiles
from steering.places.served import MESSAGE_BYTES, pack
from steering.readers.paths import path_of_uri
from steering.sources.frames import read_frames

_MOST_FILES = 10_000
_MOST_FRAMES = 4096


class NamedFiles:
    """Files, and folders of series, that documents have named; filled by one thread, read by any."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = Lock()
        self._named: OrderedDict[str, None] = OrderedDict()

    def note(self, name: str, document: Mapping[str, Any]) -> None:
        """Remember what a document names."""
        if name == "stream_resource":
            uri = str(document.get("uri", ""))
            found = [uri.removeprefix("file://localhost").removeprefix("file://")]
            with suppress(ValueError):
                # One that is no address is nothing that a guest could ask for, and must not end the scan.
                found.append(path_of_uri(uri))
        elif name == "resource":
            found = [str(PurePosixPath(str(document.get("root") or "/")) / str(document.get("resource_path", "")))]
        else:
            return
        with self._lock:
            for path in {*found, *(unquote(one) for one in found)}:
                self._named[str(PurePosixPath(path))] = None
                self._named.move_to_end(str(PurePosixPath(path)))
            while len(self._named) > _MOST_FILES:
                self._named.popitem(last=False)

    def read(self, path: str, dataset: str, times: str, first: int, stop: int) -> bytes:
        """Read frames ``first`` to ``stop - 1``, or as many of them as one message holds.

        Raises:
            SteeringError: If no run has named this file, or it does not hold them.
        """
        plain = PurePosixPath(path)
        with self._lock:
            named = str(plain) in self._named or (not dataset and str(plain.parent) in self._named)
        if not named or ".." in plain.parts:
            message = f"No run of this service has named the file {path!r:.200}."
            raise SteeringError(message)
        if not 0 <= first < stop <= first + _MOST_FRAMES:
            message = f"Frames {first} to {stop - 1} are not to be had at once. Allowed: 1 to {_MOST_FRAMES} frames."
            raise SteeringError(message)
        if dataset:
            place = FrameFile(path, dataset, times)
        else:
            place = ImageFiles((path,), (first,), (float("nan"),))
            stop = first + 1
        frames, taken = _frames(place, first, first + 1)
        # No more than the message holds: a guest may ask for more than there is memory.
        stop = min(stop, first + max(MESSAGE_BYTES // max(frames.nbytes, 1), 1))
        return pack(*(_frames(place, first, stop) if stop > first + 1 else (frames, taken)))


def _frames(place: Place, first: int, stop: int) -> tuple[NDArray[Any], Floats]:
    return read_frames(FrameBlock("", "", first, stop, place, {}, {}, {}))
