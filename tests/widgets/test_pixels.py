import numpy as np
import pytest

from steering.readers.eye import bin_maximum
from steering_widgets.frames.pixels import Levels, binning_of, find_levels, native, to_bytes


def brute_force(pixels, factor):
    rows, columns = (-(-length // factor) for length in pixels.shape)
    return np.array(
        [
            [pixels[r * factor : (r + 1) * factor, c * factor : (c + 1) * factor].max() for c in range(columns)]
            for r in range(rows)
        ]
    )


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32", "float64"])
@pytest.mark.parametrize("factor", [1, 2, 3, 7])
@pytest.mark.parametrize("shape", [(12, 20), (13, 21), (1, 5), (5, 1)])
def test_binning_takes_the_maximum_of_each_square_also_at_a_ragged_edge(dtype, factor, shape):
    pixels = np.random.default_rng(0).integers(0, 200, shape).astype(dtype)
    binned = bin_maximum(pixels, factor)
    np.testing.assert_array_equal(binned, brute_force(pixels, factor))
    assert binned.dtype == pixels.dtype


def test_a_single_hot_pixel_survives_the_smallest_view():
    pixels = np.zeros((2048, 2048), np.uint16)
    pixels[1234, 567] = 900
    assert bin_maximum(pixels, binning_of(pixels.shape, 300, 300)).max() == 900


def test_no_more_pixels_are_left_than_the_screen_has():
    assert binning_of((2048, 2048), 306, 306) == 7
    assert binning_of((256, 256), 306, 306) == 1
    assert binning_of((256, 256), 0, 0) >= 1


def test_big_endian_and_boolean_pixels_are_made_native():
    assert native(np.arange(4, dtype=">u2").reshape(2, 2)).dtype == np.dtype("=u2")
    assert native(np.ones((2, 2), bool)).dtype == np.uint8


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.uint16),
        np.full((4, 4), 7, np.int32),
        np.full((4, 4), np.nan),
        np.full((4, 4), -3.0),
        np.array([[np.inf, 1.0], [0.0, -np.inf]]),
        np.array([[0, 65535]], np.uint16),
    ],
)
def test_any_frame_has_levels_in_order_and_can_be_mapped(pixels, log):
    levels = find_levels(pixels, 0.0, 100.0, log=log)
    assert np.isfinite([levels.low, levels.high]).all()
    assert levels.low < levels.high
    assert not log or levels.low > 0
    assert to_bytes(pixels, levels).dtype == np.uint8


def test_mapping_is_linear_or_logarithmic_between_the_levels():
    pixels = np.array([[0, 1, 10, 100, 1000]], np.int32)
    assert to_bytes(pixels, Levels(0.0, 1000.0, log=False)).tolist() == [[0, 0, 2, 25, 255]]
    assert to_bytes(pixels, Levels(1.0, 1000.0, log=True)).tolist() == [[0, 0, 85, 170, 255]]


def test_nan_is_drawn_darkest():
    assert to_bytes(np.array([[np.nan, 5.0]]), Levels(0.0, 5.0, log=False)).tolist() == [[0, 255]]
