"""Reads a range of frames from one HDF5 dataset by the shortest way that its layout allows.

HDF5 lets one thread in at a time. So contiguous data are mapped, without HDF5, and compressed chunks are read as they
are and decompressed outside of HDF5: several threads then work side by side. Anything else HDF5 reads itself.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.core.errors import SteeringError
from steering.readers.codecs import decode
from steering.readers.hdf5_virtual import need_sources
from steering.readers.hdf5_written import look_anew, need_written

_DEFLATE, _BLOSC, _BITSHUFFLE = 1, 32001, 32008
_CODECS = {_DEFLATE: "zlib", _BLOSC: "blosc", _BITSHUFFLE: "bslz4"}
# HDF5's bitshuffle filter writes the size and its block size (bytes) before the stream.
_BITSHUFFLE_HEADER, _BITSHUFFLE_LZ4, _BITSHUFFLE_VALUES = 12, 2, 5
_STACK = 3


def count_frames(dataset: Any) -> int:
    """Count the frames that a dataset holds now: all axes but the last two, flattened."""
    return math.prod(dataset.shape[:-2])


def refresh(dataset: Any, frames: int) -> None:
    """Look anew at a dataset that may have grown, unless it is known to hold so many frames."""
    if count_frames(dataset) < frames:
        look_anew(dataset)


def fetch_range(dataset: Any, first: int, stop: int) -> Callable[[], NDArray[Any]]:
    """Fetch frames ``first`` to ``stop - 1`` as far as HDF5 is needed for it.

    Frames of a dataset with more than three axes are counted through its leading axes, the last of them fastest.

    Returns:
        Does the rest, in any thread and without HDF5, and returns an array of shape ``(stop - first, rows, columns)``;
        read-only where it is mapped. It raises :class:`ValueError` if a chunk is damaged.

    Raises:
        OSError: If they cannot be read, a source of a virtual dataset is not there, or a file that is being written has
            room for them and not the frames themselves yet: HDF5 would give zeros.
        SteeringError: If they are compressed with what is not installed.
    """
    if dataset.is_virtual:
        need_sources(dataset, first, stop, _need_source)
    if len(dataset.shape) < _STACK:
        need_filters(dataset)
        image = np.asarray(dataset[()])[np.newaxis]
        return lambda: image
    mapped = _mapped(dataset, first, stop)
    if mapped is not None:
        return mapped
    need_written(dataset, first, stop)
    need_filters(dataset)
    if len(dataset.shape) > _STACK:
        flat = _flat(dataset, first, stop)
        return lambda: flat
    codec = _codec(dataset)
    chunks = None if codec is None else _chunks(dataset, first, stop)
    if codec is None or chunks is None:
        frames = np.asarray(dataset[first:stop])
        return lambda: frames
    shape, dtype, name = tuple(dataset.shape[1:]), dataset.dtype, str(dataset.name)
    return partial(_decoded, chunks, codec, dataset.chunks[0], (first, stop), shape, dtype, name)


def _flat(dataset: Any, first: int, stop: int) -> NDArray[Any]:
    """Read a range of frames of a dataset with more than three axes, as it lies there."""
    *outer, inner = dataset.shape[:-2]
    parts: list[NDArray[Any]] = []
    while first < stop:
        row, place = divmod(first, inner)
        last = min(inner, place + stop - first)
        where = np.unravel_index(row, outer)
        parts.append(np.asarray(dataset[(*(int(index) for index in where), slice(place, last))]))
        first += last - place
    return np.concatenate(parts)


def _need_source(dataset: Any, first: int, stop: int) -> None:
    """Make sure that frames of a virtual dataset's source are written, and can be decompressed."""
    need_filters(dataset)
    if len(dataset.shape) == _STACK:
        need_written(dataset, first, stop)


def need_filters(dataset: Any) -> None:
    """Make sure that HDF5 can decompress a dataset.

    Raises:
        SteeringError: If the filters that come as a package of their own are not installed.
    """
    import h5py

    missing = [code for code, _ in _filters(dataset) if not h5py.h5z.filter_avail(code)]
    if not missing:
        return
    try:
        import hdf5plugin
    except ImportError as error:
        message = (
            f"Dataset {dataset.name} of {dataset.file.filename} is compressed with the HDF5 filters {missing}, "
            "which are not installed on this worker. Install steering[formats] there."
        )
        raise SteeringError(message) from error
    del hdf5plugin


def _filters(dataset: Any) -> list[tuple[int, tuple[int, ...]]]:
    plist = dataset.id.get_create_plist()
    found = [plist.get_filter(number) for number in range(plist.get_nfilters())]
    return [(int(code), tuple(values)) for code, _, values, _ in found]


def _mapped(dataset: Any, first: int, stop: int) -> Callable[[], NDArray[Any]] | None:
    if dataset.chunks is not None or dataset.is_virtual or dataset.external or dataset.dtype.kind not in "iuf":
        return None
    offset = dataset.id.get_offset()
    if offset is None or dataset.file.userblock_size:
        return None
    frame = math.prod(dataset.shape[-2:]) * dataset.dtype.itemsize
    shape = (stop - first, *dataset.shape[-2:])
    return partial(np.memmap, dataset.file.filename, dataset.dtype, "r", offset + first * frame, shape)


def _codec(dataset: Any) -> tuple[str, int] | None:
    """Name what undoes a dataset's chunks in one pass, with its block size; nothing if only HDF5 can."""
    if dataset.chunks is None or dataset.is_virtual or dataset.chunks[1:] != dataset.shape[1:]:
        return None
    filters = _filters(dataset)
    if not filters:
        return "", 0
    code, values = filters[0]
    if len(filters) > 1 or code not in _CODECS or dataset.dtype.kind not in "iuf":
        return None
    if code == _BITSHUFFLE:
        if len(values) < _BITSHUFFLE_VALUES or values[4] != _BITSHUFFLE_LZ4:
            return None
        return "bslz4", values[3]
    return _CODECS[code], 0


def _chunks(dataset: Any, first: int, stop: int) -> list[tuple[int, bytes]] | None:
    """Read chunks as they are; nothing if one was never written, or not as the others: HDF5 knows what is there."""
    depth = dataset.chunks[0]
    found: list[tuple[int, bytes]] = []
    for begin in range(first // depth * depth, stop, depth):
        try:
            mask, content = dataset.id.read_direct_chunk((begin, *(0 for _ in dataset.shape[1:])))
        except (OSError, RuntimeError, MemoryError, ValueError, OverflowError):
            # The size of one that is being written may be anything.
            return None
        if mask:
            return None
        found.append((begin, content))
    return found


def _decoded(
    chunks: list[tuple[int, bytes]],
    codec: tuple[str, int],
    depth: int,
    wanted: tuple[int, int],
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    name: str,
) -> NDArray[Any]:
    """Decompress chunks of ``depth`` frames straight to where the frames belong."""
    first, stop = wanted
    frames = np.empty((stop - first, *shape), dtype)
    for begin, content in chunks:
        low, high = max(first, begin), min(stop, begin + depth)
        chunk = _frames_of(content, codec, (depth, *shape), dtype, f"chunk {begin} of {name}")
        frames[low - first : high - first] = chunk[low - begin : high - begin]
    return frames


def _frames_of(
    content: bytes, codec: tuple[str, int], shape: tuple[int, ...], dtype: np.dtype[Any], what: str
) -> NDArray[Any]:
    name, block = codec
    if name == "bslz4":
        if len(content) < _BITSHUFFLE_HEADER:
            message = f"{what} has only {len(content)} bytes"
            raise ValueError(message)
        block = int.from_bytes(content[8:_BITSHUFFLE_HEADER], "big") // dtype.itemsize or block
        content = content[_BITSHUFFLE_HEADER:]
    return decode(name, content, shape, dtype, block)
