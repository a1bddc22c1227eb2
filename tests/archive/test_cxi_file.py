"""Files of CXI: what is written is read back, a probe is begun with again, and what is no such file is said."""

import h5py
import numpy as np
import pytest

from steering.analyses.ptychography import Ptychography
from steering.archive.export import write_run
from steering.archive.run_entry import RunEntry
from steering.core.errors import SteeringError
from steering.core.result import Provenance, Result
from steering.ptychography.cxi import CxiScan, probe_of, read_probe, read_scan, write_scan
from steering.sim.star import GEOMETRY
from tests.analyses.ptychography import block_of, grid, like_the_truth, scanned

POSITIONS = grid(0.12, 0.3)
FRAMES = scanned(POSITIONS)
ENTRY = RunEntry(uid="0123456789", scan="ptychography", sample="star", started=1.0, status="success", points=36)


def reconstructed(count=None, **chosen):
    analysis = Ptychography(geometry=GEOMETRY.json(), **chosen)
    block = block_of(FRAMES[:count], POSITIONS[:count])
    return analysis.result(analysis.update(analysis.empty(), block, block.place.frames))


def test_a_scan_comes_back_as_it_was(tmp_path):
    mask = np.zeros((128, 128), bool)
    mask[3, 4] = True
    probe = np.ones((2, 128, 128), np.complex64)
    write_scan(tmp_path / "scan.cxi", CxiScan(FRAMES, POSITIONS, GEOMETRY, mask, probe))
    found = read_scan(tmp_path / "scan.cxi")
    assert (found.frames == FRAMES).all()
    assert np.abs(found.positions - POSITIONS).max() < 1e-12
    assert (found.mask == mask).all()
    assert (found.probe == probe).all()
    assert found.geometry.json() == pytest.approx(GEOMETRY.json())
    with h5py.File(tmp_path / "scan.cxi") as file:
        # As CXI has it: metres, x first.
        assert file["entry_1/data_1/translation"].shape == (len(FRAMES), 3)
        assert file["entry_1/data_1/translation"][0, 0] == pytest.approx(1e-6 * POSITIONS[0, 1])
    with pytest.raises(SteeringError, match=r"scan\.cxi cannot be written.*Choose another name"):
        write_scan(tmp_path / "scan.cxi", found)
    # Of a stranger's file only what it has.
    write_scan(tmp_path / "bare.cxi", CxiScan(FRAMES, POSITIONS))
    bare = read_scan(tmp_path / "bare.cxi")
    assert (bare.geometry, bare.mask, bare.probe) == (None, None, None)


def test_an_export_holds_object_and_probe_and_a_scan_begins_with_them_again(tmp_path):
    outcome = reconstructed(defocus=55.0)
    made = Provenance("0123456789", "ptychography", {}, "1a2b", "0.1.0", "local", 36, 35, label="ptychography")
    path = write_run(tmp_path, "nexus", ENTRY, Result(1, outcome, made), None)
    with h5py.File(path) as file:
        kept = file["entry_1/image_1/data"][()]
        assert kept.shape == outcome.data["object_phase"].shape
        lit = np.isfinite(kept)
        assert np.abs(np.abs(kept[lit]) - outcome.data["object_amplitude"].values[lit]).max() < 1e-5
        assert file["entry_1/image_1/x"][0] == pytest.approx(1e-6 * float(outcome.data["sx"][0]))
    assert (read_probe(path) == probe_of(outcome.data)).all()
    # Ten frames that begin with it are nearer than ten that begin with a guess.
    again = reconstructed(10, probe=str(path), iterations=3)
    guessed = reconstructed(10, defocus=40.0, iterations=3)
    assert again.features["error"].value < guessed.features["error"].value / 1.5
    assert like_the_truth(again.data) > like_the_truth(guessed.data)
    np.save(tmp_path / "probe.npy", read_probe(path)[0])
    assert (read_probe(tmp_path / "probe.npy") == read_probe(path)).all()


def test_what_is_no_such_file_is_said(tmp_path):
    (tmp_path / "text.cxi").write_text("no HDF5")
    with pytest.raises(SteeringError, match=r"text\.cxi cannot be read as CXI: .* It needs /entry_1/data_1/data"):
        read_scan(tmp_path / "text.cxi")
    with h5py.File(tmp_path / "other.cxi", "w") as file:
        file["entry_1/data_1/data"] = np.zeros((3, 4, 4))
        file["entry_1/data_1/translation"] = np.zeros((2, 3))
        file["entry_1/instrument_1/source_1/illumination"] = np.full((4, 4), np.nan)
    with pytest.raises(SteeringError, match=r"frames have the shape \(3, 4, 4\), and its positions \(2, 3\)"):
        read_scan(tmp_path / "other.cxi")
    with pytest.raises(SteeringError, match=r"an array of float64 and shape \(4, 4\) is no probe"):
        reconstructed(probe=str(tmp_path / "other.cxi"))
    with pytest.raises(SteeringError, match=r"none\.npy holds no probe: .* Give a CXI file"):
        read_probe(tmp_path / "none.npy")
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(SteeringError, match=r"objects\.npy holds no probe"):
        read_probe(tmp_path / "objects.npy")
    with pytest.raises(SteeringError, match=r"do not fit\. Give \(frames, rows, columns\) and \(frames, 2\)"):
        write_scan(tmp_path / "new.cxi", CxiScan(FRAMES, POSITIONS[:2]))
