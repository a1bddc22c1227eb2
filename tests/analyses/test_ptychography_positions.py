"""Positions that are off are found from the patterns."""

from functools import reduce

import numpy as np
import pytest

from steering.analyses.ptychography import Ptychography
from steering.contract.outcome import require_same
from steering.ptychography.positions import Moved, moved
from steering.ptychography.reconstruction import forget
from steering.sim.star import GEOMETRY
from tests.analyses.ptychography import block_of, grid, scanned


@pytest.mark.whole
def test_positions_that_are_off_are_corrected_between_the_pixels_and_in_any_order():
    random = np.random.default_rng(3)
    said = grid(0.12, 0.3)
    true = said + random.normal(0, 0.01, said.shape)
    frames = scanned(true, exposure=2.0)

    def found(position_error, order=slice(None), iterations=35):
        chosen = {"iterations": iterations, "position_error": position_error}
        analysis = Ptychography(geometry=GEOMETRY.json(), defocus=60.0, **chosen)
        blocks = [block_of(frames[at : at + 9], said[at : at + 9], at) for at in range(0, len(said), 9)][order]
        states = [analysis.update(analysis.empty(), block, block.place.frames) for block in blocks]
        forget()
        return analysis.result(reduce(analysis.merge, states))

    def off(outcome):
        places = np.stack([outcome.data[f"{axis}_of_frame"].values for axis in ("sy", "sx")], axis=1) - true
        return float(np.sqrt(np.square(places - places.mean(axis=0)).mean()))

    plain, corrected = found(0.0), found(0.05)
    assert off(corrected) < 0.35 * off(plain)
    assert corrected.features["error"].value < 0.6 * plain.features["error"].value
    assert corrected.features["position_error"].value == pytest.approx(0.01 * 2**0.5, rel=0.3)
    assert "position_error" not in plain.features
    few = [found(0.05, order, 10) for order in (slice(None, None, -1), slice(None))]
    assert few[0].features["position_error"].value > 0
    require_same(*few, "bitwise", "its blocks come in another order")


def waves(shape, seed=0):
    """A probe and what it lights, smooth enough to be moved by parts of a pixel."""
    random = np.random.default_rng(seed)
    down, right = np.meshgrid(*(np.linspace(-1, 1, size) for size in shape), indexing="ij")
    probe = np.exp(-8 * (down**2 + right**2) + 3j * (down**2 - 0.5 * right)).astype(np.complex64)
    noise = np.fft.ifft2(np.exp(-np.hypot(*np.indices(shape)) / 4) * np.exp(2j * np.pi * random.random(shape)))
    return probe[None], (1 + noise / np.abs(noise).max()).astype(np.complex64)[None]


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.3, 0.0), (-0.4, 0.45), (0.9, -0.8)])
def test_steps_lead_to_where_the_beam_was(shift):
    probe, seen = waves((32, 40))
    there = np.fft.fft2(Moved(probe, np.array([shift])).probes[:, 0] * seen, norm="ortho")
    measured, at = np.abs(there).astype(np.float32), np.zeros((1, 2))
    measured[0, 3, 5] = np.nan  # a dead pixel says nothing
    for _ in range(10):
        at += Moved(probe, at).steps(seen, measured)
    assert at[0] == pytest.approx(shift, abs=2e-3)


def test_what_is_moved_there_and_back_is_where_it_was():
    probe, _ = waves((32, 40))
    two = Moved(probe, np.array([[0.3, -1.2], [2.0, 0.4]]))
    np.testing.assert_allclose(two.back(two.probes), 2 * probe, atol=1e-5)
    np.testing.assert_allclose(
        Moved(probe, np.array([[2.0, -3.0]])).probes[0], np.roll(probe, (2, -3), (1, 2)), atol=1e-5
    )


def test_a_pattern_without_light_or_without_counts_moves_nothing():
    probe, seen = waves((16, 16))
    dark = Moved(probe * 0, np.zeros((1, 2)))
    assert dark.steps(seen, np.zeros((1, 16, 16), np.float32)).tolist() == [[0.0, 0.0]]
    lit = Moved(probe, np.zeros((1, 2)))
    assert lit.steps(seen, np.full((1, 16, 16), np.nan, np.float32)).tolist() == [[0.0, 0.0]]


def test_frames_are_off_by_nothing_all_together_and_by_no_more_than_is_allowed():
    after = moved(np.zeros((4, 2)), np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 9.0], [0.0, 0.0]]), 2.0)
    assert after[0, 0] == 0.75
    assert np.abs(after).max() == 2.0
