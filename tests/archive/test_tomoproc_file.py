"""A volume that an analysis from outside reconstructs goes to a file as the NeXus definition NXtomoproc has it."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from steering.archive.export import write_run
from steering.archive.run_entry import RunEntry
from steering.core import registry
from steering.core.block import FrameBlock, Inline
from steering.core.result import Feature, Outcome, Provenance, Result
from steering.sim.data import fetch
from steering.sources.frames import read_frames
from steering.testing import check_analysis

# As the definition (NeXus v2026.01) lists them; all are required.
REQUIRED = {
    "NXentry": "",
    "NXinstrument": "instrument", "NXsource": "instrument/source", "NXsample": "sample",
    "NXprocess": "reconstruction", "NXparameters": "reconstruction/parameters", "NXdata": "data",
}  # fmt: skip
FIELDS = (
    "title", "definition", "instrument/source/type", "instrument/source/name", "instrument/source/probe", "sample/name",
    "reconstruction/program", "reconstruction/version", "reconstruction/date", "reconstruction/parameters/raw_file",
    "data/data", "data/x", "data/y", "data/z",
)  # fmt: skip
CENTRE, PIXEL = 296.0, 2.6


class BackProjection:
    """Filtered back-projection: a sum over the projections, so it grows in any order."""

    name, exactness, parameters = "back_projection", "rounding", {}

    def empty(self):
        return None

    def update(self, state, block, frames):
        more = sum(map(back_projected, frames, np.radians(block.columns["theta"])))
        return more if state is None else state + more

    def merge(self, left, right):
        if left is None or right is None:
            return right if left is None else left
        return left + right

    def result(self, state):
        if state is None:
            return Outcome({}, xr.Dataset())
        along = {"x": state.shape[2], "y": state.shape[1], "z": state.shape[0]}
        places = {axis: (axis, PIXEL * 4 * np.arange(size), {"units": "um"}) for axis, size in along.items()}
        data = xr.Dataset(
            {"density": (("z", "y", "x"), state, {"units": "1/px"})}, places, {"definition": "NXtomoproc"}
        )
        return Outcome({"brightest": Feature(float(state.max()), float("nan"), "1/px")}, data)


def back_projected(frame, angle):
    """One projection, shape (rows, columns): of each four columns the mean, filtered by a ramp, and smeared out."""
    rows = frame.reshape(len(frame), -1, 4).mean(axis=2)
    rows = np.fft.irfft(np.fft.rfft(rows) * np.fft.rfftfreq(rows.shape[1]), rows.shape[1])
    across = np.arange(rows.shape[1]) - CENTRE / 4
    place = across[None, :] * np.cos(angle) + across[:, None] * np.sin(angle) + CENTRE / 4
    return np.stack([np.interp(place, np.arange(rows.shape[1]), row, 0, 0) for row in rows])


@pytest.fixture(scope="module")
def blocks():
    """The tooth: how much light each projection has lost."""
    with h5py.File(fetch("tomography/tooth.h5")) as file:
        taken, dark, white, theta = (
            file[f"exchange/{name}"][()].astype(float) for name in ("data", "data_dark", "data_white", "theta")
        )
    dark, white = dark.mean(axis=0), white.mean(axis=0)
    lost = -np.log(np.clip((taken - dark) / (white - dark), 1e-3, None))
    return [
        FrameBlock("r", "primary", begin, end, Inline(lost[begin:end]), {"theta": theta[begin:end]}, {"theta": "deg"})
        for begin, end in ((0, 60), (60, 61), (61, 181))
    ]


@pytest.fixture(scope="module")
def made(blocks):
    analysis, state = BackProjection(), None
    for block in blocks:
        state = analysis.update(state, block, read_frames(block)[0])
    return Result(1, analysis.result(state), Provenance("r", analysis.name, {}, "1a2b3c4d", "0.1.0", "local", 181, 180))


def test_it_keeps_the_contract(blocks):
    check_analysis(BackProjection(), [blocks[0].part(0, 3), blocks[0].part(3, 4), blocks[0].part(4, 6)])


def test_the_recorded_tooth_is_laid_out_as_nxtomoproc_says(tmp_path, made):
    with h5py.File(write_run(tmp_path, "nexus", RunEntry("r", scan="turn", sample="Tooth"), made, None)) as file:
        entry = file["tomoproc"]
        for kind, place in REQUIRED.items():
            assert (entry[place] if place else entry).attrs["NX_class"] == kind
        assert [name for name in FIELDS if name not in entry] == []
        texts = {name: entry[name].asstr()[()] for name in FIELDS if not name.startswith("data/")}
        assert (texts["definition"], texts["instrument/source/probe"]) == ("NXtomoproc", "x-ray")
        assert (texts["sample/name"], texts["reconstruction/program"]) == ("Tooth", "back_projection")
        assert texts["reconstruction/parameters/raw_file"] == "run r"
        data = entry["data"]
        assert (data.attrs["signal"], data.attrs["axes"].tolist()) == ("data", ["x", "y", "z"])
        assert data["data"].shape == (160, 160, 2)
        assert np.array_equal(data["data"][()], made.outcome.data["density"].values.transpose(2, 1, 0))
        assert {data[name].attrs["units"] for name in ("x", "y", "z")} == {"um"}
        assert data["data"].attrs["units"] == "1/px"
        # A tooth stands in the middle, and air around it.
        slice_ = data["data"][:, :, 0]
        assert slice_[60:90, 60:90].mean() > 10 * abs(slice_[:12, :12].mean())
        assert file.attrs["default"] == "entry"


def test_the_page_of_files_names_each_analysis():
    page = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "files.md").read_text()
    assert [name for name in registry.names("analyses") if f"`{name}`" not in page] == []


def test_what_is_no_volume_is_said_and_the_rest_is_written(tmp_path, made):
    flat = made.outcome.data.drop_vars("z")
    broken = Result(1, Outcome({}, flat), made.provenance)
    with h5py.File(write_run(tmp_path, "nexus", RunEntry("r"), broken, None)) as file:
        assert "z of these has no positions" in file["tomoproc"].attrs["missing"]
        assert "definition" not in file["tomoproc"]
        assert file["entry/data/density"].shape == (2, 160, 160)
    plain = Result(1, Outcome({}, made.outcome.data.assign_attrs(definition="other")), made.provenance)
    with h5py.File(write_run(tmp_path, "nexus", RunEntry("r"), plain, None)) as file:
        assert "tomoproc" not in file
