"""The rocking curve's features on curves whose answer is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steering.analyses.rocking_curve import RockingCurve
from steering.core.block import FrameBlock, Inline
from steering.moments.gaussian import Gaussian, fit_gaussian


def curve(positions, counts, exposure=1.0, units="deg", **columns):
    positions, counts = np.asarray(positions, np.float64), np.asarray(counts)
    frames = counts[:, None, None] * np.eye(1, 1, dtype=counts.dtype)
    chosen = {"th": positions, "exposure": np.broadcast_to(exposure, positions.shape).astype(np.float64)} | columns
    named = {"th": units, "exposure": "s"}
    block = FrameBlock("r", "primary", 0, len(positions), Inline(frames), chosen, named)
    analysis = RockingCurve()
    return analysis.result(analysis.update(analysis.empty(), block, frames))


def triangle(positions, peak=0.0, half=1.0, height=1000, background=0):
    """A triangle: its crossings are exact under linear interpolation, and its width is half its base."""
    return np.rint(background + height * np.clip(1 - np.abs(np.asarray(positions) - peak) / half, 0, None)).astype(int)


EVEN = np.linspace(-2, 2, 41)


def test_a_triangle_has_its_width_peak_and_centre():
    features = curve(EVEN, triangle(EVEN)).features
    assert features["peak"].value == pytest.approx(0)
    assert features["fwhm"].value == pytest.approx(1.0)
    assert features["centre_of_mass"].value == pytest.approx(0, abs=1e-12)
    assert features["maximum"].value == 1000
    assert features["maximum"].uncertainty == pytest.approx(np.sqrt(1000))


def test_background_and_exposure_do_not_change_peak_and_width():
    plain, raised = (curve(EVEN, triangle(EVEN, background=base)).features for base in (0, 500))
    mixed = np.where(np.arange(41) % 2, 0.5, 2.0)
    timed = curve(EVEN, np.rint(triangle(EVEN) * mixed).astype(int), mixed).features
    for features in (raised, timed):
        for name in ("peak", "fwhm", "centre_of_mass"):
            assert features[name].value == pytest.approx(plain[name].value, abs=1e-9)
    assert timed["maximum"].value == pytest.approx(1000)


def test_neither_tails_nor_a_denser_side_shift_the_centre_of_mass():
    dense = np.unique(np.concatenate([EVEN, np.linspace(0, 0.5, 101)]).round(6))
    far = np.concatenate([EVEN, np.linspace(2.1, 90, 880)])
    random = np.random.default_rng(5)
    for positions in (dense, far):
        counts = random.poisson(triangle(positions, height=100_000, background=200))
        centre = curve(positions, counts).features["centre_of_mass"]
        assert abs(centre.value) < centre.uncertainty < 0.01


@settings(deadline=None)
@given(st.floats(-0.5, 0.5), st.floats(0.3, 1.2), st.integers(0, 2**32 - 1))
def test_uneven_samples_of_a_triangle_give_its_peak_and_width(peak, half, seed):
    # A gap is at most 0.14, shorter than what lies between a crossing and the foot: so a crossing is on a line.
    jitter = np.random.default_rng(seed).uniform(-0.5, 0.5, 61)
    positions = np.unique(np.concatenate([np.linspace(-2, 2, 61) + jitter * 4 / 60, [peak]]))
    features = curve(positions, triangle(positions, peak, half, height=10**8)).features
    assert features["peak"].value == peak
    assert features["fwhm"].value == pytest.approx(half, abs=1e-6)
    assert features["fwhm"].uncertainty > 0


def test_the_order_of_measurement_does_not_matter():
    order = np.random.default_rng(0).permutation(41)
    straight, mixed = curve(EVEN, triangle(EVEN)), curve(EVEN[order], triangle(EVEN)[order])
    assert mixed.features == straight.features
    assert mixed.data["th"].values.tolist() == straight.data["th"].values.tolist()
    assert mixed.data["frame"].values.tolist() == np.argsort(order).tolist()


def test_a_peak_that_was_measured_at_one_angle_only_has_no_width():
    features = curve([0.0, 0.0, 0.0, 1.0], [1, 10, 2, 1]).features
    assert features["maximum"].value == 10
    assert features["peak"].value == 0
    assert not {"fwhm", "fit_centre"} & set(features)


def test_a_flank_between_two_samples_at_one_angle_is_no_exact_one():
    features = curve([0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 3.0], [1, 90, 100, 95, 80, 3, 1]).features
    assert features["fwhm"].value == 2.0
    # As uncertain as the distance of angles makes it.
    assert features["fwhm"].uncertainty > 0.1


def test_a_point_that_was_measured_twice_is_kept_twice():
    positions = np.concatenate([EVEN, [0.0, 0.5, 0.50001]])
    outcome = curve(positions, triangle(positions))
    assert outcome.data.sizes["point"] == 44
    assert outcome.features["fwhm"].value == pytest.approx(1.0, abs=1e-4)
    assert outcome.features["peak"].uncertainty == pytest.approx(0.1 / np.sqrt(12))


def test_what_cannot_be_used_is_left_out_and_counted():
    positions, exposure, counts = EVEN.copy(), np.ones(41), triangle(EVEN).astype(float)
    positions[3], exposure[5], exposure[6], exposure[7], counts[9] = np.nan, 0, -1, np.inf, np.nan
    outcome = curve(positions, counts, exposure)
    assert outcome.data.attrs["left_out"] == 5
    assert outcome.data.sizes["point"] == 36
    assert outcome.features["fwhm"].value == pytest.approx(1.0)
    assert outcome.features["total"].value == np.nansum(outcome.data["frame_sum"].values)


@pytest.mark.parametrize("side", [slice(0, 21), slice(20, 41), slice(16, 25)])
def test_no_width_without_both_crossings(side):
    features = curve(EVEN[side], triangle(EVEN, background=0)[side]).features
    assert "peak" in features
    assert ("fwhm" in features) == (side == slice(16, 25))


def test_a_flat_curve_and_one_without_counts_have_no_width():
    assert "fwhm" not in curve(EVEN, np.full(41, 7)).features
    assert set(curve(EVEN, np.zeros(41, int)).features) == {"total"}


def test_negative_frames_do_not_break_it():
    outcome = curve(EVEN, triangle(EVEN) - 50.5)
    assert outcome.features["fwhm"].value == pytest.approx(1.0)
    assert np.isfinite(outcome.data["intensity_error"].values).all()
    assert curve(EVEN, np.full(41, -3.0)).features["total"].uncertainty == 0


def test_a_unit_that_nobody_names_is_not_made_up():
    outcome = curve(EVEN, triangle(EVEN), units="")
    assert outcome.data["th"].attrs["units"] == outcome.features["peak"].units == "unknown"
    assert curve(EVEN, triangle(EVEN), units="mrad").features["fwhm"].units == "mrad"


def test_what_was_chosen_makes_the_same_analysis_again():
    chosen = RockingCurve("phi", "count_time")
    assert (
        RockingCurve(**chosen.parameters).parameters == chosen.parameters == {"axis": "phi", "exposure": "count_time"}
    )


def test_a_fit_that_is_no_peak_is_left_out():
    x, start = np.linspace(-1, 1, 21), Gaussian(1.0, 0.0, 0.5, 0.0)
    truth = Gaussian(5.0, 0.1, 0.4, 1.0)
    found = fit_gaussian(x, truth(x), np.ones(21), start)
    assert (found.height, found.centre, found.fwhm, found.background) == pytest.approx((5.0, 0.1, 0.4, 1.0))
    assert fit_gaussian(x, 3 * x, np.ones(21), start) is None
    assert fit_gaussian(x[:4], truth(x[:4]), np.ones(4), start) is None


def test_the_fit_says_its_centre_and_width_with_uncertainties_that_hold():
    positions, truth = np.linspace(-1, 1, 61), Gaussian(400.0, 0.123, 0.4, 20.0)
    pulls = []
    for seed in range(200):
        counts = np.random.default_rng(seed).poisson(truth(positions))
        features = curve(positions, counts).features
        for name, true in (("fit_centre", 0.123), ("fit_fwhm", 0.4)):
            assert features[name].units == "deg"
            assert 0 < features[name].uncertainty < 0.02
            pulls.append((features[name].value - true) / features[name].uncertainty)
    # One standard deviation holds two of three.
    assert 0.6 < np.mean(np.abs(pulls) < 1) < 0.8
    assert np.abs(np.mean(pulls)) < 0.3


def test_points_that_scatter_more_than_they_count_make_the_fit_less_certain():
    positions, truth = np.linspace(-1, 1, 61), Gaussian(40_000.0, 0.1, 0.4, 2000.0)
    quiet = curve(positions, np.rint(truth(positions)).astype(int)).features["fit_centre"]
    random = np.random.default_rng(2).normal(1, 0.1, 61)
    loud = curve(positions, np.rint(truth(positions) * random).astype(int)).features["fit_centre"]
    assert loud.uncertainty > 3 * quiet.uncertainty


def test_where_nothing_is_fitted_there_is_no_fit_to_tell():
    features = curve([0.0, 1.0, 2.0], [10, 100, 10]).features
    assert "fit_centre" not in features
    assert "fit_fwhm" not in features


def test_the_fit_is_the_same_however_the_frames_came():
    positions = np.linspace(-1, 1, 41)
    counts = np.rint(Gaussian(400.0, 0.1, 0.4, 20.0)(positions)).astype(int)
    order = np.random.default_rng(0).permutation(41)
    one, other = curve(positions, counts).features, curve(positions[order], counts[order]).features
    assert (one["fit_centre"], one["fit_fwhm"]) == (other["fit_centre"], other["fit_fwhm"])
