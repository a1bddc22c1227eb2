"""Reads a range of frames from one HDF5 dataset by the shortest way that its layout allows.

HDF5 lets one thread in at a time. So contiguous data are mapped, without HDF5, and compressed chunks are read as they
are and decompressed outside of HDF5: several threads then work side by side. Anything else HDF5 reads itself.
"""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.core.errors import SteeringError
from steering.sources.codecs import decode

_DEFLATE, _BLOSC, _BITSHUFFLE = 1, 32001, 32008
_CODECS = {_DEFLATE: "zlib", _BLOSC: "blosc", _BITSHUFFLE: "bslz4"}
# HDF5's bitshuffle filter writes the size and its block size (bytes) before the stream.
_BITSHUFFLE_HEADER, _BITSHUFFLE_LZ4, _BITSHUFFLE_VALUES = 12, 2, 5
_STACK = 3


def count_frames(dataset: Any) -> int:
    """Count the frames that a dataset holds now."""
    return int(dataset.shape[0]) if len(dataset.shape) >= _STACK else 1


def read_range(dataset: Any, first: int, stop: int) -> NDArray[Any]:
    """Read frames ``first`` to ``stop - 1``.

    Returns:
        Array of shape ``(stop - first, rows, columns)``; read-only where it is mapped.

    Raises:
        OSError, ValueError: If a chunk is damaged.
        SteeringError: If it is compressed with what is not installed.
    """
    if len(dataset.shape) < _STACK:
        return np.asarray(dataset[()])[np.newaxis]
    mapped = _mapped(dataset, first, stop)
    if mapped is not None:
        return mapped
    codec = _codec(dataset)
    if codec is not None:
        return _chunks(dataset, codec, first, stop)
    return np.asarray(dataset[first:stop])


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
            f"Dataset {dataset.name} is compressed with the HDF5 filters {missing}, which are not installed on this "
            "worker. Install steering[formats] there."
        )
        raise SteeringError(message) from error
    del hdf5plugin


def _filters(dataset: Any) -> list[tuple[int, tuple[int, ...]]]:
    plist = dataset.id.get_create_plist()
    found = [plist.get_filter(number) for number in range(plist.get_nfilters())]
    return [(int(code), tuple(values)) for code, _, values, _ in found]


def _mapped(dataset: Any, first: int, stop: int) -> NDArray[Any] | None:
    if dataset.chunks is not None or dataset.is_virtual or dataset.external or dataset.dtype.kind not in "iuf":
        return None
    offset = dataset.id.get_offset()
    if offset is None or dataset.file.userblock_size:
        return None
    frame = prod(dataset.shape[1:]) * dataset.dtype.itemsize
    shape = (stop - first, *dataset.shape[1:])
    return np.memmap(dataset.file.filename, dataset.dtype, "r", offset + first * frame, shape)


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


def _chunks(dataset: Any, codec: tuple[str, int], first: int, stop: int) -> NDArray[Any]:
    depth = dataset.chunks[0]
    frames = np.empty((stop - first, *dataset.shape[1:]), dataset.dtype)
    for begin in range(first // depth * depth, stop, depth):
        low, high = max(first, begin), min(stop, begin + depth)
        chunk = _chunk(dataset, codec, begin)
        if chunk is None:
            # Never written, or written without the filter: HDF5 knows what is there.
            frames[low - first : high - first] = dataset[low:high]
        else:
            frames[low - first : high - first] = chunk[low - begin : high - begin]
    return frames


def _chunk(dataset: Any, codec: tuple[str, int], begin: int) -> NDArray[Any] | None:
    name, block = codec
    try:
        mask, content = dataset.id.read_direct_chunk((begin, *(0 for _ in dataset.shape[1:])))
    except (OSError, RuntimeError):
        return None
    if mask:
        return None
    if name == "bslz4":
        if len(content) < _BITSHUFFLE_HEADER:
            message = f"chunk {begin} of {dataset.name} has only {len(content)} bytes"
            raise ValueError(message)
        size = int.from_bytes(content[8:_BITSHUFFLE_HEADER], "big")
        block = size // dataset.dtype.itemsize or block
        content = content[_BITSHUFFLE_HEADER:]
    return decode(name, content, dataset.chunks, dataset.dtype, block)
