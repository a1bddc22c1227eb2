"""The background that is made of the measured frames themselves, and taken off while they come."""

from itertools import pairwise

import numpy as np
import pytest
import xarray as xr

from steering.analyses.hedm import Hedm
from steering.core.block import FrameBlock, Inline
from steering.core.errors import SteeringError
from steering.core.pixels import Bad
from steering.readers.darks import read_dark
from steering.spots.background import Background, write_background
from steering.testing import check_analysis
from steering.testing.blocks import make_block

SHAPE, SPOTS = (128, 128), 40


def ring(strength):
    """Counts of an amorphous ring on a sloping floor."""
    row, column = np.indices(SHAPE) - 64.0
    away = np.hypot(row, column)
    return strength * (25 * np.exp(-(((away - 40) / 6) ** 2)) + 2 + column / 64)


def measured(count, strength=1.0, seed=1):
    """Frames with spots at places of their own in each, and these places."""
    random = np.random.default_rng(seed)
    frames = random.poisson(ring(strength), (count, *SHAPE))
    places = random.integers(4, 124, (count, 2))
    shape = np.exp(-(np.add.outer(np.arange(-3, 4) ** 2, np.arange(-3, 4) ** 2)) / 3)
    for frame, (row, column) in zip(frames, places, strict=True):
        frame[row - 3 : row + 4, column - 3 : column + 4] += random.poisson(400 * shape)
    return frames.astype(np.uint16), places


def of(analysis, frames, start=0, cuts=(), **columns):
    state = analysis.empty()
    for begin, end in pairwise([0, *cuts, len(frames)]):
        columns_of = {name: np.asarray(values)[begin:end] for name, values in columns.items()}
        block = FrameBlock("r", "primary", start + begin, start + end, Inline(frames[begin:end]), columns_of, {})
        state = analysis.update(state, block, frames[begin:end])
    return analysis.result(state)


def test_it_is_what_each_pixel_counts_without_the_spots():
    frames, _ = measured(200)
    found = of(Background(below=100, each=1), frames)
    mean = found.data["background"].values
    assert found.data["background"].attrs["units"] == "counts"
    assert np.abs(mean - ring(1.0)).mean() < 0.5
    # The mean of all frames sees the spots.
    assert np.abs(mean - ring(1.0)).max() < 5 < np.abs(frames.mean(axis=0) - ring(1.0)).max()
    assert found.features["background"].value == pytest.approx(ring(1.0).mean(), rel=0.02)
    assert found.features["background"].units == "counts/px"
    assert found.features["unknown"].value == 0


def test_taken_off_it_leaves_the_spots_and_little_else(tmp_path):
    frames, places = measured(SPOTS)
    omega = np.arange(SPOTS) * 0.25
    background = of(Background(below=100, each=2), frames)
    path = write_background(tmp_path / "background.npy", background.data)
    assert np.abs(read_dark(str(path)) - ring(1.0)).mean() < 1
    bare = of(Hedm(threshold=20, axis="omega"), frames, omega=omega).data
    clear = of(Hedm(threshold=20, axis="omega", dark=str(path)), frames, omega=omega).data

    def bright(data):
        chosen = data["maximum"].values - ring(1.0)[
            data["row"].values.round().astype(int), data["column"].values.round().astype(int)
        ] > 100  # fmt: skip
        return np.stack([data["row"].values[chosen], data["column"].values[chosen]], axis=1)

    found = bright(clear)
    off = [np.hypot(*(found - place).T).min() for place in places]
    assert np.mean(np.array(off) < 1) > 0.9
    # The ring is bright everywhere: without its background it makes one blob of all that lies in it.
    assert len(clear["row"]) < 2 * SPOTS
    assert bare["pixels"].values.sum() > 10 * clear["pixels"].values.sum()


def test_it_follows_what_changes_and_the_file_is_read_anew(tmp_path):
    path = tmp_path / "background.npy"
    for strength in (1.0, 2.0):
        write_background(path, of(Background(below=150, each=1), measured(60, strength)[0]).data)
        assert read_dark(str(path)).mean() == pytest.approx(ring(strength).mean(), rel=0.05)


def test_which_frames_are_looked_at_depends_on_no_block():
    frames, _ = measured(47)
    whole = of(Background(each=10), frames, start=3)
    assert whole.features["looked_at"].value == 4
    for cuts in ((1,), (6, 7, 8), tuple(range(1, 47))):
        xr.testing.assert_identical(of(Background(each=10), frames, start=3, cuts=cuts).data, whole.data)


def test_it_keeps_the_contract():
    frames, _ = measured(12)
    check_analysis(Background(each=3), [make_block(frames[begin : begin + 4], begin) for begin in (0, 4, 8)])
    check_analysis(Background())


def test_pixels_that_are_no_counts_or_never_dark_have_no_background():
    frames = np.ones((6, 4, 5), np.uint16)
    frames[:, 0, 0], frames[2, 1, 1], frames[:, 2, 2] = 60_000, np.iinfo(np.uint16).max, 900
    mask = np.zeros((4, 5), bool)
    mask[3, 4] = True
    block = FrameBlock("r", "primary", 0, 6, Inline(frames), {}, {}, bad=Bad(mask))
    analysis = Background(each=1)
    found = analysis.result(analysis.update(analysis.empty(), block, frames))
    mean = found.data["background"].values
    assert np.argwhere(np.isnan(mean)).tolist() == [[0, 0], [2, 2], [3, 4]]
    assert np.nanmax(mean) == 1
    assert found.features["unknown"].value == pytest.approx(15)
    floats = np.full((2, 3, 3), 2.5, np.float32)
    floats[0, 0, 0] = np.nan
    assert of(analysis, floats).data["background"].values.tolist() == [[2.5] * 3] * 3


def test_what_cannot_be_is_said(tmp_path):
    with pytest.raises(ValueError, match="below"):
        Background(below=0)
    with pytest.raises(ValueError, match="each"):
        Background(each=0)
    with pytest.raises(ValueError, match=r"frames have shape \(2, 3\)"):
        Background().update(Background().empty(), make_block(np.ones((2, 3, 3), np.uint8), 0), np.ones((2, 3)))
    analysis = Background(each=1)
    small, large = (np.ones((1, size, size), np.uint8) for size in (3, 4))
    states = [analysis.update(analysis.empty(), make_block(one, 0), one) for one in (small, large)]
    with pytest.raises(ValueError, match=r"frames of shape \(4, 4\) follow such of shape \(3, 3\)"):
        analysis.merge(*states)
    nothing = Background().result(Background().empty())
    with pytest.raises(SteeringError, match="has no background yet"):
        write_background(tmp_path / "a.npy", nothing.data)
    data = of(Background(each=1), np.ones((1, 3, 3), np.uint8)).data
    with pytest.raises(SteeringError, match=r"does not end with \.npy"):
        write_background(tmp_path / "a.tif", data)
    with pytest.raises(SteeringError, match="cannot be written: No such file or directory"):
        write_background(tmp_path / "nowhere" / "a.npy", data)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_is_said_and_what_was_there_stays(tmp_path, monkeypatch):
    path = tmp_path / "background.npy"
    data = of(Background(each=1), np.ones((1, 3, 3), np.uint8)).data
    write_background(path, data)
    before = path.read_bytes()

    def full(*_, **__):
        # So numpy says it, without a number of the system.
        raise OSError("9 requested and 2 written")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(SteeringError, match=r"cannot be written: 9 requested and 2 written\. Free space"):
        write_background(path, data)
    assert [one.read_bytes() for one in tmp_path.iterdir()] == [before]
