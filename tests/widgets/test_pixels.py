import numpy as np
import pytest

from steering.readers.eye import bin_maximum
from steering_widgets.frames.limits import BARS, SCALES, Levels, find_levels, make_histogram
from steering_widgets.frames.pixels import MARK_LEVELS, binning_of, native, to_bytes


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


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(
    ("low", "high"), [(None, None), (5.0, None), (None, -5.0), (7.0, 3.0), (0.0, 0.0), (-2.0, -1.0)]
)
@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.uint16),
        np.full((4, 4), 7, np.int32),
        np.full((4, 4), np.nan),
        np.full((4, 4), -3.0),
        np.array([[np.inf, 1.0], [0.0, -np.inf]]),
        np.array([[0, 65535]], np.uint16),
        np.zeros((0, 0)),
    ],
)
def test_any_frame_has_levels_in_order_and_can_be_mapped_and_counted(pixels, low, high, scale):
    levels = find_levels(pixels, low, high, scale)
    assert np.isfinite([levels.low, levels.high]).all()
    assert levels.low < levels.high
    assert scale != "log" or levels.low > 0
    assert to_bytes(pixels, levels).dtype == np.uint8
    found = make_histogram(pixels, levels)
    assert len(found.pixels) == BARS
    assert sum(found.pixels) == np.isfinite(pixels).sum()
    assert found.low <= levels.low < levels.high <= found.high


def test_limits_that_are_given_hold_and_the_others_are_found():
    pixels = np.arange(1000, dtype=np.uint16).reshape(10, 100)
    assert find_levels(pixels, 100.0, 300.0) == Levels(100.0, 300.0)
    assert find_levels(pixels, None, 300.0) == Levels(0.0, 300.0)
    found = find_levels(pixels, 100.0, None)
    assert (found.low, found.high) == pytest.approx((100, 998), abs=1)


def test_what_is_no_count_has_no_part_in_limits_and_histogram():
    pixels = np.array([[1, 2, 3, 60000]], np.uint16)
    bad = pixels > 1000
    levels = find_levels(pixels, None, None, "linear", bad)
    assert levels.high <= 3
    assert sum(make_histogram(pixels, levels, bad).pixels) == 3


def test_mapping_is_linear_logarithmic_or_a_root_between_the_levels():
    pixels = np.array([[0, 1, 10, 100, 1000, 5000]], np.int32)
    assert to_bytes(pixels, Levels(0.0, 1000.0)).tolist() == [[0, 0, 2, 25, 255, 255]]
    assert to_bytes(pixels, Levels(1.0, 1000.0, "log")).tolist() == [[0, 0, 85, 170, 255, 255]]
    assert to_bytes(pixels, Levels(0.0, 1000.0, "sqrt")).tolist() == [[0, 8, 25, 80, 255, 255]]


def test_marks_have_levels_of_their_own_below_those_of_counts():
    pixels, marks = np.array([[0, 0, 0, 0, 10]]), np.array([[0, 1, 2, 3, 0]], np.uint8)
    assert to_bytes(pixels, Levels(0.0, 10.0), marks).tolist() == [[MARK_LEVELS, 0, 1, 2, 255]]


def test_the_histogram_reaches_as_far_beyond_the_levels_as_there_are_counts():
    pixels = np.arange(101, dtype=np.uint16).reshape(1, 101)
    near = make_histogram(pixels, Levels(40.0, 60.0))
    assert (near.low, near.high) == (20.0, 80.0)
    far = make_histogram(pixels, Levels(0.0, 90.0))
    assert (far.low, far.high) == (0.0, 100.0)
    assert sum(near.pixels) == sum(far.pixels) == 101


def test_nan_is_drawn_darkest():
    assert to_bytes(np.array([[np.nan, 5.0]]), Levels(0.0, 5.0)).tolist() == [[0, 255]]
