"""Finds what an HDF5 file holds: its images, and the positions and times that belong to them.

Knows NeXus (``default`` and ``signal``), areaDetector, Eiger master files, DataExchange and CXI; in any other file the
largest stack of images is taken.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

from steering.core.errors import SteeringError
from steering.core.place import FrameFile
from steering.sources.hdf5_frames import count_frames

# Where the conventions keep images, apart from NeXus' own way to say so.
_KNOWN = (
    "entry/data/data",
    "exchange/data",
    "entry_1/data_1/data",
    "entry_1/instrument_1/detector_1/data",
    "entry/instrument/detector/data",
)
_PIECE = re.compile(r"data_\d+")
_TIMES = ("NDArrayTimeStamp", "timestamp")
_NODES_LOOKED_AT = 5000
_STACK, _IMAGE = 3, 2
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# Version of the superblock from which on it says that a writer has the file open, and the bit that does.
_FLAGS_VERSION, _FLAGS_AT, _WRITER = 3, 11, 0x01


@dataclass(frozen=True)
class Column:
    """A dataset with one number a frame.

    Attributes:
        dataset: Its path in the file.
        units: Their unit, or empty.
    """

    dataset: str
    units: str = ""


@dataclass(frozen=True)
class Layout:
    """What a file holds.

    Attributes:
        stacks: Datasets of images, one after another.
        frame_bytes: Size of one image.
        columns: Numbers that belong to the frames, by name.
        expected: How many frames the file says there will be; 0 if it does not.
        identity: What tells this measurement from another in a file of the same name.
    """

    stacks: tuple[FrameFile, ...]
    frame_bytes: int
    columns: dict[str, Column] = field(default_factory=dict[str, Column])
    expected: int = 0
    identity: str = ""


def find_layout(file: Any, dataset: str = "") -> Layout | None:
    """Find out what a file holds; nothing if there are no images in it yet.

    Args:
        file: An open ``h5py.File``.
        dataset: Path of the images, if they are not to be searched for.

    Raises:
        SteeringError: If that path holds no images.
    """
    found = _named(file, dataset) if dataset else _search(file)
    if not found:
        return None
    first = found[0]
    frames = sum(count_frames(stack) for stack in found)
    growing = first.maxshape[0] is None
    columns = dict(_columns(file, frames, growing=growing))
    times = next((columns.pop(name).dataset for name in _TIMES if name in columns), "")
    same = first.file.filename == file.filename and len(found) == 1
    stacks = tuple(FrameFile(str(one.file.filename), str(one.name), times if same else "") for one in found)
    size = prod(first.shape[-2:]) * first.dtype.itemsize
    return Layout(stacks, size, columns, _expected(file), _identity(file))


def is_being_written(path: Path) -> bool:
    """Say whether a writer has a file open, as far as the file tells (files that can be read while they grow do)."""
    with path.open("rb") as file:
        # A file may begin with a block of its user's, of 512 bytes or twice, four times ... as many.
        for offset in (0, 512, 1024, 2048, 4096, 8192):
            file.seek(offset)
            head = file.read(_FLAGS_AT + 1)
            if head.startswith(_SIGNATURE) and len(head) > _FLAGS_AT:
                return head[8] >= _FLAGS_VERSION and bool(head[_FLAGS_AT] & _WRITER)
    return False


def _named(file: Any, dataset: str) -> list[Any]:
    found = _get(file, dataset)
    if found is None:
        return []
    if not _is_images(found):
        message = (
            f"{dataset} in {file.filename} holds no images. Images in this file: {', '.join(_all(file)) or 'none'}."
        )
        raise SteeringError(message)
    return [found]


def _search(file: Any) -> list[Any]:
    for path in [*_default(file), *_KNOWN]:
        found = _get(file, path)
        if found is not None and _is_images(found):
            return [found]
        pieces = _pieces(_get(file, path.rpartition("/")[0]))
        if pieces:
            return pieces
    stacks = [node for _, node in _walk(file) if _is_images(node)]
    deepest = max((len(node.shape) for node in stacks), default=0)
    return sorted((node for node in stacks if len(node.shape) == deepest), key=lambda node: -prod(node.shape))[:1]


def _all(file: Any) -> list[str]:
    return [path for path, node in _walk(file) if _is_images(node)]


def _default(file: Any) -> Iterator[str]:
    """Follow NeXus' trail from the root to the signal."""
    group, path = file, ""
    for _ in range(3):
        name = group.attrs.get("default")
        if name is None or _get(group, str(name)) is None:
            break
        path, group = f"{path}/{name}", _get(group, str(name))
    signal = group.attrs.get("signal")
    if path and signal is not None:
        yield f"{path}/{signal}"


def _pieces(group: Any) -> list[Any]:
    """List the images of an Eiger master file, as far as their files are there."""
    if group is None or not hasattr(group, "keys"):
        return []
    found: list[Any] = []
    for name in sorted(key for key in group if _PIECE.fullmatch(key)):
        node = _get(group, name)
        if node is None or not _is_images(node):
            break
        found.append(node)
    return found


def _get(group: Any, path: str) -> Any:
    """Return what is at a path; nothing if it, or the file that a link leads to, is not there (yet)."""
    try:
        return group[path] if path else group
    except (KeyError, OSError, ValueError):
        return None


def _is_images(node: Any) -> bool:
    return (
        hasattr(node, "dtype")
        and len(node.shape) in (_IMAGE, _STACK)
        and node.dtype.kind in "iuf"
        and min(node.shape[-2:]) > 0
        and prod(node.shape[-2:]) > 1
    )


def _walk(file: Any) -> Iterator[tuple[str, Any]]:
    """Visit all datasets, also behind links; each object once."""
    seen: set[object] = set()
    waiting: list[tuple[str, Any]] = [("", file)]
    while waiting and len(seen) < _NODES_LOOKED_AT:
        path, group = waiting.pop(0)
        for name in group:
            node = _get(group, name)
            if node is None or node.id in seen:
                continue
            seen.add(node.id)
            if hasattr(node, "dtype") and hasattr(node, "shape"):
                yield f"{path}/{name}", node
            elif hasattr(node, "keys"):
                waiting.append((f"{path}/{name}", node))


def _columns(file: Any, frames: int, *, growing: bool) -> Iterator[tuple[str, Column]]:
    seen: set[str] = set()
    for path, node in _walk(file):
        name = path.rpartition("/")[2]
        if node.shape is None or len(node.shape) != 1 or node.dtype.kind not in "iuf" or name in seen:
            continue
        grows = growing and node.maxshape[0] is None
        if grows or (node.shape[0] == frames and frames > 1):
            seen.add(name)
            units = node.attrs.get("units", "")
            yield name, Column(path, units.decode() if isinstance(units, bytes) else str(units))


def _expected(file: Any) -> int:
    """Read how many images an Eiger was told to take."""
    specific = "entry/instrument/detector/detectorSpecific"
    images, triggers = (_get(file, f"{specific}/{name}") for name in ("nimages", "ntrigger"))
    return int(images[()]) * (int(triggers[()]) if triggers is not None else 1) if images is not None else 0


def _identity(file: Any) -> str:
    said: list[str] = [str(file.attrs.get("file_time", ""))]
    for path in ("entry/entry_identifier", "entry/start_time", "entry_1/start_time"):
        node = _get(file, path)
        if node is not None and hasattr(node, "dtype") and node.shape == ():
            said.append(str(node[()]))
    return "|".join(said)
