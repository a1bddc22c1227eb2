"""Finds the numbers that belong to the frames of an HDF5 file: positions, counters, times."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from steering.core.block import Floats
from steering.readers.hdf5_nodes import Node, attribute, child
from steering.readers.hdf5_search import walk
from steering.readers.hdf5_written import look_anew

# Names that say nothing by themselves: NeXus calls each positioner's dataset "value".
_PLAIN = frozenset(("value", "data", "position", "readback", "rbv", "values", "raw", "val", "counts", "user_readback"))
# Of these the clock is made; they are no positions.
_CLOCK = re.compile(r"NDArrayEpicsTS\w*|NDArrayTimeStamp|timestamp", re.IGNORECASE)
TIMES = ("NDArrayTimeStamp", "timestamp")
# CXI has where the beam was on the sample in one table, x first, in metres if nothing else is said.
_TABLE, _AXES, _UM = "translation", ("sx", "sy"), {"": 1e6, "m": 1e6, "mm": 1e3, "um": 1.0, "nm": 1e-3}


@dataclass(frozen=True)
class Column:
    """A dataset with one number or row a frame, or one number for all frames of a step of the first axis.

    Attributes:
        dataset: Its path in the file.
        units: Their unit, or empty.
        each: How many frames share a number, one after another.
        part: Which number of a row; -1 where there are no rows.
        factor: Of the numbers in the file, for that unit.
    """

    dataset: str
    units: str = ""
    each: int = 1
    part: int = -1
    factor: float = 1.0

    def read(self, file: Any, start: int, stop: int) -> Floats:
        """Read the numbers of frames ``start`` to ``stop - 1``; NaN where the file has none yet."""
        numbers = np.full(stop - start, np.nan)
        found = file[self.dataset]
        look_anew(found)
        first, last = start // self.each, -(-stop // self.each)
        there = _flat(found, first, last) if self.part < 0 else found[first:last, self.part] * self.factor
        spread = np.repeat(there, self.each)[start - first * self.each :][: stop - start]
        numbers[: len(spread)] = spread
        return numbers


@dataclass(frozen=True)
class _Candidate:
    """A dataset that fits, and what it may be called."""

    path: str
    column: Column

    @property
    def names(self) -> list[str]:
        """What it may be called, shortest first."""
        parts = self.path.split("/")
        leaf = parts[-1]
        if leaf.lower() in _PLAIN and len(parts) > 1:
            leaf = parts[-2]
            parts = parts[:-1]
        return [leaf, *("_".join(parts[-depth:]) for depth in range(2, len(parts) + 1))]


def find_columns(file: Any, entry: str, leading: tuple[int, ...], *, growing: bool, alone: bool) -> dict[str, Column]:
    """Find the numbers that belong to frames.

    Args:
        file: The file.
        entry: Where to look: positions of another scan are of other frames. Empty is the whole file.
        leading: The axes of the images before rows and columns.
        growing: Whether the first of them grows.
        alone: Whether each single number belongs to a single image.

    Returns:
        Columns by name; where two have the same, by that of what they are in.
    """
    group = child(file, entry) if entry else file
    nodes = [*walk(group, entry)]
    found = [
        _Candidate(path, Column(f"/{path}", attribute(node.item, "units"), each))
        for path, node in nodes
        if not _CLOCK.fullmatch(path.rpartition("/")[2])
        and node.kind in tuple("iuf")
        and (each := _each(node, leading, growing=growing, alone=alone))
    ]
    return {**_of_table(nodes, leading, growing=growing), **dict(_named(found))}


def _of_table(nodes: list[tuple[str, Node]], leading: tuple[int, ...], *, growing: bool) -> dict[str, Column]:
    """Find where the beam was in a table with a row a frame, in micrometres."""
    for path, node in nodes:
        shape = node.shape or ()
        if path.rpartition("/")[2] != _TABLE or len(shape) != 2 or shape[1] < len(_AXES) or node.kind not in "iuf":
            continue
        factor = _UM.get(attribute(node.item, "units"))
        if factor and (shape[0] == prod(leading) or (growing and node.item.maxshape[0] is None)):
            return {name: Column(f"/{path}", "um", 1, part, factor) for part, name in enumerate(_AXES)}
    return {}


def find_times(file: Any, entry: str, frames: int, *, growing: bool) -> str:
    """Find the dataset with the time of each frame; empty if there is none."""
    group = child(file, entry) if entry else file
    for path, node in walk(group, entry):
        if path.rpartition("/")[2] in TIMES and node.kind in tuple("iuf") and _each(node, (frames,), growing=growing):
            return f"/{path}"
    return ""


def _each(node: Node, leading: tuple[int, ...], *, growing: bool, alone: bool = False) -> int:
    """Say how many frames share one number of a dataset; 0 if it does not belong to the frames."""
    shape, frames = node.shape or (), prod(leading)
    inner = prod(leading[1:])
    grows = growing and len(shape) >= 1 and node.item.maxshape[0] is None
    if grows and len(shape) == 1:
        return inner
    if grows and len(shape) == len(leading) and shape[1:] == leading[1:]:
        return 1
    if frames <= 1:
        return int(alone and prod(shape) == 1)
    if shape == leading or (prod(shape) == frames and max(shape, default=0) == frames):
        return 1
    return inner if shape == leading[:1] and len(leading) > 1 else 0


def _named(found: list[_Candidate]) -> Iterator[tuple[str, Column]]:
    """Name each by the shortest name that no other has."""
    depth = 0
    while found:
        names = [one.names[min(depth, len(one.names) - 1)] for one in found]
        last = depth >= max(len(one.names) for one in found) - 1
        clashing: list[_Candidate] = []
        for one, name in zip(found, names, strict=True):
            if names.count(name) == 1 or last:
                yield name, one.column
            else:
                clashing.append(one)
        found, depth = clashing, depth + 1


def _flat(dataset: Any, first: int, last: int) -> Floats:
    """Read numbers ``first`` to ``last - 1`` of a dataset as if it had one axis."""
    if not dataset.shape:
        return np.asarray([dataset[()]], dtype=np.float64)[first:last]
    inner = prod(dataset.shape[1:])
    if inner == 0:
        return np.empty(0)
    begin, end = first // inner, -(-last // inner)
    rows = np.asarray(dataset[begin:end], dtype=np.float64).ravel()
    return rows[first - begin * inner : last - begin * inner]
