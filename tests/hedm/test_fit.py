"""Peaks are fitted to a few hundredths of a pixel, each by itself, and what cannot be fitted is left out."""

import numpy as np
import pytest

from steering.analyses.hedm import Hedm
from steering.contract.outcome import require_same
from steering.core.block import FrameBlock, Inline
from steering.spots.fit import fit_peaks
from steering.testing import check_analysis
from steering.testing.blocks import varied_blocks


def made(count, seed=0):
    """Pseudo-Voigt peaks of 80 to 3000 counts on 5 counts, with noise; and where they are."""
    random = np.random.default_rng(seed)
    height = np.exp(random.uniform(np.log(80), np.log(3000), count))[:, None, None]
    row, column = random.uniform(4.2, 5.8, (2, count))
    high, wide = random.uniform(1.0, 2.2, (2, count, 1, 1))
    mix = random.uniform(0, 0.6, count)[:, None, None]
    down, right = np.indices((11, 11))
    away = ((down - row[:, None, None]) / high) ** 2 + ((right - column[:, None, None]) / wide) ** 2
    peaks = height * (mix / (1 + away) + (1 - mix) * np.exp(-np.log(2) * away)) + 5
    return random.poisson(peaks), row, column


def test_places_are_found_to_a_few_hundredths_of_a_pixel():
    patches, row, column = made(2000)
    found = fit_peaks(patches)
    error = np.hypot(found.row - row, found.column - column)
    assert np.median(error) < 0.03
    assert np.quantile(error, 0.95) < 0.12
    assert np.median(found.misfit) == pytest.approx(1, abs=0.1)


def test_a_peak_does_not_depend_on_those_beside_it():
    patches = made(200, seed=1)[0]
    whole = fit_peaks(patches).row
    for size in (1, 7, 64):
        parts = [fit_peaks(patches[begin : begin + size]).row for begin in range(0, 200, size)]
        assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_pixels_that_are_no_counts_are_left_out():
    patches, row, column = made(100, seed=2)
    marked = patches.astype(float)
    marked[:, 0, :] = np.nan
    marked[:, 5, 5] = np.nan
    found = fit_peaks(marked)
    assert np.median(np.hypot(found.row - row, found.column - column)) < 0.06
    nothing = fit_peaks(np.full((2, 11, 11), np.nan))
    assert np.isnan(nothing.row).all()
    flat = fit_peaks(np.zeros((2, 11, 11)))
    assert np.isfinite(flat.height).all()
    assert len(fit_peaks(np.zeros((0, 11, 11))).row) == 0
    with pytest.raises(ValueError, match="patches have shape"):
        fit_peaks(np.zeros((2, 9, 9)))


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_spots_have_fitted_places(kind):
    patches, row, column = made(1, seed=3)
    frames = np.zeros((3, 40, 40), kind)
    frames[1, 10:21, 20:31] = patches[0]
    frames[1, 38, 38] = 500
    analysis = Hedm(threshold=10, fewest_pixels=1, fit_above=50)
    block = FrameBlock("r", "primary", 0, 3, Inline(frames), {}, {})
    data = analysis.result(analysis.update(analysis.empty(), block, frames)).data
    assert data["fit_row"].values[0] == pytest.approx(10 + row[0], abs=0.1)
    assert data["fit_column"].values[0] == pytest.approx(20 + column[0], abs=0.1)
    # At the edge of a frame there is no room for a patch.
    assert np.isnan(data["fit_row"].values[-1])


def test_a_dark_is_taken_off_before_a_peak_is_fitted(tmp_path):
    patches, _, _ = made(1, seed=3)
    frames = np.zeros((1, 40, 40), np.uint16)
    frames[0, 10:21, 20:31] = patches[0]
    dark = np.random.default_rng(4).integers(0, 300, frames.shape[1:]).astype(np.uint16)
    np.save(tmp_path / "dark.npy", dark)
    found = []
    for chosen, seen in (({}, frames), ({"dark": str(tmp_path / "dark.npy")}, frames + dark)):
        analysis = Hedm(threshold=10, fewest_pixels=1, fit_above=50, **chosen)
        block = FrameBlock("r", "primary", 0, 1, Inline(seen), {}, {})
        found.append(analysis.result(analysis.update(analysis.empty(), block, seen)))
    require_same(found[1], found[0], "bitwise", "a dark that is taken off changes something")


@pytest.mark.parametrize("seed", range(2))
def test_it_keeps_the_contract_with_fits(seed):
    check_analysis(Hedm(threshold=4, fit_above=5), tuple(varied_blocks(seed)))
