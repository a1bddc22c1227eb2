"""What an entry of an HDF5 file holds: its images, and the positions and times that belong to them."""

from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

from steering.core.errors import SteeringError
from steering.readers.hdf5_columns import Column, find_columns, find_times
from steering.readers.hdf5_dataset import DatasetName
from steering.readers.hdf5_frames import count_frames
from steering.readers.hdf5_nodes import child, text
from steering.readers.hdf5_search import Images, entries_of, find_images, named_images
from steering.readers.hdf5_virtual import parts_of


@dataclass(frozen=True)
class Stack:
    """Frames of one dataset.

    Attributes:
        file: Where they are.
        first: Index of the first in its dataset.
        count: How many there will be; ``None`` for as many as the dataset has.
    """

    file: DatasetName
    first: int = 0
    count: int | None = None


@dataclass(frozen=True)
class Layout:
    """What an entry holds.

    Attributes:
        entry: Its name; empty in a file without entries.
        stacks: Its images, one stack after another; nothing if there are none to be had.
        frame_bytes: Size of one image.
        columns: Numbers that belong to the frames, by name.
        expected: How many frames the file says there will be; 0 if it does not.
        identity: What tells this measurement from another in a file of the same name.
        waits: What is linked to and not there, as a sentence.
        refused: Why what is there cannot be taken, as a sentence.
        others: Paths of other stacks of images.
    """

    entry: str = ""
    stacks: tuple[Stack, ...] = ()
    frame_bytes: int = 0
    columns: dict[str, Column] = field(default_factory=dict[str, Column])
    expected: int = 0
    identity: str = ""
    waits: str = ""
    refused: str = ""
    others: tuple[str, ...] = ()


def find_layout(file: Any, dataset: str = "", entry: str = "", *, alone: bool = False) -> Layout:
    """Find what an entry of a file holds.

    Args:
        file: An open :class:`h5py.File`.
        dataset: Path of the images; found if left out.
        entry: Name of the entry; the whole file if left out.
        alone: Whether each single number of a file with a single image belongs to it, as where each frame has a file.
    """
    images = named_images(file, dataset) if dataset else find_images(file, entry)
    if dataset and not entry:
        # Positions of the same entry, if the file has several.
        top = dataset.strip("/").split("/")[0]
        entry = top if top in entries_of(file) else ""
    if not images.nodes:
        return Layout(entry, waits=images.waits, refused=images.refused)
    return _layout(file, images, entry, alone=alone)


def find_layouts(file: Any, dataset: str = "") -> list[Layout]:
    """Find what each entry of a file holds, in natural order; entries without images are left out.

    An entry whose images cannot be had (yet) is among them, and says so.
    """
    if dataset:
        return [find_layout(file, dataset)]
    found = [find_layout(file, entry=entry) for entry in entries_of(file)]
    return [layout for layout in found if layout.stacks or layout.waits or layout.refused]


def require_images(layout: Layout, path: object) -> Layout:
    """Return a layout that has images.

    Raises:
        SteeringError: If it has none.
    """
    if not layout.stacks:
        raise SteeringError(layout.refused or layout.waits or f"{path} holds no images.")
    return layout


def _layout(file: Any, images: Images, entry: str, *, alone: bool) -> Layout:
    first = images.nodes[0]
    shape = tuple(first.shape)
    frames = sum(count_frames(node) for node in images.nodes)
    growing = len(shape) > len("yx") and first.maxshape[0] is None
    leading = shape[:-2] if len(images.nodes) == 1 else (frames,)
    here = first.file.filename == file.filename and len(images.nodes) == 1
    times = find_times(file, entry, frames, growing=growing) if here else ""
    stacks = tuple(stack for node in images.nodes for stack in _stacks(node, times))
    return Layout(
        entry,
        stacks,
        prod(shape[-2:]) * first.dtype.itemsize,
        find_columns(file, entry, leading, growing=growing, alone=alone),
        _expected(file, entry),
        _identity(file, entry),
        others=images.others,
    )


def _stacks(node: Any, times: str) -> list[Stack]:
    """Say where the frames of a dataset are; those of a virtual one in its sources, if these are one after another."""
    parts = parts_of(node) if node.is_virtual else None
    if parts is not None and _all_of(node, parts):
        return [Stack(part.file, part.first, part.stop - part.start) for part in parts]
    return [Stack(DatasetName(str(Path(str(node.file.filename)).absolute()), str(node.name), times))]


def _all_of(node: Any, parts: list[Any]) -> bool:
    """Say whether parts leave no frame of a virtual dataset out."""
    ends = [0, *(part.stop for part in parts)]
    covered = all(part.start == end for part, end in zip(parts, ends, strict=False))
    return covered and ends[-1] == count_frames(node)


def _expected(file: Any, entry: str) -> int:
    """Read how many images an Eiger was told to take."""
    specific = f"{entry or 'entry'}/instrument/detector/detectorSpecific"
    images, triggers = (_scalar(child(file, f"{specific}/{name}")) for name in ("nimages", "ntrigger"))
    return int(images or 0) * int(triggers if triggers is not None else 1)


def _scalar(node: Any) -> float | None:
    try:
        return float(node[()].item()) if node is not None and node.size == 1 else None
    except (TypeError, ValueError, AttributeError):
        return None


def _identity(file: Any, entry: str) -> str:
    said: list[str] = [entry, text(file.attrs.get("file_time"))]
    for name in ("entry_identifier", "start_time"):
        node = child(file, f"{entry or 'entry'}/{name}")
        if node is not None and getattr(node, "shape", None) == ():
            said.append(text(node[()]))
    return "|".join(said)
