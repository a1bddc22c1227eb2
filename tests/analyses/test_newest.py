"""Runs without end: few frames are kept, and nothing of the sums is lost."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steering.analyses.centre_of_mass import CentreOfMass
from steering.contract.analysis import pixels_of, split
from steering.contract.outcome import require_same
from steering.core.pixels import top_of
from steering.moments.exact import sums_of
from steering.moments.measure import measure_frames
from steering.testing.blocks import make_block, varied_blocks

PIECES = [piece for block in varied_blocks(2) for piece in split(block)]


@settings(deadline=None)
@given(order=st.permutations(range(len(PIECES))), size=st.integers(1, 9), kept=st.integers(1, 30))
def test_frames_in_any_order_and_parts_give_the_same_bits_when_few_are_kept(order, size, kept):
    analysis = CentreOfMass(kept)
    whole = analysis.empty()
    for piece in PIECES:
        whole = analysis.update(whole, piece, pixels_of(piece))
    merged = analysis.empty()
    for first in range(0, len(order), size):
        part = analysis.empty()
        for place in order[first : first + size]:
            part = analysis.update(part, PIECES[place], pixels_of(PIECES[place]))
        merged = analysis.merge(part, merged)
    assert merged.older == max(len(PIECES) - kept, 0)
    require_same(analysis.result(merged), analysis.result(whole), "bitwise", "kept frames")
    everything = CentreOfMass()
    kept_all = everything.empty()
    for piece in PIECES:
        kept_all = everything.update(kept_all, piece, pixels_of(piece))
    ours, theirs = analysis.result(merged).features, everything.result(kept_all).features
    # The last centre may lie in a frame that is not kept any more.
    assert {name: ours[name] for name in ("total", "mean_row")} == {n: theirs[n] for n in ("total", "mean_row")}


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False)))
def test_sums_are_exact(values):
    found = sums_of(np.array(values, dtype=np.float64))
    assert Fraction(found.first, 1 << 1127) == sum(map(Fraction, values), Fraction(0))
    assert found.count == len(values)


def test_mean_and_deviation_are_those_of_numpy():
    values = np.random.default_rng(0).normal(1e3, 1e-2, 500)
    found = sums_of(values)
    assert found.mean == pytest.approx(values.mean(), rel=1e-15)
    assert found.deviation == pytest.approx(values.std(ddof=1), rel=1e-5)
    assert found.error == pytest.approx(values.std(ddof=1) / np.sqrt(500), rel=1e-5)


def test_frames_too_bright_for_a_float_have_no_total():
    analysis = CentreOfMass(1)
    block = make_block(np.full((3, 1, 1), 1.5e308), 0)
    found = analysis.result(analysis.update(analysis.empty(), block, pixels_of(block)))
    assert "total" not in found.features
    assert found.features["frames"].value == 3


def test_memory_is_bounded():
    analysis = CentreOfMass(10)
    state = analysis.empty()
    for start in range(0, 200, 4):
        block = make_block(np.ones((4, 3, 3), np.uint16), start)
        state = analysis.update(state, block, pixels_of(block))
        assert len(state.table) <= 10
    assert len(state) == 200
    assert state.table.index.tolist() == list(range(190, 200))
    assert analysis.result(state).features["total"].value == 200 * 9


def test_none_kept_is_refused():
    with pytest.raises(ValueError, match=r"kept is 0 frames\. Allowed: 1 or more"):
        CentreOfMass(0)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int16, np.uint32, np.int32, np.uint64, np.int64])
def test_a_frame_is_measured_alike_whatever_lies_beside_it(kind):
    # A dead pixel of a 32-bit detector, and one below zero, beside plain frames of several sizes.
    random = np.random.default_rng(1)
    for shape in ((5, 7, 300), (5, 300, 7), (3, 500, 600)):
        frames = random.poisson(9, shape).astype(kind)
        largest = top_of(np.dtype(kind)) if np.issubdtype(kind, np.unsignedinteger) else None
        frames[1, 3, 4] = min(largest or np.iinfo(kind).max, 2**62)
        if np.issubdtype(kind, np.signedinteger):
            frames[2, 1, 1] = -5
        together = np.array(measure_frames(frames))
        alone = np.concatenate([np.array(measure_frames(frame[np.newaxis])) for frame in frames], axis=1)
        np.testing.assert_array_equal(together, alone)
        wide = frames.astype(object)
        np.testing.assert_array_equal(together[0], [float(frame.sum()) for frame in wide])
        np.testing.assert_array_equal(together[1], frames.max(axis=(1, 2)))
        rows = [float((frame.sum(axis=1) * np.arange(shape[1])).sum() / frame.sum()) for frame in wide]
        np.testing.assert_allclose(together[2], rows, rtol=1e-14)
