"""The table of frames, whose merge both analyses rest on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steering.analyses._frames import EMPTY, measure
from steering.analyses.map_features import MapFeatures
from steering.analyses.rocking_curve import RockingCurve
from steering.contract.analysis import pixels_of, split
from steering.contract.outcome import require_same
from steering.core.pixels import top_of
from steering.moments.measure import measure_frames
from steering.sim.samples import RockingSample
from steering.testing.blocks import make_block, varied_blocks


def table(block):
    return measure(block, pixels_of(block), ())


def same(left, right):
    assert left.index.tolist() == right.index.tolist()
    assert left.columns.keys() == right.columns.keys()
    for name, column in left.columns.items():
        np.testing.assert_array_equal(column, right.columns[name])


VARIED = [piece for block in varied_blocks(1) for piece in split(block)]
MEASURED = [table(block) for block in VARIED]


@settings(deadline=None)
@given(st.permutations(range(len(VARIED))), st.data())
def test_any_order_and_any_partition_give_the_same_table_bit_for_bit(order, data):
    cuts = sorted(data.draw(st.sets(st.integers(1, len(order) - 1))))
    parts = []
    for first, last in zip([0, *cuts], [*cuts, len(order)], strict=True):
        part = EMPTY
        for index in order[first:last]:
            part = part.merge(MEASURED[index]) if data.draw(st.booleans()) else MEASURED[index].merge(part)
        parts.append(part)
    merged = EMPTY
    for part in parts:
        merged = part.merge(merged)
    whole = EMPTY
    for item in MEASURED:
        whole = whole.merge(item)
    same(merged, whole)
    assert merged.index.tolist() == list(range(len(VARIED)))


@settings(deadline=None)
@given(st.lists(st.integers(0, len(VARIED) - 1), min_size=1))
def test_a_frame_that_comes_again_counts_once(indices):
    merged, once = EMPTY, EMPTY
    for index in indices:
        merged = merged.merge(MEASURED[index])
    for index in sorted(set(indices)):
        once = once.merge(MEASURED[index])
    same(merged, once)
    same(merged.merge(merged), once)


@pytest.mark.whole
@pytest.mark.parametrize("make", [RockingCurve, lambda: MapFeatures(("th", "th_step"))], ids=["curve", "map"])
@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 50))
def test_recorded_frames_merge_in_any_order_and_any_partition(make, recorded, seed, size):
    analysis, random = make(), np.random.default_rng(seed)
    whole = analysis.update(analysis.empty(), recorded, pixels_of(recorded))
    pieces = list(split(recorded))
    merged = analysis.empty()
    shuffled = random.permutation(len(pieces))
    for first in range(0, len(pieces), size):
        part = analysis.empty()
        for index in shuffled[first : first + size]:
            part = analysis.update(part, pieces[index], pixels_of(pieces[index]))
        merged = analysis.merge(part, merged)
    require_same(analysis.result(merged), analysis.result(whole), "bitwise", "the analysis gives another result")


@pytest.fixture(scope="module")
def recorded():
    """Every fourth recorded frame, around the peak a corner of 64 x 64 pixels."""
    sample = RockingSample.load()
    frames = sample.frames[::4, 96:160, 96:160]
    block = make_block(frames, 0)
    block.columns["th"][:] = sample.theta[::4]
    return block


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32, np.uint32, np.int64])
def test_the_brightest_integer_frames_are_summed_exactly(kind):
    marked = np.issubdtype(kind, np.unsignedinteger) and top_of(np.dtype(kind)) is not None
    top = min(top_of(np.dtype(kind)) if marked else int(np.iinfo(kind).max), 2**40)
    frames = np.full((2, 16, 16), top, kind)
    found = table(make_block(frames, 0))
    assert found.columns["frame_sum"].tolist() == [256 * top] * 2
    assert found.columns["frame_maximum"].tolist() == [top] * 2
    assert found.columns["com_row"].tolist() == found.columns["com_column"].tolist() == [7.5] * 2


@pytest.mark.parametrize("scales", [(1, 1, 1), (9000, 1, 9000), (1, 9000, 1), (9000, 9000, 9000)])
@pytest.mark.parametrize("shape", [(40, 50), (3000, 700)])
def test_bright_and_dim_frames_are_summed_exactly_side_by_side(scales, shape):
    dim = np.random.default_rng(3).integers(0, 50, (3, *shape))
    frames = (dim * np.array(scales)[:, None, None]).astype(np.uint32)
    sums, maxima, rows, columns, masked = measure_frames(frames)
    assert not masked.any()
    assert sums.tolist() == frames.sum(axis=(1, 2), dtype=np.uint64).tolist()
    assert maxima.tolist() == frames.max(axis=(1, 2)).tolist()
    weight = np.arange(shape[0], dtype=np.uint64)[:, None]
    assert rows.tolist() == [int((frame * weight).sum()) / int(frame.sum(dtype=np.uint64)) for frame in frames]
    weight = np.arange(shape[1], dtype=np.uint64)
    assert columns.tolist() == [int((frame * weight).sum()) / int(frame.sum(dtype=np.uint64)) for frame in frames]


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_layout_in_memory_does_not_matter(order):
    frames = np.random.default_rng(0).normal(5, 3, (3, 256, 256))
    plain, other = table(make_block(frames, 0)), table(make_block(np.asarray(frames, order=order), 0))
    same(plain, other)


def test_frames_below_zero_keep_their_maximum_and_have_no_centre():
    found = table(make_block(np.full((1, 3, 3), -2.0, np.float32), 0))
    assert found.columns["frame_sum"].tolist() == [-18.0]
    assert found.columns["frame_maximum"].tolist() == [-2.0]
    assert np.isnan(found.columns["com_row"]).all()


def test_a_missing_column_and_a_wrong_shape_say_what_there_is():
    block = make_block(np.zeros((2, 4, 4)), 0)
    with pytest.raises(ValueError, match=r"no column phi; they have: th, sx, sy.*Name the columns"):
        measure(block, pixels_of(block), ("phi", "th"))
    for frames in (np.zeros((3, 4, 4)), np.zeros((2, 16))):
        with pytest.raises(ValueError, match=r"Allowed: \(2, rows, columns\)"):
            measure(block, frames, ())
