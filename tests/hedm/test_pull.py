"""The simulated nickel is found again: its spots, its onset and nothing before it."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from steering.analyses.hedm import Hedm
from steering.core.block import FrameBlock, Inline
from steering.description.description import read_description
from steering.hedm.indicator import FEWEST, baseline_of
from steering.sim.grains import GEOMETRY, GrainSample
from tests.hedm.recorded import cached_frames, dense

OMEGA = np.linspace(-10, 10, 41)


def pulled(loads, exposures=None, **settings):
    sample, random = GrainSample(), np.random.default_rng(0)
    analysis = Hedm(threshold=6, geometry=GEOMETRY.json(), slow="load", **settings)
    state = analysis.empty()
    for turn, load in enumerate(loads):
        exposure = 0.2 if exposures is None else exposures[turn]
        omega = OMEGA[:: 1 if turn % 2 == 0 else -1]
        frames = np.stack([sample.frame({"omega": at, "load": load}, exposure, random) for at in omega])
        columns = {"omega": omega, "load": np.full(41, load), "exposure": np.full(41, exposure)}
        columns |= {"seq_num": np.full(41, turn + 1.0), "burst_index": np.arange(41.0)}
        units = {"omega": "deg", "load": "MPa", "exposure": "s"}
        block = FrameBlock("r", "primary", 41 * turn, 41 * turn + 41, Inline(frames), columns, units)
        state = analysis.update(state, block, frames)
    return analysis.result(state)


def test_the_onset_is_seen_and_nothing_before_it():
    data = pulled([0.0, 100.0, 250.0, 320.0, 400.0]).data
    assert data["load"].values.tolist() == [0, 100, 250, 320, 400]
    excess, width = data["rare_excess"].values, data["median_eta_width"].values
    assert np.isnan(excess[0])
    assert (np.abs(excess[1:3]) < 4).all()
    assert (excess[3:] > 5).all()
    assert width[:3] == pytest.approx(width[0], rel=0.05)
    assert width[4] > 1.5 * width[0]
    assert GrainSample().spread_at(400.0).mean() == pytest.approx(0.25 + 0.004 * (400 - 250 * 7 / 6), rel=0.1)


def test_a_longer_exposure_alone_is_no_event():
    features = pulled([0.0, 50.0], [0.2, 0.25]).features
    assert abs(features["rare_excess"].value) < 4
    assert features["sweeps"].value == 2


def test_spots_lie_where_the_grains_diffract_to():
    sample = GrainSample()
    data = pulled([0.0]).data
    hits = sample._hits
    inside = np.flatnonzero(np.abs(hits.omega) < 9)
    bright = data["spot_intensity"].values > 500
    off = [
        np.hypot(hits.row[inside] - row, hits.column[inside] - column)[np.abs(hits.omega[inside] - omega) < 0.5].min(
            initial=99
        )
        for row, column, omega in zip(*(data[name].values[bright] for name in ("row", "column", "omega")), strict=True)
    ]
    assert bright.sum() > 50
    assert np.median(off) < 0.2


def test_false_alarms_on_recorded_frames_are_as_rare_as_it_is_said():
    analysis, omega = Hedm(threshold=10), cached_frames()[1]
    state = analysis.empty()
    for begin in range(0, 100, 20):
        frames, columns = dense(begin, begin + 20), {"omega": omega[begin : begin + 20]}
        block = FrameBlock("r", "primary", begin, begin + 20, Inline(frames), columns, {"omega": "deg"})
        state = analysis.update(state, block, frames)
    data = analysis.result(state).data
    width, rate = data["eta_width"].values, data["spot_intensity"].values
    random, found = np.random.default_rng(0), []
    for _ in range(1000):
        order = random.permutation(len(width))
        first, later = order[: len(width) // 2], order[len(width) // 2 :][:200]
        found.append(baseline_of(width[first], rate[first]).judged(width[later], rate[later])[1].value)
    assert np.std(found) == pytest.approx(1, abs=0.1)
    assert np.mean(np.array(found) > 3) < 0.01
    assert np.max(found) < 5
    second = np.flatnonzero(data["sweep_of_spot"].values == 1)
    usual = baseline_of(width[data["sweep_of_spot"].values == 0], rate[data["sweep_of_spot"].values == 0])
    drawn = [random.choice(second, 200) for _ in range(1000)]
    assert np.mean([usual.judged(width[one], rate[one])[1].value > 4 for one in drawn]) <= 0.002


def test_a_few_spots_are_no_baseline():
    assert baseline_of(np.ones(FEWEST - 1), np.ones(FEWEST - 1)) is None
    same = baseline_of(np.ones(FEWEST), np.ones(FEWEST))
    share, excess = same.judged(np.ones(30), np.ones(30))
    assert (share.value, excess.value) == (0, 0)
    assert same.judged(np.full(30, 2.0), np.ones(30))[1].value > 5


def test_the_beamline_s_file_says_where_the_simulated_detector_stands():
    described = read_description(Path(str(files("steering.beamline").joinpath("hedm.yaml"))))
    assert described.geometry() == {"det": GEOMETRY.json()}
