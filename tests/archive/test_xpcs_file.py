"""A result of XPCS goes to a file that programs for XPCS read, and comes back as it was."""

import os
from dataclasses import replace

import h5py
import numpy as np
import pytest
import xarray as xr

from steering.analyses.xpcs import Xpcs
from steering.archive.export import write_run
from steering.archive.run_entry import RunEntry
from steering.core.block import FrameBlock, Inline
from steering.core.errors import SteeringError
from steering.core.result import Provenance, Result
from steering.geometry.geometry import Geometry
from steering.sim.speckle import GEOMETRY
from steering.xpcs.nexus import read_xpcs


def result(frames=60, **settings):
    counts = np.random.default_rng(3).poisson(3, (frames, 32, 32)).astype(np.uint16)
    analysis = Xpcs(bins=3, segment=20, **settings)
    columns = {"exposure": np.full(frames, 3e-4)}
    block = FrameBlock("r", "primary", 0, frames, Inline(counts), columns, {"exposure": "s"})
    outcome = analysis.result(analysis.update(analysis.empty(), block, counts))
    return Result(1, outcome, Provenance("r", "xpcs", {}, "1a2b3c4d", "0.1.0", "local", frames, frames - 1))


@pytest.mark.parametrize(("frames", "settings"), [(60, {}), (60, {"geometry": GEOMETRY.json()}), (1, {}), (2, {})])
def test_what_is_written_is_read_back_as_it_was(tmp_path, frames, settings):
    made = result(frames, **settings)
    path = write_run(tmp_path, "nexus", RunEntry("r"), made, None)
    xr.testing.assert_identical(read_xpcs(path), made.outcome.data)
    for name in made.outcome.data.variables:
        assert read_xpcs(path)[name].values.tobytes() == made.outcome.data[name].values.tobytes(), name


def test_what_a_stranger_has_added_does_no_harm(tmp_path):
    made = result()
    data = made.outcome.data.assign(
        {"a/b": ("q_bin", np.arange(3)), "words": ("q_bin", ["a", "b", "c"]), "intensity": ("point", np.ones(5))}
    ).assign_attrs(odd={"a": None})
    made = replace(made, outcome=replace(made.outcome, data=data))
    found = read_xpcs(write_run(tmp_path, "nexus", RunEntry("r"), made, None))
    assert found["a-b"].values.tolist() == [0, 1, 2]
    assert found["intensity"].dims == ("point",)
    assert "words" not in found
    xr.testing.assert_identical(found["g2"], data["g2"])


def test_it_stands_where_programs_for_xpcs_look_for_it(tmp_path):
    made = result()
    data = made.outcome.data
    with h5py.File(write_run(tmp_path, "nexus", RunEntry("r"), made, None)) as file:
        assert file["entry/definition"].asstr()[()] == "NXxpcs"
        assert file["entry"].attrs["NX_class"] == "NXentry"
        delays, count = data.sizes["delay"], data.sizes["q_bin"]
        assert file["xpcs/multitau/normalized_g2"].shape == (delays, count)
        assert file["xpcs/multitau/normalized_g2_err"].shape == (delays, count)
        assert file["xpcs/multitau/delay_list"][:3].tolist() == [1, 2, 3]
        assert file["entry/instrument/detector_1/frame_time"][()] == pytest.approx(3e-4)
        assert file["xpcs/qmap/dynamic_v_list_dim0"].shape == (count,)
        assert file["xpcs/temporal_mean/scattering_1d"].shape == (1, count)
        assert file["xpcs/spatial_mean/intensity_vs_time"].shape == (2, 3)
        assert file["xpcs/spatial_mean/intensity_vs_time"][0].tolist() == pytest.approx([10, 30, 50])


def test_maps_that_were_written_anew_since_are_not_taken_for_those_of_the_run(tmp_path):
    maps = tmp_path / "q.h5"

    def write(static):
        with h5py.File(maps, "w") as file:
            for name, one in (
                ("static_roi_map", static),
                ("dynamic_roi_map", static),
                ("dynamic_v_list_dim0", [0.1, 0.2]),
            ):
                file[f"qmap/{name}"] = one

    static = np.repeat([1, 2], 16)[:, None] * np.ones((1, 32), int)
    write(static)
    made = result(qmap=str(maps))
    made = replace(
        made, provenance=replace(made.provenance, parameters=Xpcs(bins=3, segment=20, qmap=str(maps)).parameters)
    )
    with h5py.File(write_run(tmp_path / "one", "nexus", RunEntry("r"), made, None)) as file:
        assert (file["xpcs/qmap/static_roi_map"][()] == static).all()
    before = maps.stat().st_mtime_ns
    write(static[::-1])
    os.utime(maps, ns=(before + 10**9, before + 10**9))
    with h5py.File(write_run(tmp_path / "two", "nexus", RunEntry("r"), made, None)) as file:
        assert "static_roi_map" not in file["xpcs/qmap"]
        assert "written anew since" in file["xpcs/qmap"].attrs["missing"]


# What NXxpcs asks for (NeXus definitions of 2026.01), beside what may be left out.
ASKED = {
    "": "NXentry", "data": "NXdata", "instrument": "NXinstrument", "instrument/incident_beam": "NXbeam",
    "instrument/detector_1": "NXdetector", "instrument/masks": "NXnote",
}  # fmt: skip
FIELDS = (
    "definition", "entry_identifier", "scan_number", "start_time", "data/g2", "data/g2_derr", "data/delay_difference",
    "instrument/incident_beam/incident_energy", "instrument/detector_1/count_time", "instrument/detector_1/frame_time",
    "instrument/detector_1/beam_center_x", "instrument/detector_1/beam_center_y", "instrument/masks/dynamic_roi_map",
    "instrument/masks/dynamic_q_list", "instrument/masks/static_roi_map",
)  # fmt: skip


def test_its_entry_has_all_that_nxxpcs_asks_for(tmp_path):
    stands = GEOMETRY.json() | {"rot1": 0.01, "rot2": -0.02}
    counts = np.random.default_rng(1).poisson(3, (60, 24, 32)).astype(np.uint16)
    analysis = Xpcs(geometry=stands, bins=3, static_pixels=20)
    block = FrameBlock("r", "primary", 0, 60, Inline(counts), {"exposure": np.full(60, 3e-4)}, {"exposure": "s"})
    outcome = analysis.result(analysis.update(analysis.empty(), block, counts))
    source = Provenance("r", "xpcs", analysis.parameters, "1a2b3c4d", "0.1.0", "local", 60, 59)
    entry = RunEntry("r", scan="xpcs", number=7, started=1.7e9)
    with h5py.File(write_run(tmp_path, "nexus", entry, Result(1, outcome, source), None)) as file:
        top = file["entry"]
        assert [
            place for place, kind in ASKED.items() if (top[place] if place else top).attrs["NX_class"] != kind
        ] == []
        assert [name for name in FIELDS if name not in top] == []
        assert top["scan_number"][()] == 7
        stored = {top[f"data/{name}"].attrs["storage_mode"] for name in ("g2", "g2_derr", "delay_difference")}
        assert stored == {"one_array"}
        assert top["data/delay_difference"].dtype.kind == "i"
        beam, detector = top["instrument/incident_beam"], top["instrument/detector_1"]
        assert beam["incident_energy"][()] == pytest.approx(12.398 / 1.127, rel=1e-4)
        assert (detector["count_time"][()], detector["frame_time"][()]) == (pytest.approx(3e-4), pytest.approx(3e-4))
        # Light that goes straight on has no q.
        row, column = detector["beam_center_y"][()], detector["beam_center_x"][()]
        assert Geometry.of(stands).q(row, column) == pytest.approx(0, abs=1e-9)
        assert detector["beam_center_x"].attrs["units"] == "pixel"
        assert (top["instrument/masks/dynamic_roi_map"][()] == file["xpcs/qmap/dynamic_roi_map"][()]).all()
        assert "missing" not in top["instrument"].attrs


def test_what_is_not_known_is_named_and_not_made_up(tmp_path):
    made = result(period=1e-3)
    made = replace(made, provenance=replace(made.provenance, parameters={"period": 1e-3}))
    with h5py.File(write_run(tmp_path, "nexus", RunEntry("r"), made, None)) as file:
        instrument = file["entry/instrument"]
        assert instrument["detector_1/frame_time"][()] == pytest.approx(1e-3)
        assert "count_time" not in instrument["detector_1"]
        assert instrument.attrs["missing"] == "not known: incident_energy, count_time, beam_center_x, beam_center_y"


def as_8_id_writes_it(path, **changes):
    """A file with the names that 8-ID has, and nothing of ours."""
    content = {
        "entry/definition": "NXxpcs",
        "entry/instrument/detector_1/frame_time": 2e-5,
        "xpcs/multitau/delay_list": np.array([[1, 2, 3, 4]], np.uint32),
        "xpcs/multitau/normalized_g2": np.arange(8.0, dtype=np.float32).reshape(4, 2),
        "xpcs/multitau/normalized_g2_err": np.ones((4, 2), np.float32),
        "xpcs/qmap/dynamic_v_list_dim0": np.array([[0.01, 0.02]]),
        "xpcs/qmap/static_roi_map": np.zeros((4, 4), np.uint16),
        "xpcs/temporal_mean/scattering_1d": np.ones((1, 9)),
        "xpcs/spatial_mean/intensity_vs_time": np.array([[0.0, 100.0], [5.0, 6.0]]),
    } | changes
    with h5py.File(path, "w") as file:
        for name, value in content.items():
            if value is not None:
                file[name] = value
    return path


def test_a_file_of_8_id_is_read(tmp_path):
    data = read_xpcs(as_8_id_writes_it(tmp_path / "a.hdf"))
    assert data["g2"].dims == ("q_bin", "delay")
    assert data["g2"].values.tolist() == [[0, 2, 4, 6], [1, 3, 5, 7]]
    assert data["delay"].values.tolist() == pytest.approx([2e-5, 4e-5, 6e-5, 8e-5])
    assert (data["q"].attrs["units"], data["delay"].attrs["units"]) == ("1/angstrom", "s")
    assert data["intensity_in_time"].values.tolist() == [5, 6]
    assert data["segment_time"].values.tolist() == pytest.approx([0, 2e-3])
    # I(q) of nine static bins is none of the two curves'.
    assert "intensity" not in data
    frames = read_xpcs(as_8_id_writes_it(tmp_path / "b.hdf", **{"entry/instrument/detector_1/frame_time": None}))
    assert frames["delay"].attrs["units"] == "frames"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"xpcs/multitau/normalized_g2": None}, "lacks /xpcs/multitau/normalized_g2"),
        ({"xpcs/multitau/delay_list": np.arange(3)}, "which fit"),
        ({"xpcs/qmap/dynamic_v_list_dim0": "text"}, "which fit"),
        ({"xpcs/multitau/normalized_g2": 3.0}, "which fit"),
        ({"entry/instrument/detector_1/frame_time": "soon"}, "which fit"),
        ({"xpcs/multitau/delay_list": None, "xpcs/multitau/delay_list/a": 1}, "which fit"),
    ],
)
def test_a_file_that_does_not_fit_is_said(tmp_path, changes, sentence):
    with pytest.raises(SteeringError, match=sentence):
        read_xpcs(as_8_id_writes_it(tmp_path / "a.hdf", **changes))


def test_what_is_no_hdf5_file_is_said(tmp_path):
    (tmp_path / "a.hdf").write_text("nothing")
    for name in ("a.hdf", "none.hdf"):
        with pytest.raises(SteeringError, match="cannot be read as HDF5"):
            read_xpcs(tmp_path / name)
