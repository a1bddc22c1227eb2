"""Finds the images in an entry of an HDF5 file, and takes nothing else for them.

In this order: what NeXus says is to be plotted (``default``, ``signal``, in each form that writers use), the detectors
of the instrument, the places of the conventions (areaDetector, Eiger, DataExchange, CXI), and, in a file that says
nothing, the largest stack that is not named as something else (a mask, a dark, positions ...).

What is there but cannot be taken, and links whose files are not there (yet), are said: never is another array taken
instead.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any

from steering.readers.hdf5_nodes import (
    Node,
    attribute,
    attribute_list,
    child,
    children,
    link_target,
    names,
    parent_path,
)

# Where the conventions keep images.
_KNOWN = (
    "entry/data/data",
    "exchange/data",
    "entry_1/data_1/data",
    "entry_1/instrument_1/detector_1/data",
    "entry/instrument/detector/data",
)
_PIECE = re.compile(r"data_\d+")
# Arrays that are shaped like images and are none.
_AUXILIARY = re.compile(
    r"mask|flat|dark|white|bkg|background|gain|pedestal|offset|monitor|variance|error|uncertaint|weight|count_time|"
    r"position|coordinate|distortion|solid_?angle|polari[sz]ation|threshold|calib|timestamp|efficien|_value$|"
    r"^(x|y|z|q|qx|qy|qz|phi|chi|theta|eta|mu|index|sum|mean|total|i0)$|_set$",
    re.IGNORECASE,
)
_STACK_RANK = 3
_NODES_LOOKED_AT = 5000
_COLOURS = (3, 4)
_FEWEST_ROWS = 8
_COLOUR_RANK = 4


@dataclass
class Images:
    """What was found.

    Attributes:
        nodes: Datasets of images, one after another; nothing if there are none to be had.
        waits: What is linked to and not there, as a sentence; empty if nothing is.
        refused: Why what is there cannot be taken, as a sentence; empty if nothing is refused.
        others: Paths of other stacks of images in the entry.
    """

    nodes: list[Any] = field(default_factory=list[Any])
    waits: str = ""
    refused: str = ""
    others: tuple[str, ...] = ()


def entries_of(file: Any) -> list[str]:
    """List a file's entries, in natural order; the root alone if it has none."""
    found = [node.name for node in children(file) if node.is_group and attribute(node.item, "NX_class") == "NXentry"]
    return found or [""]


def find_images(file: Any, entry: str = "") -> Images:
    """Find the images of an entry; empty is the whole file."""
    search = _Search(file, entry)
    for places in (search.plotted(), search.detectors(), search.known()):
        found = search.choose(places)
        if found is not None:
            return found
    return search.largest()


def named_images(file: Any, dataset: str) -> Images:
    """Take the dataset that a person named."""
    node = Node.of(dataset, child(file, dataset))
    if node is None:
        target = _dangling(file, dataset)
        return Images(waits=target or f"{dataset} is not in {file.filename} yet.")
    refused = why_not(node, dataset, str(file.filename))
    if not refused:
        return Images([node.item])
    there = ", ".join(f"/{path}" for path, one in walk(file) if one.is_images)
    return Images(refused=f"{refused} Images in this file: {there or 'none'}.")


def why_not(node: Node, path: str, filename: str) -> str:
    """Say why a dataset cannot be taken for images; empty if it can."""
    where = f"{path} in {filename}"
    if node.is_group:
        return f"{where} is a group. Name a dataset of images."
    if not node.has_images:
        return f"{where} has shape {node.shape} and holds no images: their last two axes are rows and columns."
    if not node.is_images:
        return f"{where} has shape {node.shape} and holds no real numbers. Allowed are images of integers or floats."
    if _is_colour(node):
        return (
            f"{where} has shape {node.shape} and holds colour images. Allowed are grey ones: have the detector write "
            "one colour, or sum them."
        )
    return ""


def _is_virtual(node: Node) -> bool:
    return not node.is_group and bool(node.item.is_virtual)


def _is_colour(node: Node) -> bool:
    shape = node.shape
    if shape is None:
        return False
    if attribute(node.item, "interpretation").lower().startswith(("rgb", "hsl", "cmyk")):
        return True
    if len(shape) < _STACK_RANK:
        return False
    if shape[-1] in _COLOURS and min(shape[-3:-1]) >= _FEWEST_ROWS:
        # Rows, columns and colours, with or without frames before them.
        return True
    small = node.kind == "u" and node.item.dtype.itemsize == 1
    return small and len(shape) == _COLOUR_RANK and (shape[-3] == _COLOURS[0] or shape[-2] == _COLOURS[0])


class _Search:
    """One search through an entry."""

    def __init__(self, file: Any, entry: str) -> None:
        self._file = file
        self._entry = entry
        self._group = child(file, entry) if entry else file
        self._single: list[Any] = []
        self._waits: list[str] = []

    def plotted(self) -> Iterator[str]:
        """Name what NeXus says is to be plotted."""
        group, path = self._group, self._entry
        if not self._entry:
            wanted = attribute(self._file, "default")
            if wanted and child(self._file, wanted) is not None:
                group, path = child(self._file, wanted), wanted
        for _ in range(3):
            name = attribute(group, "default") if group is not None else ""
            if not name or child(group, name) is None:
                break
            path, group = f"{path}/{name}", child(group, name)
        if group is None:
            return
        groups = [(path, group)] if attribute(group, "NX_class") in ("NXdata", "") else []
        groups += [
            (f"{path}/{node.name}", node.item)
            for node in children(group)
            if node.is_group and attribute(node.item, "NX_class") == "NXdata"
        ]
        for where, data in groups:
            for signal in _signals(data):
                yield f"{where}/{signal}".strip("/")

    def detectors(self) -> Iterator[str]:
        """Name the data of the instrument's detectors."""
        for path, group in _walk_groups(self._group, self._entry):
            if attribute(group, "NX_class") == "NXdetector":
                for name in ("data", *(one for one in names(group) if one != "data" and not _AUXILIARY.search(one))):
                    node = Node.of(name, child(group, name))
                    if (node is not None and node.has_images) or (name == "data" and _dangling(group, name)):
                        yield f"{path}/{name}".strip("/")

    def known(self) -> Iterator[str]:
        """Name the places of the conventions."""
        for path in _KNOWN:
            if not self._entry or path.startswith(f"{self._entry}/"):
                yield path
        if self._entry:
            yield from (f"{self._entry}/{tail}" for tail in ("data/data", "instrument/detector/data"))

    def choose(self, paths: Iterator[str]) -> Images | None:
        """Take the first of some places that has a stack of images; nothing if none has."""
        for path in dict.fromkeys(paths):
            node = Node.of(path, child(self._file, path))
            # An Eiger's master file has its pieces, and at times a virtual dataset over them.
            pieces = self._pieces(parent_path(path)) if node is None or _is_virtual(node) else []
            if pieces:
                return Images(pieces)
            if node is None:
                target = _dangling(self._file, path)
                if target:
                    return Images(waits=target)
                continue
            if node.is_group or not node.has_images or _AUXILIARY.search(path.rpartition("/")[2]):
                continue
            refused = why_not(node, path, str(self._file.filename))
            if refused:
                return Images(refused=refused)
            if len(node.shape or ()) >= _STACK_RANK:
                return Images([node.item], others=self._others(node.item))
            self._single.append(node.item)
        return None

    def largest(self) -> Images:
        """Take the largest stack of a file that says nothing of what it holds."""
        if self._single:
            return Images(self._single[:1])
        stacks: list[Node] = []
        for path, node in walk(self._group, self._entry):
            if not any(_AUXILIARY.search(part) for part in path.split("/")[-2:]) and node.has_images:
                if why_not(node, path, str(self._file.filename)) and len(node.shape or ()) >= _STACK_RANK:
                    return Images(refused=why_not(node, path, str(self._file.filename)))
                if node.is_images:
                    stacks.append(node)
        waits = next(iter(_missing(self._group, self._entry)), "")
        if waits and not any(len(node.shape or ()) >= _STACK_RANK for node in stacks):
            return Images(waits=waits)
        stacks.sort(key=lambda node: (-len(node.shape or ()), -prod(node.shape or ())))
        return Images([node.item for node in stacks[:1]], others=tuple(str(node.item.name) for node in stacks[1:]))

    def _pieces(self, path: str) -> list[Any]:
        """List the images of an Eiger master file, as far as their files are there."""
        group = child(self._file, path) if path else None
        if group is None or Node.of(path, group) is None:
            return []
        found: list[Any] = []
        for name in names(group):
            if not _PIECE.fullmatch(name):
                continue
            node = Node.of(name, child(group, name))
            if node is None or not node.is_images:
                break
            found.append(node.item)
        return found

    def _others(self, chosen: Any) -> tuple[str, ...]:
        return tuple(
            f"/{path}"
            for path, node in walk(self._group, self._entry)
            if node.is_images
            and len(node.shape or ()) >= _STACK_RANK
            and node.item != chosen
            and not any(_AUXILIARY.search(part) for part in path.split("/")[-2:])
        )


def _signals(data: Any) -> list[str]:
    """Name what a group of NeXus data plots: by its own attribute, or in the old way by that of the dataset."""
    own = attribute(data, "signal")
    if own and not own.isdigit():
        return [own, *attribute_list(data, "auxiliary_signals")]
    return [node.name for node in children(data) if not node.is_group and attribute(node.item, "signal") == "1"]


def axes_of(data: Any) -> set[str]:
    """Name the axes of a group of NeXus data."""
    named = set(attribute_list(data, "axes"))
    for node in children(data):
        if not node.is_group:
            named |= set(attribute_list(node.item, "axes"))
            if attribute(node.item, "axis"):
                named.add(node.name)
    return named - {".", ""}


def _dangling(group: Any, path: str) -> str:
    """Say which file or object a path leads to that is not there; empty if the path leads nowhere by itself."""
    here, _, name = path.strip("/").rpartition("/")
    parent = child(group, here) if here else group
    if parent is None:
        return _dangling(group, here) if here else ""
    target = link_target(parent, name)
    if target is None or child(parent, name) is not None:
        return ""
    file, inside = target
    what = f"{inside} in {file}" if file else inside
    return f"{path} leads to {what}, which is not there (yet)."


def _missing(group: Any, path: str) -> Iterator[str]:
    """Visit links to other files that are not there."""
    for where, inside in _walk_groups(group, path):
        for name in names(inside):
            target = link_target(inside, name)
            if target is not None and target[0] and child(inside, name) is None and not _AUXILIARY.search(name):
                yield f"{where}/{name}".strip("/") + f" leads to {target[1]} in {target[0]}, which is not there (yet)."


def walk(group: Any, path: str = "") -> Iterator[tuple[str, Node]]:
    """Visit all datasets, also behind links; each object once."""
    seen: set[object] = set()
    waiting: list[tuple[str, Any]] = [(path, group)] if group is not None else []
    while waiting and len(seen) < _NODES_LOOKED_AT:
        where, here = waiting.pop(0)
        for node in children(here):
            if node.item.id in seen:
                continue
            seen.add(node.item.id)
            if node.is_group:
                waiting.append((f"{where}/{node.name}".strip("/"), node.item))
            else:
                yield f"{where}/{node.name}".strip("/"), node


def _walk_groups(group: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Visit a group and all groups in it; each once."""
    seen: set[object] = set()
    waiting: list[tuple[str, Any]] = [(path, group)] if group is not None else []
    while waiting and len(seen) < _NODES_LOOKED_AT:
        where, here = waiting.pop(0)
        yield where, here
        for node in children(here):
            if node.is_group and node.item.id not in seen:
                seen.add(node.item.id)
                waiting.append((f"{where}/{node.name}".strip("/"), node.item))
