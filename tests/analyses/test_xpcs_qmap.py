"""Bins of XPCS from a file of maps, and the maps of a result in its file."""

import os
import pickle
from dataclasses import replace

import h5py
import numpy as np
import pytest

from steering.analyses.xpcs import Xpcs
from steering.xpcs.bins import Grid, make_bins
from steering.xpcs.nexus import write_xpcs
from steering.xpcs.qmap import read_qmap
from tests.analyses.test_xpcs import block_of, of, same

SHAPE = (16, 24)
# Where it stands, and what static and dynamic map and values are called there.
LAYOUTS = [
    ("qmap", "static_roi_map", "dynamic_roi_map", "dynamic_v_list_dim0"),
    ("xpcs/qmap", "static_roi_map", "dynamic_roi_map", "dynamic_v_list_dim0"),
    ("data", "staticMap", "dynamicMap", "dqval"),
]


def maps():
    """Six static bins of rows in three dynamic ones; a corner in none."""
    static = np.repeat(np.arange(16) * 6 // 16 + 1, 24).reshape(SHAPE)
    static[:2, :3] = 0
    return static, np.where(static > 0, (static + 1) // 2, 0)


def write(path, layout, static, dynamic, values, **more):
    group, *names = layout
    with h5py.File(path, "w") as file:
        for name, one in (*zip(names, (static, dynamic, values), strict=True), *more.items()):
            file[f"{group}/{name}"] = one


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("turned", [False, True])
def test_bins_are_those_of_the_file(tmp_path, layout, turned):
    static, dynamic = maps()
    mask = np.ones(SHAPE, int)
    mask[5, 5] = 0
    given = [one.T if turned else one for one in (static, dynamic, mask)]
    write(tmp_path / "q.h5", layout, given[0], given[1], [0.01, 0.02, 0.03], mask=given[2])
    bins = make_bins(Grid(file=str(tmp_path / "q.h5")), SHAPE)
    assert bins.q.tolist() == [0.01, 0.02, 0.03]
    wanted = np.where(mask > 0, static, 0)
    found, inside = bins.maps()
    assert found.tolist() == wanted.tolist()
    assert inside.tolist() == np.where(mask > 0, dynamic, 0).tolist()
    assert Xpcs(qmap=str(tmp_path / "q.h5")).parameters["qmap"] == str(tmp_path / "q.h5")


def test_a_region_and_masked_parts_hold_too_and_a_static_bin_in_two_dynamic_ones_is_two(tmp_path):
    static, dynamic = maps()
    dynamic[:, 12:] = np.where(static[:, 12:] > 0, 4, 0)
    write(tmp_path / "q.h5", LAYOUTS[0], static, dynamic, [1.0, 2.0, 3.0, 4.0])
    grid = Grid.of({"qmap": str(tmp_path / "q.h5"), "masked": [{"rows": [0, 2], "columns": [0, 24]}]})
    bins = make_bins(grid, SHAPE)
    assert sorted(bins.dynamic.tolist()) == [0, 0, 1, 1, 2, 2, 3, 3, 3, 3, 3, 3]
    assert int(bins.filled.sum()) == 14 * 24
    with pytest.raises(ValueError, match="no pixel of the maps"):
        make_bins(Grid(file=grid.file, region=(0, 1, 0, 2)), SHAPE)


def test_bins_by_angle_and_bins_without_pixels_keep_their_q(tmp_path):
    static, dynamic = maps()
    # Two q and two angles: four bins, of which the second has no pixel and is left out of the numbers.
    more = {"dynamic_v_list_dim1": [0.0, 90.0], "dynamic_index_mapping": [0, 2, 3]}
    write(tmp_path / "q.h5", LAYOUTS[0], static, dynamic, [0.01, 0.02], **more)
    assert read_qmap(tmp_path / "q.h5", SHAPE)[2].tolist() == [0.01, 0.02, 0.02]
    write(tmp_path / "q.h5", LAYOUTS[0], static, dynamic, [0.01])
    assert np.isnan(read_qmap(tmp_path / "q.h5", SHAPE)[2]).tolist() == [False, True, True]


def test_what_is_no_map_is_said(tmp_path):
    static, dynamic = maps()
    write(tmp_path / "q.h5", LAYOUTS[0], static, dynamic[:4], [1.0])
    (tmp_path / "text.h5").write_text("no HDF5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["data/counts"] = 1
    for name, sentence in (
        ("q.h5", r"dynamic_roi_map of .* is of \(4, 24\) px, but the frames are of 16 x 24 px"),
        ("text.h5", "cannot be read"),
        ("other.h5", "no maps of bins. It needs one of /xpcs/qmap"),
        ("gone.h5", "not seen"),
    ):
        with pytest.raises(ValueError, match=sentence):
            make_bins(Grid(file=str(tmp_path / name)), SHAPE)


def test_the_maps_of_a_result_are_in_its_file_and_give_the_same_curves(tmp_path):
    frames = np.random.default_rng(4).poisson(2, (60, *SHAPE)).astype(np.uint16)
    analysis = Xpcs(bins=3, static_pixels=30, masked=[{"rows": [4, 6], "columns": [0, 9]}])
    told = of(analysis, frames)
    with h5py.File(tmp_path / "result.h5", "w") as file:
        file.create_group("entry")
        write_xpcs(file, told.data, analysis.parameters)
        assert file["xpcs/qmap/mask"][()].sum() == (file["xpcs/qmap/static_roi_map"][()] > 0).sum()
        assert not file["xpcs/qmap/mask"][4:6, :9].any()
    again = of(Xpcs(qmap=str(tmp_path / "result.h5")), frames)
    assert again.data["g2"].values.tolist() == told.data["g2"].values.tolist()
    assert again.data["q"].values.tolist() == told.data["q"].values.tolist()
    # Maps that cannot be made any more are said in the file, which has the rest.
    with h5py.File(tmp_path / "rest.h5", "w") as file:
        file.create_group("entry")
        write_xpcs(file, told.data, {"qmap": str(tmp_path / "gone.h5")})
        assert "not seen here" in file["xpcs/qmap"].attrs["missing"]


def test_it_is_the_same_in_blocks(tmp_path):
    static, dynamic = maps()
    write(tmp_path / "q.h5", LAYOUTS[1], static, dynamic, [0.01, 0.02, 0.03])
    frames = np.random.default_rng(5).poisson(1.0, (80, *SHAPE)).astype(np.uint16)
    analysis = Xpcs(qmap=str(tmp_path / "q.h5"))
    same(of(analysis, frames, (13, 50), (2, 0, 1)), of(analysis, frames))
    assert analysis.update(analysis.empty(), block_of(frames), frames)[1].recipe[0].units == "1/angstrom"


def test_maps_that_are_written_anew_hold_from_the_next_run_on(tmp_path):
    path, (static, dynamic) = tmp_path / "q.h5", maps()
    write(path, LAYOUTS[0], static, dynamic, [0.01, 0.02, 0.03])
    analysis, frames = Xpcs(qmap=str(path)), np.ones((12, *SHAPE), np.uint16)
    begun = analysis.update(analysis.empty(), block_of(frames), frames)
    assert begun[1].q.tolist() == [0.01, 0.02, 0.03]
    before = path.stat().st_mtime_ns
    write(path, LAYOUTS[0], static[::-1], dynamic[::-1], [0.04, 0.05, 0.06])
    os.utime(path, ns=(before + 10**9, before + 10**9))
    # This run goes on with its own.
    on = analysis.update(pickle.loads(pickle.dumps(begun)), block_of(frames, 12), frames)
    assert on[1] is begun[1]
    another = replace(block_of(frames), run="another")
    again = analysis.update(analysis.empty(), another, frames)
    assert again[1].q.tolist() == [0.04, 0.05, 0.06]
    assert make_bins(Grid(file=str(path)), SHAPE).q.tolist() == [0.04, 0.05, 0.06]
    with pytest.raises(ValueError, match="are others than those that the run began with"):
        analysis.update(begun, another, frames)
