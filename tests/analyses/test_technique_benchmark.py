"""What the benchmark of techniques gives to others are the same bins, and who cannot take part is told so."""

import sys

import numpy as np
import pytest

from benchmarks.photon_events import alone
from benchmarks.techniques import (
    dense,
    dense_patterns,
    dense_spots,
    fits,
    labels_of,
    our_patterns,
    our_rings,
    our_spots,
    ours,
    patterns_of_rings,
    ptychography,
    recorded_spots,
    their_rings,
    theirs,
    white_beam,
)
from steering.photons.rigaku import write_rigaku

pytestmark = pytest.mark.whole


@pytest.fixture(scope="module")
def made():
    """Name, grid and frames; 67 million counts are drawn once."""
    return dense()


def test_others_get_the_bins_that_we_use(made):
    name, grid, _ = made
    labels = labels_of(grid, (256, 256))
    assert sorted(np.unique(labels)) == [*range(11)]
    assert np.count_nonzero(labels) == pytest.approx(34_600, rel=0.01), name


def test_a_few_frames_are_measured(made):
    _, grid, frames = made
    assert all(spent > 0 for spent in ours(grid, frames[:96]))


def test_a_few_events_are_measured(tmp_path):
    path = tmp_path / "A.bin"
    frame = np.repeat(np.arange(40), 5)
    write_rigaku(path, frame, np.arange(200) * 77, np.ones(200, int))
    assert all(spent > 0 for spent in alone(path, 40))


def test_a_few_patterns_are_measured():
    assert all(spent > 0 for spent in ptychography(40))


def test_a_few_rings_are_measured_and_a_peer_without_pyfai_is_said(tmp_path):
    frames, marked = patterns_of_rings(2)
    for some in (frames, marked):
        frame, result, total = our_rings(some)
        assert frame > 0 < result
        # The corrections make more of 20 counts in the outer rings, never less; gaps make nothing of it.
        assert 500 * 20 < total < 500 * 30
    with pytest.raises(SystemExit, match=r"cannot integrate with pyFAI.*Give one that can import pyFAI"):
        their_rings(sys.executable, tmp_path, frames)


def test_a_peer_without_scikit_beam_is_said(tmp_path, made):
    _, grid, frames = made
    with pytest.raises(SystemExit, match=r"cannot correlate with scikit-beam.*Give one that can import skbeam"):
        theirs(sys.executable, tmp_path, grid, frames[:2])


def test_spots_are_the_same_as_those_of_the_dense_frames():
    _, frames = recorded_spots()
    assert our_spots(frames[:3])[2] == dense_spots(frames[:3])[1]
    ours_ms, theirs_ms, error, their_error = fits(20)
    assert min(ours_ms, theirs_ms) > 0
    assert max(error, their_error) < 0.1


def test_patterns_are_indexed_and_measured():
    frames, analysis = white_beam(2)
    frame, result, share = our_patterns(frames, analysis)
    assert min(frame, result, dense_patterns(frames)) > 0
    assert share > 95
