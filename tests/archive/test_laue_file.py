"""A result of Laue goes to files: the map to a spreadsheet, all of it to HDF5, from where spots are handed over."""

import csv

import h5py
import numpy as np
import pytest

from steering.archive.export import write_run
from steering.archive.run_entry import RunEntry
from steering.laue.orientations import write_spots
from steering.sim.polycrystal import NICKEL, PolycrystalSample
from tests.laue.maps import COARSE, analysis, measured, result_of, snaked


@pytest.fixture(scope="module")
def result():
    sample = PolycrystalSample()
    return result_of(analysis(sample, search=True), measured(sample, snaked(COARSE[3:5], COARSE[4:8])))


def test_the_map_is_a_table(tmp_path, result):
    path = write_run(tmp_path, "csv", RunEntry("r"), result, None)
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = [line for line in csv.reader(lines) if line and not line[0].startswith("#")]
    assert any(name.startswith("strain_xx") for name in rows[0])
    assert len(rows) == 1 + result.outcome.data.sizes["point"]


def test_spots_of_a_file_are_handed_over(tmp_path, result):
    path = write_run(tmp_path, "nexus", RunEntry("r"), result, None)
    with h5py.File(path) as file:
        data = file["entry/data"]
        assert data["strain_xx"].attrs["units"] == "um/m"
        assert data["orientation"].shape == (1, 3, 3)
        first = data["spot_frame"][()] == data["spot_frame"][0]
        directions = np.stack([data[f"q_{axis}"][()][first] for axis in "xyz"], axis=1)
        counts = data["counts"][()][first]
    written = write_spots(tmp_path / "peaks.txt", directions, counts, NICKEL, "nickel", 225).read_text()
    assert f"$N_Ghat+Intens\t{len(counts)}" in written
