"""Undoes what areaDetector's and DECTRIS' codecs do to a frame's bytes, by the libraries that are made for it.

The bytes come over a network, so each codec is asked only for what its header fits: garbage gives an error, never a
crash and never a frame of another size.
"""

import zlib
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

CODECS = ("", "blosc", "bslz4", "jpeg", "lz4", "zlib")
_BSHUF_BYTES, _BSHUF_LEAST, _BSHUF_MULTIPLE = 8192, 128, 8
_LENGTH_BYTES = 4
# Flags: bytes that are only copied; both kinds of shuffling at once, by which Blosc 2 says that it is not Blosc 1; one
# stream a block.
_BLOSC_HEADER, _BLOSC_COPIED, _BLOSC_LONG, _BLOSC_WHOLE = 16, 0x02, 0x05, 0x10


class CodecError(ValueError):
    """Bytes that are not what they are said to be. The message is one sentence."""


def decode(
    codec: str, content: NDArray[np.uint8] | bytes, shape: tuple[int, ...], dtype: np.dtype[Any], block: int = 0
) -> NDArray[Any]:
    """Decompress one array.

    Args:
        codec: One of :data:`CODECS`; empty for plain bytes.
        content: The compressed bytes.
        shape: Of the array.
        dtype: Of its elements.
        block: Block size in elements for ``bslz4``; 0 for the library's own.

    Raises:
        CodecError: If the codec is unknown, or the bytes are not an array of that shape and type.
    """
    if codec not in CODECS:
        message = f"codec {codec!r:.40} is not known. Known: {', '.join(filter(None, CODECS))}."
        raise CodecError(message)
    size = prod(shape) * dtype.itemsize
    try:
        if codec == "jpeg":
            return _jpeg(content, shape, dtype)
        if codec == "bslz4":
            return _bslz4(np.frombuffer(content, np.uint8), shape, dtype, block)
        plain = _plain(codec, content, size)
    except CodecError:
        raise
    except (ValueError, RuntimeError, OSError, SyntaxError, zlib.error) as error:
        message = f"{len(content)} bytes are not a frame compressed with {codec} ({error})"
        raise CodecError(message) from error
    if len(plain) != size:
        message = f"{len(plain)} bytes of pixels came, but a frame of shape {shape} and type {dtype} has {size}"
        raise CodecError(message)
    return np.frombuffer(plain, dtype).reshape(shape)


def _plain(codec: str, content: NDArray[np.uint8] | bytes, size: int) -> Any:
    raw = content if isinstance(content, bytes) else memoryview(content.data)
    if codec == "blosc":
        import blosc2

        # The header says how much memory the result takes: it must not be what a stranger wants it to be.
        claimed, length, _ = blosc2.get_cbuffer_sizes(bytes(raw[:32])) if len(raw) >= _BLOSC_HEADER else (-1, -1, -1)
        if (claimed, length) != (size, len(raw)):
            message = f"the blosc header promises {claimed} bytes of {length}, but the frame has {size} of {len(raw)}"
            raise CodecError(message)
        if raw[2] & _BLOSC_LONG == _BLOSC_LONG:
            message = (
                "the frame is compressed with Blosc 2; the codec blosc is Blosc 1, as areaDetector and HDF5 have it"
            )
            raise CodecError(message)
        if not _blosc_blocks_fit(raw):
            message = f"{len(content)} bytes are not a frame compressed with blosc: a block of it lies outside of them"
            raise CodecError(message)
        return blosc2.decompress(raw)
    if codec == "lz4":
        import lz4.block

        try:
            return lz4.block.decompress(raw, uncompressed_size=size)
        except lz4.block.LZ4BlockError as error:
            raise CodecError(f"{len(content)} bytes are not a frame compressed with lz4 ({error})") from error
    if codec == "zlib":
        inflating = zlib.decompressobj()
        plain = inflating.decompress(raw, size + 1)
        if not inflating.eof or inflating.unused_data:
            raise CodecError(f"{len(content)} bytes are not one whole frame compressed with zlib")
        return plain
    return raw


def _blosc_blocks_fit(raw: "bytes | memoryview[int]") -> bool:
    """Say whether the blocks of a blosc chunk, and the streams in them, lie inside of it; the library trusts it."""
    flags, size, block = raw[2], *(int.from_bytes(raw[at : at + 4], "little") for at in (4, 8))
    if flags & _BLOSC_COPIED or not size:
        return True
    if not block:
        return False
    blocks = -(-size // block)
    first = _BLOSC_HEADER + _LENGTH_BYTES * blocks
    if first > len(raw):
        return False
    for number, start in enumerate(np.frombuffer(raw, "<i4", blocks, _BLOSC_HEADER).tolist()):
        short = number == blocks - 1 and size % block
        offset = start
        # One stream for each byte of an element, or one for all.
        for _ in range(1 if short or flags & _BLOSC_WHOLE else raw[3]):
            if not first <= offset <= len(raw) - _LENGTH_BYTES:
                return False
            length = int.from_bytes(raw[offset : offset + _LENGTH_BYTES], "little", signed=True)
            offset += _LENGTH_BYTES + length
            if length < 0 or offset > len(raw):
                return False
    return True


def _jpeg(content: NDArray[np.uint8] | bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    from io import BytesIO

    from PIL import Image

    with Image.open(BytesIO(bytes(content)), formats=("JPEG",)) as image:
        if (image.height, image.width) != shape or image.mode != "L":
            message = f"the JPEG is {image.height} x {image.width} ({image.mode}), but the frame should be {shape} grey"
            raise CodecError(message)
        return np.asarray(image).astype(dtype, copy=False)


def _bslz4(content: NDArray[np.uint8], shape: tuple[int, ...], dtype: np.dtype[Any], block: int) -> NDArray[Any]:
    import bitshuffle

    count = prod(shape)
    if not _tiles(content, count, dtype.itemsize, block):
        message = f"{len(content)} bytes are not {count} pixels of {dtype} compressed with bslz4"
        raise CodecError(message)
    return bitshuffle.decompress_lz4(content, shape, dtype, block)


def _tiles(content: NDArray[np.uint8], count: int, item: int, block: int) -> bool:
    """Say whether the lengths in a bslz4 stream fit its size; the library trusts them and would read past its end."""
    size = block or max(_BSHUF_BYTES // item // _BSHUF_MULTIPLE * _BSHUF_MULTIPLE, _BSHUF_LEAST)
    if size % _BSHUF_MULTIPLE:
        return False
    blocks, rest = divmod(count, size)
    blocks += rest >= _BSHUF_MULTIPLE
    offset, view = 0, content.data
    for _ in range(blocks):
        if offset + _LENGTH_BYTES > len(view):
            return False
        offset += _LENGTH_BYTES + int.from_bytes(view[offset : offset + _LENGTH_BYTES], "big")
    return offset + count % _BSHUF_MULTIPLE * item == len(view)
