"""Looks through virtual datasets (HDF5's VDS) at the datasets that they are made of.

HDF5 gives fill values, in silence, for what a missing source file would hold, and it does not say which filters its
sources need. So a virtual dataset whose sources hold whole frames one after another is read from these sources, each of
which is there, is waited for, or is named. Any other arrangement HDF5 reads itself, once all of it is there.
"""

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


def missing_sources(dataset: Any, first: int, stop: int) -> list[str]:
    """Name the files that frames ``first`` to ``stop - 1`` of a virtual dataset need and that are not there."""
    inner = prod(dataset.shape[1:-2])
    found: list[str] = []
    try:
        for entry in dataset.virtual_sources():
            low, high = _bounds(entry.vspace)
            if low[0] * inner >= stop or (high[0] + 1) * inner <= first:
                continue
            path = source_path(dataset, entry.file_name)
            if not path.exists():
                found.append(str(path))
    except UNREADABLE:
        # Sources without end, or named by a pattern: HDF5 itself knows which of them are there.
        return found
    return sorted(set(found))


def need_source_filters(dataset: Any, need: Any) -> None:
    """Have the filters of a virtual dataset's sources loaded: the virtual dataset does not name them.

    Args:
        dataset: The virtual dataset.
        need: Called with a dataset, loads its filters.
    """
    import h5py

    seen: set[tuple[str, str]] = set()
    try:
        maps = list(dataset.virtual_sources())
    except UNREADABLE:
        return
    for entry in maps:
        path = source_path(dataset, entry.file_name)
        if (str(path), entry.dset_name) in seen or not path.exists():
            continue
        seen.add((str(path), entry.dset_name))
        try:
            with h5py.File(path, "r", libver="latest", swmr=True) as file:
                source = child(file, str(entry.dset_name))
                if source is not None:
                    need(source)
        except OSError:
            continue
        # Detectors write all files of a series alike.
        return


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
