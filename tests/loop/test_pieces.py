"""Blocks are read in pieces of bounded size, whatever the size of a frame."""

import numpy as np

from steering.analyses.centre_of_mass import CentreOfMass
from steering.core.block import FrameBlock, Inline
from steering.loop.blocks import PIECE_BYTES, UNKNOWN_FRAMES, pieces
from steering.loop.partial import analyse


def block(start, stop, run="run"):
    frames = np.random.default_rng(1).integers(0, 99, (stop - start, 5, 6)).astype(np.uint16)
    return FrameBlock(run, "primary", start, stop, Inline(frames), {"x": np.arange(start, stop, dtype=float)})


def test_the_first_piece_is_small_and_the_others_as_large_as_their_frames_allow():
    sizes = {}
    cut = pieces([block(10, 100), block(100, 130)], sizes)
    first = next(cut)
    assert (first.start, first.stop) == (10, 10 + UNKNOWN_FRAMES)
    sizes["run"] = PIECE_BYTES // 50
    assert [(piece.start, piece.stop) for piece in cut] == [(14, 64), (64, 100), (100, 130)]


def test_a_frame_larger_than_a_piece_comes_alone():
    assert [len(piece) for piece in pieces([block(0, 3)], {"run": 10 * PIECE_BYTES})] == [1, 1, 1]


def test_scalar_events_have_no_size():
    assert [len(piece) for piece in pieces([block(0, 1000)], {"run": 0})] == [1000]


def test_the_pieces_of_a_group_give_what_the_whole_gives():
    analysis = CentreOfMass()
    whole = block(0, 40, "other")
    state = analyse({"": analysis}, [whole]).members[""].state
    assert state.table.index.tolist() == list(range(40))
    expected = analysis.update(analysis.empty(), whole, whole.place.frames)
    for name, column in expected.table.columns.items():
        assert np.array_equal(state.table.columns[name], column), name
