"""A result of HEDM goes to a file and comes back as it was; its spots go to tables that other programs read."""

import h5py
import numpy as np
import pytest
import xarray as xr

from steering.analyses.hedm import Hedm
from steering.archive.export import write_run
from steering.archive.run_entry import RunEntry
from steering.core.block import FrameBlock, Inline
from steering.core.errors import SteeringError
from steering.core.result import Provenance, Result
from steering.geometry.geometry import Geometry
from steering.hedm.nexus import read_hedm
from steering.hedm.spot_files import write_hexrd, write_midas
from steering.sim.grains import GEOMETRY, GrainSample

SHAPE = GrainSample.shape
CENTRE = (SHAPE[0] - 1) / 2, (SHAPE[1] - 1) / 2


@pytest.fixture(scope="module")
def data():
    return outcome(geometry=GEOMETRY.json(), slow="load").data


def outcome(empty=False, **settings):
    sample, random, omega = GrainSample(), np.random.default_rng(0), np.linspace(-5, 5, 21)
    frames = np.stack([sample.frame({"omega": at, "load": 0.0}, 0.2, random) for at in omega]) * (not empty)
    columns = {"omega": omega, "load": np.zeros(21), "exposure": np.full(21, 0.2)}
    block = FrameBlock("r", "primary", 0, 21, Inline(frames), columns, {"omega": "deg", "load": "MPa"})
    analysis = Hedm(threshold=6, **settings)
    return analysis.result(analysis.update(analysis.empty(), block, frames))


@pytest.mark.parametrize(
    "settings", [{}, {"geometry": GEOMETRY.json(), "slow": "load", "fit_above": 50}, {"empty": True}]
)
def test_what_is_written_is_read_back_as_it_was(tmp_path, settings):
    made = outcome(**settings)
    result = Result(1, made, Provenance("r", "hedm", {}, "1a2b3c4d", "0.1.0", "local", 21, 20))
    path = write_run(tmp_path, "nexus", RunEntry("r"), result, None)
    xr.testing.assert_identical(read_hedm(path), made.data)
    with h5py.File(path) as file:
        assert file["hedm/spots/omega"].attrs["units"] == "deg"
        assert file["hedm"].attrs["NX_class"] == "NXprocess"


def test_what_is_no_such_file_is_said(tmp_path):
    (tmp_path / "text.nxs").write_text("nothing")
    with h5py.File(tmp_path / "other.nxs", "w") as file:
        file["hedm/spots/omega"] = 3.0
    for name in ("text.nxs", "other.nxs", "none.nxs"):
        with pytest.raises(SteeringError, match="holds no tables of HEDM"):
            read_hedm(tmp_path / name)


def test_hexrd_s_table_has_its_columns_and_conventions(tmp_path, data):
    write_hexrd(tmp_path / "spots_00000.out", data, GEOMETRY, SHAPE)
    head, *_ = (tmp_path / "spots_00000.out").read_text().splitlines()
    assert head.startswith("# ID ")
    # As hexrd reads it.
    table = np.loadtxt(tmp_path / "spots_00000.out")
    assert table.shape == (data.sizes["spot"], 17)
    assert table[:, 5].tolist() == data["spot_intensity"].values.tolist()
    assert np.isnan(table[:, 7:10]).all()
    # Angles and places in mm belong together: x along the columns, y against the rows, eta from x to y.
    x, y = table[:, 15], table[:, 16]
    assert table[:, 11] == pytest.approx(np.arctan2(y, x), abs=1e-9)
    assert table[:, 10] == pytest.approx(np.arctan(np.hypot(x, y) / 400), abs=1e-9)
    assert np.degrees(table[:, 12]) == pytest.approx(data["omega"].values)


def test_midas_gets_its_columns(tmp_path, data):
    write_midas(tmp_path / "Result.csv", data, CENTRE)
    table = np.genfromtxt(tmp_path / "Result.csv", skip_header=1)
    names = (tmp_path / "Result.csv").read_text().splitlines()[0].split()
    assert table.shape == (data.sizes["spot"], len(names))
    # Its programs go by the place of a column and want 17 (CalcRadiusAllZarr.c, and midas-transforms 0.12.0, which
    # reads no table that has fewer).
    assert len(names) == 17
    assert [names[place] for place in (0, 1, 2, 5, 12, 13)] == [
        "SpotID", "IntegratedIntensity", "Omega(degrees)", "IMax", "Radius(px)", "Eta(degrees)",
    ]  # fmt: skip
    assert names[14:] == ["RawSumIntensity", "maskTouched", "FitRMSE"]
    assert table[:, 14].tolist() == data["spot_intensity"].values.tolist()
    assert not table[:, 15:].any()
    column = {name: table[:, place] for place, name in enumerate(names)}
    y, z = CENTRE[1] - column["YCen(px)"], column["ZCen(px)"] - CENTRE[0]
    # As MIDAS makes eta: acos(z / r), negative where y is positive.
    eta = np.degrees(np.arccos(z / np.hypot(y, z))) * np.where(y > 0, -1, 1)
    assert column["Eta(degrees)"] == pytest.approx(eta, abs=1e-3)
    # The light is 1.2 pixels wide along the radius.
    assert np.median(column["SigmaR"]) == pytest.approx(1.2, rel=0.15)
    assert (column["MinOme(degrees)"] <= column["MaxOme(degress)"]).all()


def test_what_cannot_be_written_is_said(tmp_path, data):
    with pytest.raises(SteeringError, match="The result has no two_theta"):
        write_hexrd(tmp_path / "a.out", outcome().data, GEOMETRY, SHAPE)
    with pytest.raises(SteeringError, match="Give a result of hedm"):
        write_midas(tmp_path / "a.csv", xr.Dataset(), CENTRE)
    (tmp_path / "there.csv").write_text("mine")
    with pytest.raises(SteeringError, match="cannot be written"):
        write_midas(tmp_path / "there.csv", data, CENTRE)
    assert (tmp_path / "there.csv").read_text() == "mine"
    assert isinstance(GEOMETRY, Geometry)
