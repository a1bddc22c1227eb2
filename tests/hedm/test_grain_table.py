"""The table of a grain is as hexrd's own of the same frames, and is read as hexrd reads it."""

import numpy as np
import pytest
import xarray as xr

from steering.analyses.hedm import Hedm
from steering.core.block import FrameBlock, Inline
from steering.core.errors import SteeringError
from steering.hedm.grain_table import write_hexrd_grain
from steering.hedm.grains import read_grains
from steering.hedm.instrument import read_instrument
from steering.sim.data import fetch
from steering.spots.crystal import Crystal
from tests.hedm.recorded import FRAMES, PIXEL, cached_frames, dense, hexrd_spots

ZIRCONIUM = Crystal((3.228831, 3.228831, 5.15), (90, 90, 120), ((1 / 3, 2 / 3, 0.25), (2 / 3, 1 / 3, 0.75)))


@pytest.fixture(scope="module")
def instrument():
    return read_instrument(fetch("hedm_1id/GE2_APS_1-ID-C_20110713.hexrd"))


@pytest.fixture(scope="module")
def grain():
    return read_grains(fetch("hedm_1id/reference/grains.out"), ZIRCONIUM)[0]


@pytest.fixture(scope="module")
def data():
    analysis = Hedm(threshold=10, instrument=str(fetch("hedm_1id/GE2_APS_1-ID-C_20110713.hexrd")))
    state, omega = analysis.empty(), cached_frames()[1]
    for begin in range(0, FRAMES, 10):
        frames, columns = dense(begin, begin + 10), {"omega": omega[begin : begin + 10]}
        block = FrameBlock("r", "primary", begin, begin + 10, Inline(frames), columns, {"omega": "deg"})
        state = analysis.update(state, block, frames)
    return analysis.result(state).data


def turned(angle):
    return (angle + np.pi) % (2 * np.pi) - np.pi


def read_as_hexrd(path, saturation=14000, from_axis=0.17):
    """As its calibration of several grains does: indices, x and y in mm and omega of the spots that it takes."""
    table = np.loadtxt(path, ndmin=2)
    use = (table[:, 0] >= 0) & (table[:, 6] < saturation)
    use &= (np.abs(turned(table[:, 8] - np.pi / 2)) > from_axis) | (np.abs(turned(table[:, 8] + np.pi / 2)) > from_axis)
    return table[use, 2:5], np.hstack([table[use, -2:], table[use, 12:13]])


def test_it_is_as_hexrd_s_own_of_the_recorded_frames(tmp_path, data, grain, instrument):
    path = tmp_path / "spots_00000.out"
    count = write_hexrd_grain(path, data, grain, ZIRCONIUM, instrument, shortest=0.5, within=(8.0, 2.0))
    theirs = fetch("hedm_1id/reference/spots_00000.out")
    assert path.read_text().splitlines()[0].split() == theirs.read_text().splitlines()[0].split()
    table = np.loadtxt(path)
    assert (table[:, 0] >= 0).sum() == count
    assert set(table[np.isnan(table[:, 15]), 0]) == {-999}
    bright = hexrd_spots()[hexrd_spots()[:, 6] > 100]
    ours = []
    for spot in bright:
        same = (table[:, 2:5] == spot[2:5]).all(axis=1) & (np.abs(turned(table[:, 9] - spot[9])) < 0.02)
        assert same.sum() == 1
        ours.append(table[same][0])
    ours = np.array(ours)
    assert (ours[:, 6] == bright[:, 6]).all()
    away = np.hypot(*(ours[:, 15:] - bright[:, 15:]).T) / PIXEL
    assert np.median(away) < 0.06
    assert away.max() < 1
    # The state of the grain differs by one refinement; frames are one degree.
    assert np.degrees(np.abs(ours[:, 10:12] - bright[:, 10:12])).max(axis=0) == pytest.approx([0.0, 0.0], abs=0.12)
    assert np.degrees(np.abs(turned(ours[:, 12] - bright[:, 12]))).max() < 0.6
    assert np.degrees(np.abs(turned(ours[:, 7:10] - bright[:, 7:10]))).max(axis=0) == pytest.approx([0, 0, 0], abs=0.4)


def test_hexrd_reads_indices_and_places(tmp_path, data, grain, instrument):
    path = tmp_path / "spots_00000.out"
    count = write_hexrd_grain(path, data, grain, ZIRCONIUM, instrument, within=(8.0, 2.0))
    indices, places = read_as_hexrd(path)
    assert 0 < len(indices) <= count
    assert np.isfinite(places).all()
    other, _ = read_as_hexrd(fetch("hedm_1id/reference/spots_00000.out"))
    assert {tuple(one) for one in indices} <= {tuple(one) for one in other}


def test_a_grain_that_is_not_seen_has_no_spots(tmp_path, data, grain, instrument):
    few = data.isel(spot=slice(0, 0))
    assert write_hexrd_grain(tmp_path / "a.out", few, grain, ZIRCONIUM, instrument) == 0
    assert (np.loadtxt(tmp_path / "a.out")[:, 0] == -999).all()
    blind = data.assign(frame_omega=data["frame_omega"] * np.nan)
    assert write_hexrd_grain(tmp_path / "b.out", blind, grain, ZIRCONIUM, instrument) == 0
    assert (tmp_path / "b.out").read_text().count("\n") == 1


def test_a_pull_s_sweeps_are_not_mixed(tmp_path, data, grain, instrument):
    twice = data.assign(frame_omega=data["frame_omega"].copy(data=np.tile(data["frame_omega"].values[:50], 2)))
    with pytest.raises(SteeringError, match="Several sweeps of the result show the same angles"):
        write_hexrd_grain(tmp_path / "a.out", twice, grain, ZIRCONIUM, instrument)
    with pytest.raises(SteeringError, match="The result has no"):
        write_hexrd_grain(tmp_path / "a.out", xr.Dataset(), grain, ZIRCONIUM, instrument)
    assert not list(tmp_path.iterdir())


def test_an_angle_a_rounding_error_below_a_turn_is_one_of_the_next(tmp_path, data, grain, instrument):
    plain = write_hexrd_grain(tmp_path / "a.out", data, grain, ZIRCONIUM, instrument, within=(8.0, 2.0))
    omega, spots = data["frame_omega"].values.copy(), data["omega"].values.copy()
    # As np.arange gives them.
    omega[0], spots[0] = -2e-16, -2e-16
    below = data.assign(frame_omega=data["frame_omega"].copy(data=omega), omega=data["omega"].copy(data=spots))
    found = write_hexrd_grain(tmp_path / "b.out", below, grain, ZIRCONIUM, instrument, within=(8.0, 2.0))
    assert abs(found - plain) <= 3
