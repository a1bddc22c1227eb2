"""Each codec of a detector's frames, and what happens when the bytes are not what they are said to be."""

import io
import zlib

import bitshuffle
import blosc
import blosc2
import lz4.block
import numpy as np
import pytest
from PIL import Image

from steering.readers.codecs import CodecError, decode

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


@pytest.mark.parametrize("inner", ["blosclz", "lz4", "lz4hc", "zlib", "zstd"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "f8"])
def test_blosc_frames_whose_blocks_lie_elsewhere_are_refused(inner, dtype):
    random = np.random.default_rng(4)
    pixels = PIXELS.astype(dtype)
    for shuffle in (blosc.NOSHUFFLE, blosc.SHUFFLE, blosc.BITSHUFFLE):
        whole = np.frombuffer(blosc.compress(pixels.tobytes(), pixels.itemsize, shuffle=shuffle, cname=inner), np.uint8)
        assert (decode("blosc", whole, SHAPE, pixels.dtype) == pixels).all()
        for start in (-1, 0, 3_000_000, 2**31 - 1, len(whole) - 2):
            damaged = whole.copy()
            damaged[16:20] = np.frombuffer(np.int32(start).tobytes(), np.uint8)
            with pytest.raises(CodecError, match="a block of it lies outside"):
                decode("blosc", damaged, SHAPE, pixels.dtype)
        for _ in range(150):
            damaged = whole.copy()
            damaged[12 + random.integers(4, 64, 5)] ^= random.integers(1, 255, 5).astype(np.uint8)
            try:
                decode("blosc", damaged, SHAPE, pixels.dtype)
            except CodecError:
                continue


def test_what_blosc_2_wrote_is_named():
    pixels = PIXELS.astype("u2")
    with pytest.raises(CodecError, match="compressed with Blosc 2"):
        decode("blosc", blosc2.compress2(pixels, typesize=2), SHAPE, pixels.dtype)


def test_an_unknown_codec_is_named_with_those_that_are_known():
    with pytest.raises(CodecError, match=r"'jpeg3000' is not known. Known: blosc, bslz4"):
        decode("jpeg3000", b"", SHAPE, np.dtype("u2"))
