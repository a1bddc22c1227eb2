"""Markers are no counts: what detectors write where they have none, masks and saturation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from steering.core.frame import DEAD, MASKED, SATURATED, Frame
from steering.core.pixels import Bad, MaskBits, cleaned, invalid, top_of
from steering.moments.measure import measure_frames
from steering.readers.eye import all_bad, bin_maximum, count_marks, for_the_eye, why_no_count

FRAME = np.array([[0, 5, 7], [1, 2, 3]])
COUNTS = 18


def marked(dtype, *markers):
    """A frame with counts and some markers, and where these are."""
    frame = np.full((4, 5), 3, dtype)
    where = np.zeros(frame.shape, bool)
    for place, marker in enumerate(markers):
        frame[place, place], where[place, place] = marker, True
    return frame, where


@pytest.mark.parametrize(
    ("dtype", "markers"),
    [
        ("u2", (65535,)),
        ("u4", (2**32 - 1, 2**32 - 2)),
        ("u8", (2**64 - 1, 2**64 - 2)),
        (">u4", (2**32 - 1,)),
        ("i4", (-1, -2)),
        ("i2", (-1,)),
        ("f4", (np.nan, np.inf, -np.inf)),
        ("f8", (np.nan,)),
    ],
)
def test_what_a_detector_writes_where_it_has_no_count_is_none(dtype, markers):
    frame, where = marked(dtype, *markers)
    assert np.array_equal(invalid(frame), where)
    totals, maxima, rows, columns, masked = measure_frames(np.stack([frame, np.full_like(frame, 3)]))
    assert totals.tolist() == [3.0 * (20 - len(markers)), 60.0]
    assert maxima.tolist() == [3.0, 3.0]
    assert masked == pytest.approx([len(markers) / 20, 0])
    counts = np.where(where, 0, 3)
    assert rows[0] == pytest.approx((counts.sum(axis=1) @ np.arange(4)) / counts.sum())
    assert columns[0] == pytest.approx((counts.sum(axis=0) @ np.arange(5)) / counts.sum())
    kept = cleaned(frame)
    assert isinstance(kept, np.ma.MaskedArray)
    assert kept.sum() == 3 * (20 - len(markers))
    assert kept.mean() == 3
    assert np.asarray(kept)[where].tolist() == [0] * len(markers)


@pytest.mark.parametrize("frame", [FRAME.astype("u1"), FRAME.astype("i4"), FRAME.astype("f4"), FRAME.astype("u2")])
def test_frames_of_counts_alone_are_left_as_they_are(frame):
    assert invalid(frame) is None
    assert cleaned(frame) is frame


def test_a_background_that_was_subtracted_leaves_counts_below_zero():
    frame = np.array([[-1, -2, -7], [4, 5, 6]], np.int32)
    assert invalid(frame) is None
    gaps = np.array([[-1, -2, 0], [4, 5, 6]], np.int32)
    assert np.array_equal(invalid(np.stack([frame, gaps]))[1], gaps < 0)
    assert not invalid(np.stack([frame, gaps]))[0].any()
    assert measure_frames(np.stack([frame, gaps]))[0].tolist() == [5.0, 15.0]


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i4", "f4"])
def test_masks_and_saturated_pixels_are_no_counts(dtype):
    mask = FRAME == 2
    bad = Bad(mask, 7)
    assert np.array_equal(invalid(FRAME.astype(dtype), bad), mask | (FRAME >= 7))
    frames = np.stack([FRAME.astype(dtype)] * 3)
    totals, maxima, _, _, masked = measure_frames(frames, bad)
    assert totals.tolist() == [COUNTS - 9] * 3
    assert maxima.tolist() == [5] * 3
    assert masked.tolist() == pytest.approx([2 / 6] * 3)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "f4"])
def test_of_a_frame_of_which_all_is_masked_nothing_is_known(dtype):
    frames = np.stack([FRAME.astype(dtype)] * 2)
    measures = measure_frames(frames, Bad(np.ones(FRAME.shape, bool)))
    assert measures[-1].tolist() == [1, 1]
    assert all(np.isnan(measure).all() for measure in measures[:-1])


@given(
    data=st.data(),
    kind=st.sampled_from(["u1", "u2", "u4", "i2", "i4", "f4"]),
    saturated=st.just(float("inf")) | st.floats(0.5, 70000),
)
def test_a_measure_is_that_of_the_pixels_that_are_counts(data, kind, saturated):
    shape = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 6)))
    frames = data.draw(arrays.arrays(kind, shape))
    bad = Bad(data.draw(st.none() | arrays.arrays(bool, shape[1:])), saturated)
    measured = measure_frames(frames, bad)
    for place, frame in enumerate(frames):
        wrong = invalid(frame, bad)
        wrong = np.zeros(frame.shape, bool) if wrong is None else wrong
        assert measured[4][place] == pytest.approx(wrong.mean())
        if wrong.all():
            assert np.isnan(measured[0][place])
            continue
        counts = frame[~wrong].astype(np.float64)
        assert measured[0][place] == pytest.approx(counts.sum(), rel=1e-5, abs=1e-3)
        assert measured[1][place] == (max(counts.max(), 0) if wrong.any() else counts.max())


def test_a_mask_travels_in_few_bytes():
    mask = np.zeros((1062, 1028), bool)
    mask[514:551] = True
    bits = MaskBits.of(mask)
    assert np.array_equal(bits.bad(), mask)
    assert len(bits.packed) < 1000
    with pytest.raises(ValueError, match=r"shape \(rows, columns\), not \(3,\)"):
        MaskBits.of(np.zeros(3))


def test_the_largest_number_that_is_a_count():
    assert top_of(np.dtype("u1")) is None
    assert top_of(np.dtype("u2")) == 65534
    assert top_of(np.dtype("u4")) == 2**32 - 3
    assert top_of(np.dtype("u2"), 4095) == 4094
    assert top_of(np.dtype("u2"), 4094.5) == 4094
    assert top_of(np.dtype("u1"), 0) == -1


@pytest.mark.parametrize("side", [8, 1024, 1030, 2050, 4096])
def test_for_the_eye_the_hottest_pixel_stays_and_a_gap_is_no_light(side):
    pixels = np.zeros((side, side), np.uint16)
    pixels[side // 2, side // 3] = 999
    pixels[: side // 4] = 65535
    shown = for_the_eye(Frame(pixels, 1, 0.0))
    assert max(shown.pixels.shape) <= 1024
    assert shown.binning == -(-side // 1024)
    assert shown.pixels.max() == 999
    assert shown.masked == pytest.approx((side // 4) / side)
    assert (shown.marks > 0).mean() == pytest.approx(shown.masked, abs=2 * shown.binning / side)
    assert not shown.pixels[shown.marks > 0].any()


@pytest.mark.parametrize(
    ("dtype", "values", "marks"),
    [
        ("u1", [0, 254, 255, 7], [0, 0, 0, 0]),
        ("u2", [0, 65534, 65535, 7], [0, 0, SATURATED, 0]),
        ("u4", [0, 2**32 - 2, 2**32 - 1, 7], [0, DEAD, MASKED, 0]),
        ("i4", [0, -1, -2, 7], [0, MASKED, DEAD, 0]),
        ("i4", [0, -1, -3, 7], [0, 0, 0, 0]),
        ("f4", [0, np.nan, np.inf, 7], [0, MASKED, MASKED, 0]),
    ],
)
def test_markers_of_detectors_are_told_apart(dtype, values, marks):
    found = why_no_count(np.array([values], dtype))
    assert ([[0, 0, 0, 0]] if found is None else found.tolist()) == [marks]


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i2", "i4", "f4", "f8"])
def test_what_a_person_says_is_saturated_is_so_and_a_mask_goes_before_it(dtype):
    bad = Bad(np.array([[False, False, True, False]]), 100)
    assert why_no_count(np.array([[0, 99, 100, 101]], dtype), bad).tolist() == [[0, 0, MASKED, SATURATED]]
    assert why_no_count(np.array([[0, 99]], dtype), Bad(None, 100)) is None


def test_a_single_saturated_pixel_stays_to_be_seen_and_single_dead_ones_do_not():
    pixels = np.zeros((2048, 2048), np.int32)
    pixels[0, 0], pixels[2, 2], pixels[4:6, 4:6], pixels[7, 7] = 5000, -2, -2, 30
    shown = for_the_eye(Frame(pixels, 1, 0.0), Bad(None, 5000))
    assert (shown.binning, shown.marked) == (2, (0, 5, 1))
    assert (shown.marks[0, 0], shown.marks[1, 1], shown.marks[2, 2]) == (SATURATED, 0, DEAD)
    assert count_marks(shown.marks) == (0, 1, 1)
    assert shown.pixels[3, 3] == 30


@given(arrays.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))), st.integers(1, 5))
def test_a_square_without_a_count_is_bad_and_no_other(bad, factor):
    found = all_bad(bad, factor)
    assert found.shape == bin_maximum(bad, factor).shape
    for (row, column), value in np.ndenumerate(found):
        square = bad[row * factor : (row + 1) * factor, column * factor : (column + 1) * factor]
        assert value == square.all()
