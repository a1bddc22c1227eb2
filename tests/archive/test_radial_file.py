"""A curve of azimuthal integration goes to a file that programs for small-angle scattering read."""

import h5py
import numpy as np
import pytest

from steering.analyses.radial import Radial
from steering.archive.export import write_run
from steering.archive.run_entry import RunEntry
from steering.core.block import FrameBlock, Inline
from steering.core.errors import SteeringError
from steering.core.result import Provenance, Result
from steering.radial.nexus import read_nxcansas
from steering.sim.speckle import GEOMETRY


def result(**settings):
    counts = np.random.default_rng(3).poisson(3, (5, 128, 128)).astype(np.uint16)
    analysis = Radial(bins=20, **settings)
    block = FrameBlock("r", "primary", 0, 5, Inline(counts), {}, {})
    outcome = analysis.result(analysis.update(analysis.empty(), block, counts))
    return Result(1, outcome, Provenance("r", "radial", analysis.parameters, "1a2b3c4d", "0.1.0", "local", 5, 4))


def test_it_is_laid_out_as_nxcansas_says(tmp_path):
    made = result(geometry=GEOMETRY.json())
    with h5py.File(write_run(tmp_path, "nexus", RunEntry("r", sample="Silica"), made, None)) as file:
        (entry,) = (one for one in file.values() if one.attrs.get("canSAS_class") == "SASentry")
        assert (entry.attrs["NX_class"], entry.attrs["version"]) == ("NXentry", "1.1")
        assert entry["definition"].asstr()[()] == "NXcanSAS"
        assert entry["run"].asstr()[()] == "r"
        assert entry["title"].asstr()[()]
        (data,) = (one for one in entry.values() if one.attrs.get("canSAS_class") == "SASdata")
        assert data.attrs["NX_class"] == "NXdata"
        assert (data.attrs["signal"], data.attrs["I_axes"], data.attrs["Q_indices"].tolist()) == ("I", "Q", [0])
        assert data["Q"].attrs["units"] == "1/angstrom"
        assert data["I"].attrs["uncertainties"] == "Idev"
        assert {data[name].attrs["units"] for name in ("I", "Idev")} == {"arbitrary"}
        assert data["I"].attrs["counted_in"] == "counts/px"
        source = entry["sasinstrument/sassource"]
        assert source["incident_wavelength"][()] == pytest.approx(1.127)
        assert entry["sasinstrument/sasdetector/SDD"][()] == pytest.approx(4.0)
        assert entry["sassample/name"].asstr()[()] == "Silica"
        assert data["I"][()].tobytes() == made.outcome.data["intensity"].values[0].tobytes()
        # SasView reads a file in which this entry is the first one, and no other.
        assert next(iter(file.values())) == entry
        # Ours is there as well; its first dimension has no positions.
        assert file["entry/data"].attrs["axes"].tolist() == [".", "q"]
        assert file["entry/data/intensity"].shape == (2, 20)


def test_what_is_written_is_read_back_along_q_also_of_angles(tmp_path):
    made = result(geometry=GEOMETRY.json())
    found = read_nxcansas(write_run(tmp_path, "nexus", RunEntry("r"), made, None))
    data = made.outcome.data
    assert found["q"].values.tobytes() == data["q"].values.tobytes()
    assert found["intensity_error"].values.tobytes() == data["intensity_error"].values[0].tobytes()
    turned = result(geometry=GEOMETRY.json(), along="two_theta").outcome.data["two_theta"].values
    found = read_nxcansas(
        write_run(tmp_path, "nexus", RunEntry("r"), result(geometry=GEOMETRY.json(), along="two_theta"), None)
    )
    assert found["q"].values == pytest.approx(4 * np.pi * np.sin(np.radians(turned / 2)) / 1.127)


def test_texts_of_a_fixed_length_as_other_programs_write_them_are_read(tmp_path):
    path = write_run(tmp_path, "nexus", RunEntry("r"), result(geometry=GEOMETRY.json()), None)
    plain = read_nxcansas(path)
    with h5py.File(path, "r+") as file:
        for name in ("cansas", "cansas/sasdata"):
            file[name].attrs["canSAS_class"] = np.bytes_(file[name].attrs["canSAS_class"])
        file["cansas/sasdata/I"].attrs["uncertainties"] = np.bytes_("Idev")
        file["cansas/sasdata/Q"].attrs["units"] = np.bytes_("1/angstrom")
    assert read_nxcansas(path).identical(plain)


def test_rings_that_nothing_saw_are_left_out(tmp_path):
    made = result(geometry=GEOMETRY.json(), low=0.0, high=0.05)
    seen = np.isfinite(made.outcome.data["intensity"].values[0])
    assert 0 < seen.sum() < 20
    assert read_nxcansas(write_run(tmp_path, "nexus", RunEntry("r"), made, None)).sizes["q"] == seen.sum()


def test_without_a_geometry_there_is_no_q_to_write(tmp_path):
    path = write_run(tmp_path, "nexus", RunEntry("r"), result(), None)
    with pytest.raises(SteeringError, match=r"has not the layout NXcanSAS.*no SASentry.*It needs a SASentry"):
        read_nxcansas(path)


def test_what_is_no_such_file_is_said(tmp_path):
    (tmp_path / "a.h5").write_text("nothing")
    with pytest.raises(SteeringError, match="cannot be read as HDF5"):
        read_nxcansas(tmp_path / "a.h5")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        place = file.create_group("a/b")
        file["a"].attrs["canSAS_class"], place.attrs["canSAS_class"] = "SASentry", "SASdata"
        place["Q"], place["I"] = [1.0, 2.0], [1.0, 2.0, 3.0]
    with pytest.raises(SteeringError, match=r"Q has shape \(2,\) and I \(3,\)"):
        read_nxcansas(tmp_path / "b.h5")
