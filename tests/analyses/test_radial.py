"""Azimuthal integration: what pyFAI says, whatever blocks the frames come in, and features of what is known."""

from dataclasses import replace
from functools import reduce
from itertools import pairwise

import numpy as np
import pytest

from steering.analyses.radial import Radial
from steering.contract.outcome import require_same, require_well_formed
from steering.core.block import FrameBlock, Inline
from steering.core.pixels import Bad
from steering.radial.rings import Grid
from steering.sim.spheres import GEOMETRY as SPHERES
from steering.sim.spheres import SpheresSample
from steering.testing import check_analysis
from steering_widgets.drawing.line_data import line_names, lines_of

TURNED = {
    "distance": 0.05, "poni1": 0.021, "poni2": 0.033, "pixel1": 1e-3, "pixel2": 0.8e-3, "wavelength": 1.1e-10,
    "rot1": 0.12, "rot2": -0.07, "rot3": 0.4,
}  # fmt: skip
FLAT = {"distance": 1.0, "poni1": 0.0128, "poni2": 0.0128, "pixel1": 1e-4, "pixel2": 1e-4, "wavelength": 1e-10}
MASKED = [{"rows": (10, 14), "columns": (20, 30)}, {"rows": (0, 1), "columns": (0, 64)}]

# pyFAI 2026.9.0: intensity and sem of integrate1d_ng(picture(), 8, unit=..., mask=..., radial_range=...,
# polarization_factor=..., correctSolidAngle=..., method=("no", "histogram", "python"), error_model="poisson").
PYFAI = {
    ("q", (0.5, 5.0), 0.95, True): (
        [125.0687, 128.72559, 60.046143, 52.445881, 57.16526, 69.86953, 50.904343],
        [0.72525835, 0.54517829, 0.33737513, 0.31293273, 0.43138984, 0.98879671, 11.108239],
    ),
    ("two_theta", (6.0, 50.0), None, False): (
        [112.4416, 108.53592, 41.806736, 35.04781, 34.903156, 34.894039, 32.75],
        [0.64060193, 0.45907447, 0.24740745, 0.21574113, 0.27107254, 0.48071441, 2.8613808],
    ),
    ("two_theta", (6.0, 50.0), None, True): (
        [119.73264, 123.37285, 51.436222, 47.583244, 51.436672, 57.622662, 53.91037],
        [0.68214041, 0.52183026, 0.30439365, 0.29290456, 0.39947876, 0.79383308, 4.7101707],
    ),
    ("two_theta", (6.0, 50.0), -0.5, False): (
        [113.95608, 112.09891, 44.227863, 38.349133, 40.963802, 42.332024, 38.449871],
        [0.64923018, 0.47414485, 0.26173544, 0.23606282, 0.31814206, 0.58318305, 3.3593807],
    ),
}


def picture():
    rows, columns = np.indices((48, 64))
    ring = 400 * np.exp(-(((np.hypot(rows - 20, columns - 40) - 9) / 2.0) ** 2))
    return (20 + (rows * 7 + columns * 13) % 31 + ring).astype(np.int32)


def block_of(frames, start=0, **columns):
    units = {"monitor": "A", "exposure": "s"}
    values = {name: np.asarray(column, float) for name, column in columns.items()}
    return FrameBlock("r", "primary", start, start + len(frames), Inline(frames), values, units)


def of(analysis, frames, cuts=(), order=None, **columns):
    """Analyse frames in blocks that are cut at some places, merged in some order."""
    whole = block_of(frames, **columns)
    parts = [whole.part(a, b) for a, b in pairwise([0, *cuts, len(frames)])]
    states = [analysis.update(analysis.empty(), part, part.place.frames) for part in parts]
    states = [states[i] for i in (order if order is not None else range(len(states)))]
    return analysis.result(reduce(analysis.merge, states, analysis.empty()))


def rings(width=0.03, count=20, height=900.0):
    """Frames with a ring at q = 1 of a width (full, at half maximum) on a background of 30 counts."""
    rows, columns = np.indices((256, 256))
    radius = np.hypot((rows + 0.5) * 1e-4 - 0.0128, (columns + 0.5) * 1e-4 - 0.0128)
    q = 4 * np.pi * np.sin(np.arctan(radius) / 2)
    mean = 30 + height * np.exp(-4 * np.log(2) * ((q - 0.05) / (width * 0.05)) ** 2)
    return np.random.default_rng(1).poisson(mean, (count, 256, 256)).astype(np.uint16)


@pytest.mark.parametrize("case", PYFAI)
def test_it_is_what_pyfai_says(case):
    along, (low, high), polarization, solid_angle = case
    chosen = {"along": along, "low": low, "high": high, "bins": 8, "polarization": polarization}
    analysis = Radial(TURNED, solid_angle=solid_angle, masked=MASKED, **chosen)
    data = of(analysis, picture()[None]).data
    intensity, error = PYFAI[case]
    # The last ring is empty: pyFAI says 0 there, we that nothing is known.
    assert data["intensity"].values[0, :-1] == pytest.approx(intensity, rel=3e-7)
    assert data["intensity_error"].values[0, :-1] == pytest.approx(error, rel=3e-7)
    assert np.isnan(data["intensity"].values[:, -1]).all()
    assert data[along].values == pytest.approx(low + (high - low) / 8 * (np.arange(8) + 0.5))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"geometry": FLAT, "spacing": "log", "bins": 9},
        {"monitor": "exposure"},
        {"geometry": FLAT, "bins": 3},
        {"geometry": FLAT, "guinier": (0.0, 1.0), "watched": (0.0, 9.0), "monitor": "exposure", "apart": "exposure"},
    ],
)
@pytest.mark.parametrize("seed", range(2))
def test_it_keeps_the_contract(settings, seed):
    check_analysis(Radial(**settings), seed=seed)


@pytest.mark.parametrize("kind", [np.uint16, np.float32])
def test_blocks_of_any_length_and_order_give_the_same_bits(kind):
    random = np.random.default_rng(5)
    frames = random.poisson(2, (200, 16, 16)).astype(kind)
    if kind is np.float32:
        frames = frames + random.normal(0, 0.3, frames.shape).astype(kind)
        frames[random.random(frames.shape) < 0.01] = np.nan
    else:
        frames[random.random(frames.shape) < 0.01] = np.iinfo(kind).max
    chosen = {"guinier": (0.0, 0.05), "watched": (0.0, 0.003), "apart": "filters"}
    analysis = Radial({**FLAT, "poni1": 8e-4, "poni2": 8e-4}, bins=5, polarization=0.9, **chosen)
    columns = {"seq_num": np.arange(200) // 80 + 1.0, "filters": np.arange(200) // 5 % 2}
    whole = of(analysis, frames, **columns)
    assert {"damage", "bursts"} <= set(whole.features)
    assert whole.features["masked"].value == pytest.approx(1.0, abs=0.2)
    for _ in range(6):
        cuts = np.sort(random.choice(np.arange(1, 200), random.integers(1, 40), replace=False))
        found = of(analysis, frames, cuts, random.permutation(len(cuts) + 1), **columns)
        for name in whole.data.variables:
            assert found.data[name].values.tobytes() == whole.data[name].values.tobytes(), name
        assert found.features == whole.features


def test_a_state_is_as_large_after_many_frames_as_after_one():
    analysis = Radial(bins=4)
    frames = np.ones((1, 8, 8), np.uint16)
    state = analysis.empty()
    for start in (0, 2, 1, 5, 4, 3):
        state = analysis.update(state, block_of(frames, start), frames)
    assert [(one.start, one.stop) for one in state[0].newest()[1].all] == [(0, 6)]


def test_an_even_scattering_is_even_once_it_is_corrected():
    analysis = Radial(TURNED, bins=10, polarization=0.95)
    even = 1e6 * analysis._grid.shares((48, 64))
    data = of(analysis, even[None]).data
    assert data["intensity"].values[0] == pytest.approx(1e6, rel=1e-6)
    assert of(Radial(TURNED, bins=10), even[None]).data["intensity"].values[0].std() > 1e4


def test_pixels_that_are_no_counts_change_nothing_but_the_error():
    even = np.full((6, 32, 32), 7, np.uint16)
    clean = of(Radial(bins=4), even)
    even[2, :20] = 65535
    even[4, :, 5] = 900
    bad = Bad(np.eye(32, dtype=bool), 500)
    block = replace(block_of(even), bad=bad)
    analysis = Radial(bins=4)
    found = analysis.result(analysis.update(analysis.empty(), block, even))
    assert (found.data["intensity"].values[0] == 7.0).all()
    assert (found.data["intensity_error"].values[0] > clean.data["intensity_error"].values[0]).all()
    counted = ((even == 7) & ~bad.mask).mean()
    assert found.features["masked"].value == pytest.approx(100 * (1 - counted))


def test_it_is_normalised_to_the_monitor_and_a_frame_without_one_is_left_out():
    frames = np.full((5, 16, 16), 8, np.uint16) * np.array([1, 2, 3, 4, 5], np.uint16)[:, None, None]
    monitor = [1.0, 2.0, 3.0, np.nan, 0.0]
    found = of(Radial(bins=3, monitor="monitor"), frames, monitor=monitor)
    assert found.data["intensity"].values == pytest.approx(8.0)
    assert found.data["intensity"].attrs["units"] == "counts/px/A"
    assert found.data.attrs["skipped"] == 2
    assert found.features["frames"].value == 3
    frames[1, :8] = 65535
    found = of(Radial(bins=3, monitor="monitor"), frames, cuts=(2,), monitor=monitor)
    assert found.data["intensity"].values == pytest.approx(8.0)
    with pytest.raises(ValueError, match=r"no column 'monitor'; they have: exposure\. Name one of these"):
        of(Radial(monitor="monitor"), frames, exposure=np.ones(5))


def test_the_errors_are_those_that_repeated_measurements_have():
    curves = []
    for seed in range(40):
        frames = np.random.default_rng(seed).poisson(3, (2, 32, 32)).astype(np.uint16)
        curves.append(of(Radial(bins=6), frames).data)
    scatter = np.std([one["intensity"].values[0] for one in curves], axis=0)
    said = np.mean([one["intensity_error"].values[0] for one in curves], axis=0)
    assert scatter == pytest.approx(said, rel=0.4)


def test_a_peak_is_found_where_it_is_with_its_width():
    found = of(Radial(FLAT, bins=400, low=0.02, high=0.075, peak=(0.045, 0.055)), rings()).features
    place, width = found["peak_position"], found["peak_width"]
    assert abs(place.value - 0.05) < 5 * place.uncertainty < 0.05 * 1e-3
    assert width.value == pytest.approx(0.03 * 0.05, rel=0.02)
    assert 0 < width.uncertainty < 0.02 * width.value
    assert {place.units, width.units} == {"1/angstrom"}
    # Where there is none, none is made up.
    assert "peak_position" not in of(Radial(FLAT, bins=400, peak=(0.02, 0.0201)), rings(count=2)).features


def test_the_invariant_is_the_integral_and_the_mean_is_that_of_its_range():
    frames = np.full((3, 256, 256), 50, np.uint16)
    chosen = {"low": 0.01, "high": 0.06, "bins": 100, "solid_angle": False, "average": (0.02, 0.03)}
    found = of(Radial(FLAT, **chosen), frames).features
    assert found["invariant"].value == pytest.approx(50 * (0.06**3 - 0.01**3) / 3, rel=1e-3)
    assert found["invariant"].units == "(counts/px)/angstrom^3"
    assert found["mean_intensity"].value == pytest.approx(50)
    assert found["total"].uncertainty == pytest.approx(np.sqrt(found["total"].value))


def test_the_view_of_lines_shows_it_with_units_on_the_axis_that_fits():
    data = of(Radial(FLAT, bins=30, low=0.002, high=0.07, spacing="log"), rings(count=2)).data
    assert line_names(data) == ["intensity"]
    drawn = lines_of(data, "intensity")
    assert drawn.log_x
    assert (drawn.x[1], drawn.y[1]) == ("1/angstrom", "counts/px")
    assert [one.label for one in drawn.lines] == ["all frames", "newest frame"]
    assert (drawn.lines[0].points.errors > 0).all()
    assert not lines_of(of(Radial(FLAT), rings(count=2)).data, "intensity").log_x


def test_without_frames_or_with_nothing_to_see_there_is_nothing():
    analysis = Radial(bins=3)
    assert not analysis.result(analysis.empty()).features
    found = of(analysis, np.full((2, 8, 8), 65535, np.uint16))
    assert np.isnan(found.data["intensity"].values).all()
    assert set(found.features) == {"frames", "masked"}


@pytest.mark.parametrize("kind", ["counts", "zeros", "saturated", "nan", "negative"])
def test_one_frame_is_enough(kind):
    frames = {
        "counts": picture()[None],
        "zeros": np.zeros((1, 48, 64), np.uint16),
        "saturated": np.full((1, 48, 64), 65_535, np.uint16),
        "nan": np.full((1, 48, 64), np.nan),
        "negative": np.full((1, 48, 64), -7, np.int32),
    }[kind]
    found = of(Radial(bins=7, guinier=(0, 20), watched=(0, 30)), frames, seq_num=[1])
    require_well_formed(found, "of one frame")
    assert found.features["frames"].value == 1
    assert found.features["bursts"].value == 1
    assert "damage" not in found.features, "one frame shows no change"
    assert np.isfinite(found.data["intensity"].values).all() == (kind in ("counts", "zeros", "negative"))
    # The newest frame is all that there is.
    assert np.array_equal(*found.data["intensity"].values, equal_nan=True)


def test_a_thousand_small_frames_are_their_sum():
    frames = np.random.default_rng(9).poisson(3, (1000, 9, 11)).astype(np.uint16)
    analysis = Radial(bins=4, watched=(0, 99))
    whole = of(analysis, frames, seq_num=np.ones(1000))
    assert whole.features["frames"].value == 1000
    assert whole.data["intensity"].values[0] == pytest.approx(
        of(analysis, frames.sum(0, dtype=np.uint32)[None]).data["intensity"].values[0] / 1000
    )
    order = np.random.default_rng(10).permutation(1000)
    require_same(
        of(analysis, frames, range(1, 1000), order, seq_num=np.ones(1000)), whole, analysis.exactness, "one by one"
    )


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"low": 2.0, "high": 1.0}, "rings go from 2 to 1 px. Give low below high"),
        ({"low": 500.0, "high": 600.0}, "no pixel lies from 500 to 600 px"),
        ({"low": 0.0, "spacing": "log"}, "above 0 for a log scale"),
        ({"peak": (2.0, 1.0)}, "a range goes from 2 to 1"),
        ({"average": (1.0, float("inf"))}, "two finite numbers"),
        ({"guinier": (0.02, 0.01)}, "a range goes from 0.02 to 0.01"),
        ({"guinier": (0.01, 0.02), "along": "two_theta"}, "guinier is a range of q, but the curve is along two_theta"),
        ({"apart": "filters"}, "no column 'filters'; they have: none. Name one of these as the one that keeps frames"),
        ({"masked": [{"rows": (0, 99), "columns": (0, 4)}]}, "reaches beyond the frame"),
    ],
)
def test_what_cannot_be_is_said(settings, sentence):
    frames = np.ones((1, 16, 16), np.uint16)
    with pytest.raises(ValueError, match=sentence):
        of(Radial(**settings), frames)


def spheres(bursts, transmission=1.0, count=20, **sample):
    """Frames of a simulated suspension, each burst on a spot of its own, and the numbers of their bursts."""
    made, random = SpheresSample(**sample), np.random.default_rng(7)
    frames = [
        made.exposed({"sx": float(spot)}, 0.1, transmission, random) for spot in range(bursts) for _ in range(count)
    ]
    return np.stack(frames), np.repeat(np.arange(bursts) + 1.0, count)


SAXS = {
    "geometry": SPHERES.json(), "low": 0.008, "high": 0.2, "bins": 100, "spacing": "log", "guinier": (0.008, 0.04),
    "watched": (0.008, 0.02),
}  # fmt: skip


def test_guiniers_law_is_fitted_to_counts_as_many_or_few_as_there_are():
    geometry, radius = Grid(SPHERES), 37.0
    q = SPHERES.q(*np.indices((128, 128)))
    found = []
    for seed in range(60):
        random = np.random.default_rng(seed)
        # In some rings there are few counts, or none.
        mean = 2.0 * np.exp(-((q * radius) ** 2) / 3) * geometry.shares((128, 128))
        features = of(Radial(**SAXS | {"bins": 200}), random.poisson(mean, (1, 128, 128)).astype(np.uint16)).features
        found.append((features["radius_of_gyration"], features["forward_intensity"]))
    for at, truth in enumerate((radius, 2.0)):
        away = np.array([(one[at].value - truth) / one[at].uncertainty for one in found])
        assert abs(away.mean()) < 4 / np.sqrt(len(away)), at
        assert away.std() == pytest.approx(1.0, abs=0.35), at


def test_the_radius_of_spheres_is_found_within_a_few_percent_and_the_beam_makes_it_larger():
    sample = SpheresSample()
    frames, events = spheres(8, 0.1)
    found = of(Radial(**SAXS), frames, seq_num=events)
    radius = found.features["radius_of_gyration"]
    # Guinier's law gives 1.6 % too much of these spheres up to q Rg = 1.3, and pairs are 1 % of the spheres.
    assert radius.value == pytest.approx(sample.radius_of_gyration, rel=0.04)
    assert radius.uncertainty < 0.01 * radius.value
    q, fit = found.data["q"].values, found.data["intensity_fit"].values
    used = np.isfinite(fit[0])
    assert q[used].max() * radius.value <= 1.3 < q[used].max() * radius.value * 1.1
    left = (fit[0] - found.data["intensity"].values[0])[used] / found.data["intensity_error"].values[0][used]
    assert 0.3 < np.nanmean(left**2) < 2
    assert np.isnan(fit[1]).all()
    damaged = of(Radial(**SAXS), *spheres(2)[:1], seq_num=spheres(2)[1]).features["radius_of_gyration"]
    assert damaged.value > 1.08 * sample.radius_of_gyration


def test_the_curve_of_spheres_is_that_of_their_form_factor():
    sample = SpheresSample(endures=1e9)
    frames, _ = spheres(4, endures=1e9)
    data = of(Radial(**SAXS | {"bins": 60}), frames).data
    q, intensity, error = data["q"].values, data["intensity"].values[0], data["intensity_error"].values[0]
    single, _ = sample.scattered(q)
    made = 0.1 * (sample.rate * single + sample.solvent)
    # Rings are as wide as a pixel or wider, so the deep minimum is not compared.
    smooth = np.abs(np.gradient(np.log(made), np.log(q))) < 6
    assert smooth.sum() > 40
    assert intensity[smooth] == pytest.approx(made[smooth], rel=0.05)
    # It falls by three orders of magnitude, with errors all along.
    assert intensity.max() / intensity.min() > 500
    assert (error > 0).all()


def test_damage_is_seen_in_the_newest_burst_and_bursts_are_counted():
    frames, events = spheres(3)
    found = of(Radial(**SAXS), frames, cuts=(7, 33), seq_num=events)
    damage = found.features["damage"]
    assert found.features["bursts"].value == found.data.attrs["points"] == 3
    assert 8 < damage.value < 13
    assert damage.value > 10 * damage.uncertainty
    assert found.data["frame"].values.tolist() == list(range(40, 60))
    assert found.data["intensity_in_time"].values[-1] > found.data["intensity_in_time"].values[0]
    calm = of(Radial(**SAXS), *spheres(1, endures=1e9)[:1]).features["damage"]
    assert abs(calm.value) < 4 * calm.uncertainty < 4
    # Long bursts are shown in segments of as many frames.
    many = np.ones((1000, 8, 8), np.uint16)
    shown = of(Radial(bins=2, watched=(0, 9)), many).data
    assert shown.sizes["segment"] == 200
    assert shown["frame"].values[:2].tolist() == [2.0, 7.0]


def test_a_monitor_that_falls_is_no_damage():
    frames = np.random.default_rng(1).poisson(np.linspace(200, 100, 30)[:, None, None], (30, 16, 16))
    monitor = np.linspace(2.0, 1.0, 30)
    bare = of(Radial(bins=3, watched=(0, 99)), frames).features["damage"]
    assert bare.value == pytest.approx(-68, abs=4)
    seen = of(Radial(bins=3, watched=(0, 99), monitor="monitor"), frames, monitor=monitor).features["damage"]
    assert abs(seen.value) < 4 * seen.uncertainty


@pytest.mark.parametrize("none", [np.finfo(float).max, -1.0, 0.0, np.nan, np.inf])
def test_a_monitor_that_says_nothing_leaves_its_frame_out(none):
    frames = rings(count=4)
    chosen = {"bins": 8, "monitor": "monitor", "watched": (0.0, 1e9)}
    found = of(Radial(**chosen), frames, cuts=(2,), monitor=[1.0, 1.0, none, 1.0])
    kept = of(Radial(**chosen), frames[[0, 1, 3]], monitor=np.ones(3))
    assert found.data["intensity"].values == pytest.approx(kept.data["intensity"].values, rel=1e-9)
    assert np.isfinite(found.data["intensity"].values).any()


def test_a_zero_with_a_sign_is_no_other_value():
    frames = rings(count=4)
    values = np.array([0.0, -0.0, -0.0, 0.0])
    for cuts in ((), (1,), (1, 3), (2,)):
        found = of(Radial(bins=2, apart="filters"), frames, cuts=cuts, filters=values)
        assert found.data.attrs["frames_of_another_value"] == 0, cuts


def test_frames_of_another_value_are_kept_apart():
    frames = np.full((6, 8, 8), 1, np.uint16) * np.array([9, 9, 3, 3, 9, 4], np.uint16)[:, None, None]
    values = [0.0, 0.0, 1.0, 1.0, 0.0, np.nan]
    for count, (curve, value, others) in {2: (9, 0, 0), 3: (3, 1, 2), 5: (9, 0, 2)}.items():
        found = of(Radial(bins=2, apart="filters"), frames[:count], cuts=(1,), filters=values[:count])
        assert found.data["intensity"].values[0] == pytest.approx(curve)
        assert found.features["filters"].value == value
        assert found.data.attrs["frames_of_another_value"] == others
    # A frame of which nobody knows belongs to none of the others.
    unknown = of(Radial(bins=2, apart="filters"), frames, filters=values)
    assert unknown.features["frames"].value == 1
    assert "filters" not in unknown.features


def test_where_the_light_does_not_fall_there_is_no_radius():
    flat = of(Radial(**SAXS), np.full((2, 128, 128), 5, np.uint16))
    assert "radius_of_gyration" not in flat.features
    assert np.isnan(flat.data["intensity_fit"].values).all()
    assert "radius_of_gyration" not in of(Radial(**SAXS), np.zeros((2, 128, 128), np.uint16)).features
