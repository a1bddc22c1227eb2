"""Looks at what an HDF5 file holds; what numpy cannot express, and links that lead nowhere, are no obstacle."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

# Whatever h5py raises for an object that is odd, damaged, or not there.
UNREADABLE = (
    KeyError,
    OSError,
    ValueError,
    TypeError,
    RuntimeError,
    AttributeError,
    NotImplementedError,
    OverflowError,
)
_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, eq=False)
class Node:
    """A group or a dataset, with what is known of it.

    Attributes:
        name: In its parent.
        item: h5py's object.
        shape: Of a dataset; ``None`` for a group, and for a dataset without a dataspace.
        kind: Letter of a dataset's type, as numpy has it; empty where numpy has none, and for groups.
        is_group: Whether it is a group.
    """

    name: str
    item: Any
    shape: tuple[int, ...] | None
    kind: str
    is_group: bool

    @classmethod
    def of(cls, name: str, item: Any) -> "Node | None":
        """Describe an object; nothing if it is neither a group nor a dataset, or there is none."""
        import h5py

        if isinstance(item, h5py.Group):
            return cls(name, item, None, "", is_group=True)
        if not isinstance(item, h5py.Dataset):
            return None
        try:
            # A null dataspace has no shape, and time and bitfield types have nothing like them in numpy.
            shape = tuple(int(size) for size in item.shape)
            kind = str(item.dtype.kind) if item.dtype.names is None and item.dtype.subdtype is None else ""
        except UNREADABLE:
            return None
        return cls(name, item, shape, kind, is_group=False)

    @property
    def is_images(self) -> bool:
        """Whether it holds one image or more of real numbers, its last two axes being rows and columns."""
        return self.has_images and bool(self.kind) and self.kind in "iuf"

    @property
    def has_images(self) -> bool:
        """Whether it is shaped like images, whatever their type."""
        if self.shape is None or len(self.shape) < len("yx") or min(self.shape[-2:]) < 1:
            return False
        return prod(self.shape[-2:]) > 1


def child(group: Any, path: str) -> Any:
    """Return what is at a path; nothing if it, or what a link leads to, is not there (yet)."""
    try:
        return group[path] if path else group
    except UNREADABLE:
        return None


def children(group: Any) -> Iterator[Node]:
    """Visit what is in a group, links followed, in natural order; what is odd or not there is left out."""
    for name in names(group):
        node = Node.of(name, child(group, name))
        if node is not None:
            yield node


def names(group: Any) -> list[str]:
    """List what is in a group, numbers in the order of numbers."""
    try:
        return sorted((str(name) for name in group), key=natural)
    except UNREADABLE:
        return []


def natural(name: str) -> list[tuple[int, int, str]]:
    """Return a key by which names sort as people count: ``data_2`` before ``data_10``."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in _DIGITS.split(name) if part]


def attribute(node: Any, name: str) -> str:
    """Read an attribute as text, however its writer wrote it: text, bytes, an array of one, a number; empty if none."""
    try:
        value = node.attrs.get(name)
    except UNREADABLE:
        return ""
    return text(value)


def attribute_list(node: Any, name: str) -> list[str]:
    """Read an attribute as a list of texts; old writers separate names by colons or commas."""
    try:
        value = node.attrs.get(name)
    except UNREADABLE:
        return []
    if isinstance(value, np.ndarray):
        many: list[Any] = list(np.asarray(value, dtype=object).ravel())
        if len(many) > 1:
            return [text(one) for one in many]
    return [part.strip() for part in re.split(r"[:,]", text(value).strip("[]")) if part.strip()]


def text(value: Any) -> str:
    """Turn what h5py gives for a text into one."""
    if value is None:
        return ""
    if isinstance(value, np.ndarray):
        return text(value.ravel()[0]) if value.size else ""
    if isinstance(value, bytes | np.bytes_):
        return bytes(value).rstrip(b"\x00").decode("utf-8", "replace").strip()
    found = str(value)
    return "" if type(value).__name__ == "Empty" else found.strip()


def parent_path(path: str) -> str:
    """Return the path of the group that a dataset is in."""
    return path.strip("/").rpartition("/")[0]


def link_target(group: Any, name: str) -> tuple[str, str] | None:
    """Say where a link leads: file (empty for this one) and path; nothing for what is no soft or external link."""
    import h5py

    try:
        link = group.get(name, getlink=True)
    except UNREADABLE:
        return None
    if isinstance(link, h5py.ExternalLink):
        return str(link.filename), str(link.path)
    if isinstance(link, h5py.SoftLink):
        return "", str(link.path)
    return None
