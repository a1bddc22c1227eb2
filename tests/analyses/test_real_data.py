import numpy as np
import pytest

from steering.analyses.map_features import MapFeatures
from steering.analyses.rocking_curve import RockingCurve
from steering.core.block import FrameBlock, Inline
from steering.sim.samples import MapSample, RockingSample


@pytest.fixture(scope="module")
def sample():
    return RockingSample.load()


def curve(sample, indices, exposure=0.25, seed=0):
    random = np.random.default_rng(seed)
    frames = np.stack([sample.frame({"th": sample.theta[i]}, exposure, random) for i in indices])
    columns = {"th": sample.theta[list(indices)], "exposure": np.full(len(indices), exposure)}
    block = FrameBlock("r", "primary", 0, len(indices), Inline(frames), columns, {"th": "deg", "exposure": "s"})
    analysis = RockingCurve()
    return analysis.result(analysis.update(analysis.empty(), block, frames))


def test_all_201_frames_give_the_beamtimes_own_numbers(sample, spec_scan):
    outcome = curve(sample, range(201))
    assert outcome.data["frame_sum"].values.tolist() == spec_scan["ImageTot"]
    assert outcome.data["frame_maximum"].values.tolist() == spec_scan["ImageMax"]
    assert outcome.features["total"].value == 46_155_653
    assert outcome.features["peak"].value == pytest.approx(0.2150, abs=0.0005)
    assert outcome.features["fwhm"].value == pytest.approx(0.050, abs=0.005)
    assert outcome.features["peak"].units == outcome.features["fwhm"].units == "deg"


def test_a_steered_curve_gives_the_same_within_uncertainties(sample):
    whole = curve(sample, range(201)).features
    steered = curve(sample, sorted({*range(0, 201, 8), *range(78, 118)})).features
    for name in ("peak", "fwhm", "centre_of_mass"):
        difference = abs(steered[name].value - whole[name].value)
        assert difference <= np.hypot(steered[name].uncertainty, whole[name].uncertainty)


def test_the_recorded_curve_is_as_wide_as_its_reference(sample):
    features = curve(sample, range(201)).features
    assert features["fwhm"].value == pytest.approx(0.0548, abs=0.0001)
    assert features["peak"].value == pytest.approx(0.2150, abs=0.0001)
    assert features["centre_of_mass"].value == pytest.approx(0.2071, abs=0.00005)
    assert features["peak"].uncertainty == pytest.approx(0.005 / np.sqrt(12), rel=1e-3)
    assert features["maximum"].value == pytest.approx(sample.frames[99].sum() / 0.25)
    assert features["total"].uncertainty == pytest.approx(np.sqrt(46_155_653))


def test_every_eighth_point_and_a_fine_middle_give_the_same_within_uncertainties(sample):
    whole = curve(sample, range(201)).features
    fine = np.flatnonzero(np.abs(sample.theta - 0.215) <= 0.11)
    mixed = curve(sample, sorted({*range(0, 201, 8), *fine.tolist()}))
    assert mixed.data.sizes["point"] == 64
    for name in ("peak", "fwhm", "centre_of_mass"):
        difference = abs(mixed.features[name].value - whole[name].value)
        assert difference <= np.hypot(mixed.features[name].uncertainty, whole[name].uncertainty), name
    assert mixed.features["peak"].value == whole["peak"].value
    assert mixed.features["fwhm"].value == pytest.approx(whole["fwhm"].value, rel=1e-3)


def test_the_coarse_pass_alone_knows_how_little_it_knows(sample):
    whole, coarse = curve(sample, range(201)).features, curve(sample, range(0, 201, 8)).features
    for name in ("peak", "fwhm", "centre_of_mass"):
        assert coarse[name].uncertainty > 5 * whole[name].uncertainty
        assert abs(coarse[name].value - whole[name].value) <= 2 * coarse[name].uncertainty


def test_the_fit_for_the_eye_follows_the_recorded_peak(sample):
    outcome = curve(sample, range(201))
    assert outcome.data.attrs["fit_centre"] == pytest.approx(outcome.features["centre_of_mass"].value, abs=0.005)
    assert outcome.data.attrs["fit_fwhm"] == pytest.approx(outcome.features["fwhm"].value, rel=0.1)
    assert float(outcome.data["fit"].max()) == pytest.approx(outcome.features["maximum"].value, rel=0.15)
    assert outcome.data["fit"].dims == outcome.data["th_fit"].dims == ("fit_point",)


def test_a_shorter_exposure_gives_the_same_rates(sample):
    short, recorded = (curve(sample, range(78, 118), exposure).features for exposure in (0.05, 0.25))
    for name in ("maximum", "fwhm"):
        difference = abs(short[name].value - recorded[name].value)
        assert difference <= 5 * np.hypot(short[name].uncertainty, recorded[name].uncertainty)


def test_thinning_keeps_the_share_and_scaling_the_mean(sample):
    random = np.random.default_rng(1)
    recorded = sample.frames[99].sum()
    for exposure in (0.01, 0.1, 1.0):
        total = sample.frame({"th": sample.theta[99]}, exposure, random).sum()
        expected = recorded * exposure / 0.25
        assert abs(total - expected) < 6 * np.sqrt(expected)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_points_give_no_peak(sample, count):
    features = curve(sample, range(count)).features if count else RockingCurve().result(RockingCurve().empty()).features
    assert "peak" not in features
    assert "fwhm" not in features


def test_a_flank_alone_has_no_width(sample):
    assert "fwhm" not in curve(sample, range(80, 99)).features


def test_the_maps_sums_are_the_recorded_counts():
    sample = MapSample.load()
    random = np.random.default_rng(0)
    rows, columns = sample.counts.shape
    for row in range(0, rows, 37):
        for column in range(0, columns, 37):
            sx, sy = (column - (columns - 1) / 2) * sample.pitch, (row - (rows - 1) / 2) * sample.pitch
            frame = sample.frame({"sx": sx, "sy": sy}, sample.exposure, random)
            assert frame.sum() == sample.counts[row, column] == sample.expected_counts(sx, sy)


def test_map_features_lay_out_the_points():
    frames = np.zeros((2, 8, 8), np.int32)
    frames[0, 2, 5], frames[1, 4, 1] = 10, 40
    columns = {"sx": np.array([1.0, 2.0]), "sy": np.array([0.0, 0.5]), "exposure": np.array([0.1, 0.2])}
    columns |= {"sx_step": np.full(2, 1.0), "sy_step": np.full(2, 0.5), "grid": np.array([0.0, 1.0])}
    block = FrameBlock("r", "primary", 0, 2, Inline(frames), columns, {"sx": "um", "sy": "um"})
    analysis = MapFeatures()
    outcome = analysis.result(analysis.update(analysis.empty(), block, frames))
    assert outcome.data["intensity"].values.tolist() == [100.0, 200.0]
    assert outcome.data["com_row"].values.tolist() == [2.0, 4.0]
    assert outcome.data["com_column"].values.tolist() == [5.0, 1.0]
    assert outcome.data["grid"].values.tolist() == [0, 1]
    assert outcome.features["sx_at_maximum"].value == 2.0
