"""Looks through virtual datasets (HDF5's VDS) at the datasets that they are made of.

HDF5 gives fill values, in silence, for what a missing source file would hold, and it does not say which filters its
sources need. So a virtual dataset whose sources hold whole frames one after another is read from these sources, each of
which is there, is waited for, or is named. Any other arrangement HDF5 reads itself, once all of it is there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any

from steering.readers.hdf5_dataset import DatasetName
from steering.readers.hdf5_nodes import UNREADABLE, child


@dataclass(frozen=True)
class Part:
    """A part of a virtual dataset.

    Attributes:
        file: Where it comes from.
        first: Index there of its first frame.
        start: Index of its first frame in the virtual dataset.
        stop: Index after its last.
    """

    file: DatasetName
    first: int
    start: int
    stop: int


def parts_of(dataset: Any) -> list[Part] | None:
    """List the parts of a virtual dataset, in the order of its frames.

    Returns:
        Nothing if its sources do not hold whole frames one after another.
    """
    found: list[Part] = []
    shape = tuple(dataset.shape)
    try:
        maps = list(dataset.virtual_sources())
        for entry in maps:
            here = _run(_bounds(entry.vspace), shape)
            there = _source_run(entry.src_space, here)
            if here is None or there is None or here[1] - here[0] != there[1] - there[0]:
                return None
            file = DatasetName(str(source_path(dataset, entry.file_name)), str(entry.dset_name))
            found.append(Part(file, there[0], *here))
    except UNREADABLE:
        return None
    found.sort(key=lambda part: part.start)
    apart = all(before.stop <= after.start for before, after in pairwise(found))
    return found if found and apart else None


def need_sources(dataset: Any, first: int, stop: int, need: Callable[[Any, int, int], None]) -> None:
    """Make sure that frames ``first`` to ``stop - 1`` of a virtual dataset are in its sources: HDF5 would give zeros.

    Args:
        dataset: The virtual dataset.
        first: Number of the first frame.
        stop: Number after the last one.
        need: Called with a source and the range of its frames, makes sure that they can be read.

    Raises:
        OSError: If a source is not there, or holds too few frames (yet).
    """
    import h5py

    try:
        maps = list(dataset.virtual_sources())
    except UNREADABLE:
        # Sources without end, or named by a pattern: HDF5 itself knows which of them are there.
        return
    inner = prod(dataset.shape[1:-2])
    stack = len(dataset.shape) > len("yx")
    rows = (first // inner, -(-stop // inner)) if stack else (0, dataset.shape[0])
    for entry in maps:
        found = _wanted(entry, *rows)
        if found is None:
            continue
        path = source_path(dataset, entry.file_name)
        if not path.exists():
            message = f"it is made of {path}, which is not there"
            raise OSError(message)
        with h5py.File(path, "r", libver="latest", swmr=dataset.file.swmr_mode) as file:
            source = child(file, str(entry.dset_name))
            if source is None or source.shape[:1] < found[1:]:
                holds = "no such dataset" if source is None else f"only {source.shape[0]} of {found[1]} frames (yet)"
                message = f"it is made of {path}, which holds {holds}"
                raise OSError(message)
            need(source, *found)


def _wanted(entry: Any, first: int, stop: int) -> tuple[int, int] | None:
    """Say which part of a source's first axis is behind one of a virtual dataset: 0, 0 if it is not alike."""
    import h5py

    try:
        low, high = _bounds(entry.vspace)
        everything = entry.src_space.get_select_type() == h5py.h5s.SEL_ALL
        corners = (low, high) if everything else _bounds(entry.src_space)
    except UNREADABLE:
        return None
    if low[0] >= stop or high[0] < first:
        return None
    begin, end = (0, high[0] - low[0]) if everything else (corners[0][0], corners[1][0])
    if len(corners[0]) != len(low) or end - begin != high[0] - low[0]:
        return 0, 0
    return begin + max(first - low[0], 0), begin + min(stop - 1, high[0]) - low[0] + 1


def source_path(dataset: Any, name: str) -> Path:
    """Say where HDF5 looks for a source: beside the file that names it, or where it was when that was written."""
    here = Path(str(dataset.file.filename)).absolute()
    if name == ".":
        return here
    choices = [Path(name) if Path(name).is_absolute() else here.parent / name, here.parent / Path(name).name]
    return next((path for path in choices if path.exists()), choices[0])


def _source_run(space: Any, here: tuple[int, int] | None) -> tuple[int, int] | None:
    """Say which frames of its source a part takes, as a range; nothing if they are not whole and one after another."""
    import h5py

    if space.get_select_type() == h5py.h5s.SEL_ALL:
        # All of the source, whose size may not be written down.
        return None if here is None else (0, here[1] - here[0])
    return _run(_bounds(space), tuple(space.get_simple_extent_dims()))


def _bounds(space: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the corners of a selection that is one box.

    Raises:
        ValueError: If it is not one box.
    """
    low, high = space.get_select_bounds()
    if prod(last - first + 1 for first, last in zip(low, high, strict=True)) != space.get_select_npoints():
        message = "the selection is not one box"
        raise ValueError(message)
    return tuple(low), tuple(high)


def _run(bounds: tuple[tuple[int, ...], tuple[int, ...]], shape: tuple[int, ...]) -> tuple[int, int] | None:
    """Say which frames a box holds, as a range; nothing if it cuts frames, or they are not one after another."""
    low, high = bounds
    if len(low) != len(shape) or low[-2:] != (0, 0) or tuple(last + 1 for last in high[-2:]) != shape[-2:]:
        return None
    if len(shape) == len("yx"):
        return 0, 1
    start = stop = 0
    varies = False
    for first, last, size in zip(low[:-2], high[:-2], shape[:-2], strict=True):
        if varies and (first != 0 or last + 1 != size):
            return None
        varies = varies or last > first
        start, stop = start * size + first, stop * size + last
    return start, stop + 1
