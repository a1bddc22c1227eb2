"""What an HDF5 file says of a detector's pixels: NeXus' ``pixel_mask``, and from where on they are saturated.

The mask of a detector is beside its images, in its own ``NXdetector``, in Eiger's ``detectorSpecific``, or in the
detector of the same entry.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from steering.core.pixels import NOTHING_BAD, Bad, Bools
from steering.readers.hdf5_nodes import Node, attribute, child, children, parent_path

_MASKS = ("pixel_mask", "mask", "bad_pixel_mask")
_WIDEST_BITS = 32


def mask_beside(file: Any, dataset: str, shape: tuple[int, int]) -> Bad:
    """Read what a file says of the pixels of its images.

    Args:
        file: The file.
        dataset: Path of the images.
        shape: Of one image.
    """
    masks: list[Bools] = []
    saturated = float("inf")
    for group in _detectors(file, dataset):
        for name in _MASKS:
            found = _mask(child(group, name), shape)
            if found is not None:
                masks.append(found)
                break
        saturated = min(saturated, _saturated(group))
        if masks:
            break
    if not masks and saturated == float("inf"):
        return NOTHING_BAD
    return Bad(masks[0] if masks else None, saturated)


def _detectors(file: Any, dataset: str) -> Iterator[Any]:
    """Visit the groups that may describe the detector of some images, nearest first."""
    path = parent_path(dataset)
    here = child(file, path) if path else file
    if here is not None:
        yield here
        yield from _specific(here)
    # A link may lead to the detector, which is where its description is.
    images = child(file, dataset)
    if images is not None:
        try:
            own = images.parent
        except (RuntimeError, ValueError, KeyError):
            own = None
        if own is not None:
            yield own
            yield from _specific(own)
    entry = child(file, dataset.strip("/").split("/")[0]) if "/" in dataset.strip("/") else None
    instrument = child(entry, "instrument") if entry is not None else None
    if instrument is None:
        return
    groups = [node.item for node in children(instrument) if node.is_group and _is_detector(node)]
    if len(groups) == 1:
        yield groups[0]
        yield from _specific(groups[0])


def _is_detector(node: Node) -> bool:
    return attribute(node.item, "NX_class") == "NXdetector" or "detector" in node.name.lower()


def _specific(group: Any) -> Iterator[Any]:
    specific = child(group, "detectorSpecific")
    if specific is not None:
        yield specific


def _mask(node: Any, shape: tuple[int, int]) -> Bools | None:
    known = Node.of("mask", node)
    if known is None or known.shape is None or known.kind not in "iub" or known.shape[-2:] != shape:
        return None
    if int(np.prod(known.shape)) != shape[0] * shape[1]:
        return None
    return np.asarray(node[()]).reshape(shape) != 0


def _saturated(group: Any) -> float:
    """Say from how many counts on its pixels are saturated; infinite if it does not say."""
    found = float("inf")
    value = _number(child(group, "saturation_value"))
    if value is not None and value > 0:
        found = value
    bits = _number(child(group, "bit_depth_image"))
    if bits is not None and 0 < bits < _WIDEST_BITS:
        found = min(found, 2.0**bits - 1)
    return found


def _number(node: Any) -> float | None:
    known = Node.of("number", node)
    if known is None or known.shape is None or int(np.prod(known.shape)) != 1 or known.kind not in "iuf":
        return None
    value = float(np.asarray(node[()]).reshape(()))
    return value if np.isfinite(value) else None
