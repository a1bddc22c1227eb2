"""Each codec of a detector's frames, and what happens when the bytes are not what they are said to be."""

import io
import zlib

import bitshuffle
import blosc
import lz4.block
import numpy as np
import pytest
from PIL import Image

from steering.sources.codecs import CodecError, decode

SHAPE = (61, 43)
PIXELS = np.random.default_rng(1).poisson(3, SHAPE)


def encode(codec, pixels):
    match codec:
        case "":
            return pixels.tobytes()
        case "blosc":
            return blosc.compress(pixels.tobytes(), pixels.itemsize)
        case "lz4":
            return lz4.block.compress(pixels.tobytes(), store_size=False)
        case "zlib":
            return zlib.compress(pixels.tobytes())
        case "bslz4":
            return bitshuffle.compress_lz4(pixels).tobytes()


CODECS = ("", "blosc", "lz4", "zlib", "bslz4")


@pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "f4", "f8"])
@pytest.mark.parametrize("codec", CODECS)
def test_what_was_compressed_comes_back_bit_for_bit(codec, dtype):
    pixels = PIXELS.astype(dtype)
    if pixels.dtype.kind == "f":
        pixels[3, 4] = np.nan
    found = decode(codec, encode(codec, pixels), SHAPE, pixels.dtype)
    assert found.dtype == pixels.dtype
    assert np.array_equal(found, pixels, equal_nan=pixels.dtype.kind == "f")


def test_a_jpeg_comes_back_as_it_looked():
    pixels = np.tile(np.arange(43, dtype=np.uint8) * 5, (61, 1))
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95)
    found = decode("jpeg", file.getvalue(), SHAPE, np.dtype("u1"))
    assert np.abs(found.astype(int) - pixels).max() < 8
    with pytest.raises(CodecError, match=r"the JPEG is 61 x 43"):
        decode("jpeg", file.getvalue(), (10, 10), np.dtype("u1"))


@pytest.mark.parametrize("codec", [*CODECS, "jpeg"])
def test_garbage_gives_a_sentence_and_never_a_frame_of_another_size(codec):
    random = np.random.default_rng(2)
    whole = encode(codec if codec != "jpeg" else "zlib", PIXELS.astype("u2"))
    cut = [whole[: len(whole) // 2], whole[:7], b"", whole + whole]
    noise = [random.bytes(size) for size in (1, 3, 16, 100, 5000)]
    for content in [*cut, *noise]:
        with pytest.raises(CodecError):
            decode(codec, content, SHAPE, np.dtype("u2"))
        with pytest.raises(CodecError):
            decode(codec, np.frombuffer(content, np.uint8), SHAPE, np.dtype("u2"))


@pytest.mark.parametrize("codec", ["blosc", "lz4", "bslz4"])
def test_flipped_bits_never_end_the_process(codec):
    random = np.random.default_rng(3)
    whole = np.frombuffer(encode(codec, PIXELS.astype("u2")), np.uint8)
    for _ in range(300):
        damaged = whole.copy()
        damaged[random.integers(0, len(whole), 9)] ^= random.integers(1, 255, 9).astype(np.uint8)
        try:
            found = decode(codec, damaged, SHAPE, np.dtype("u2"))
        except CodecError:
            continue
        assert found.shape == SHAPE


def test_an_unknown_codec_is_named_with_those_that_are_known():
    with pytest.raises(CodecError, match=r"'jpeg3000' is not known. Known: blosc, bslz4"):
        decode("jpeg3000", b"", SHAPE, np.dtype("u2"))
