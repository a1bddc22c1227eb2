"""What pty-chi is given fits to what it does with it, and what it has found comes back. It is not installed here.

The stand-in takes what ``PtychographyTask`` of pty-chi 2.2.0 takes, refuses what that refuses, and models the patterns
as that does by its source: which part of the object a position is, and what its Fourier transform is compared with.
"""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from steering.analyses.ptychography import Ptychography
from steering.archive.export import write_run
from steering.archive.run_entry import RunEntry
from steering.core.errors import SteeringError
from steering.core.pixels import Bad
from steering.core.result import Feature, Outcome, Provenance, Result
from steering.ptychography.cxi import CxiScan, is_ptychography, probe_of, read_probe, read_scan, write_scan
from steering.ptychography.final import read_final, reconstruct_finally, start_of, write_start
from steering.sim.star import GEOMETRY
from tests.analyses.ptychography import block_of, grid, like_the_truth, scanned

POSITIONS = grid(0.12, 0.3)
FRAMES = scanned(POSITIONS)


@pytest.fixture(scope="module")
def live():
    return reconstructed(FRAMES, defocus=55.0)


def reconstructed(frames, **chosen):
    analysis = Ptychography(geometry=GEOMETRY.json(), iterations=20, **chosen)
    block = block_of(frames, POSITIONS)
    outcome = analysis.result(analysis.update(analysis.empty(), block, frames))
    return outcome.data, analysis.parameters


def error_of(start):
    """The error that pty-chi would begin with, by its rule of what a position means."""
    high, wide = start.probe.shape[-2:]
    middle = np.round(np.array(start.object.shape[1:]) / 2) - 0.5
    missed = 0.0
    for counts, position in zip(start.counts, start.positions, strict=True):
        y, x = np.round(position + middle - (np.array([high, wide]) - 1) / 2).astype(int)
        part = start.object[0, y : y + high, x : x + wide]
        assert part.shape == (high, wide), "the patch extractor has to pad the image"
        far = np.abs(np.fft.fft2(start.probe[0] * part, norm="ortho")) ** 2
        model = np.sqrt(far.sum(axis=0))
        missed += np.square(model - np.sqrt(np.fft.fftshift(counts)))[np.fft.fftshift(start.valid)].sum()
    return missed / start.counts[:, start.valid].sum()


class Task:
    """In place of pty-chi's."""

    last = None

    def __init__(self, options, **data):
        Task.last, self.options, self.data, self.ran = self, options, data, 0
        counts, probe = data["diffraction_data"], data["probe_data"]
        assert (counts.ndim, data["object_data"].ndim, probe.ndim) == (3, 3, 4)
        assert data["probe_position_x_px"].shape == data["probe_position_y_px"].shape == (len(counts),)
        assert probe.shape[-2:] == counts.shape[1:] == data["valid_pixel_mask"].shape
        assert data["valid_pixel_mask"].dtype == bool
        assert np.isfinite(data["object_data"]).all()
        assert np.isfinite(counts).all()

    def run(self):
        self.ran += 1

    def get_data_to_cpu(self, name, as_numpy=False):
        assert as_numpy
        return self.data[f"{name}_data"]

    def get_probe_positions_y(self, as_numpy=False):
        return self.data["probe_position_y_px"] + 0.5 * self.options.probe_position_options.optimizable

    def get_probe_positions_x(self, as_numpy=False):
        return self.data["probe_position_x_px"]


@pytest.fixture
def stand_in(monkeypatch):
    def options():
        names = ("data", "object", "probe", "probe_position", "opr_mode_weight", "reconstructor")
        return SimpleNamespace(**{f"{name}_options": SimpleNamespace() for name in names})

    package, api, task = (ModuleType(name) for name in ("ptychi", "ptychi.api", "ptychi.api.task"))
    package.api, api.LSQMLOptions, task.PtychographyTask = api, options, Task
    for one in (package, api, task):
        monkeypatch.setitem(sys.modules, one.__name__, one)


def test_it_begins_where_the_live_one_has_ended(tmp_path, live):
    data, chosen = live
    write_start(tmp_path / "start.cxi", data, chosen, FRAMES)
    start = start_of(read_scan(tmp_path / "start.cxi"))
    assert start.object.shape[1] % 2 == start.object.shape[2] % 2 == 0
    assert start.wavelength == pytest.approx(GEOMETRY.wavelength)
    assert start.pixel[0] == pytest.approx(1e-6 * float(np.diff(data["sy"].values[:2])[0]))
    # Of the pixels that no light reached nothing is known, so this is as good as the live one nearly.
    live_error = float(data["error"].values[-1])
    assert error_of(start) < 1.05 * live_error + 0.002
    shifted = CxiScan(**vars(read_scan(tmp_path / "start.cxi")) | {"positions": POSITIONS[:, ::-1]})
    assert error_of(start_of(shifted)) > 3 * live_error


def test_what_it_has_found_comes_back_as_a_result(tmp_path, live, stand_in):
    data, chosen = live
    write_start(tmp_path / "start.cxi", data, chosen, FRAMES)
    found = reconstruct_finally(tmp_path / "start.cxi", tmp_path / "final.cxi", epochs=7, positions=True)
    assert (Task.last.ran, Task.last.options.reconstructor_options.num_epochs) == (1, 7)
    wide = float(np.diff(data["sx"].values[:2])[0])
    assert Task.last.options.object_options.pixel_size_m == pytest.approx(1e-6 * wide)
    assert is_ptychography(found)
    assert like_the_truth(found) > 0.98
    # The stand-in has moved each frame by half a row.
    pixel = float(np.diff(data["sy"].values[:2])[0])
    assert found["sy_of_frame"].values == pytest.approx(data["sy_of_frame"].values + 0.5 * pixel, abs=1e-6)
    assert found["sx_of_frame"].values == pytest.approx(data["sx_of_frame"].values, abs=1e-6)
    for name in ("object_phase", "object_amplitude", "probe_amplitude", "probe_phase"):
        assert found[name].dims == data[name].dims
        assert found[name].attrs == data[name].attrs
    both = found.reindex_like(data[["sy", "sx"]], method="nearest", tolerance=1e-6)
    lit = np.isfinite(data["object_phase"].values) & np.isfinite(both["object_phase"].values)
    assert lit.mean() > 0.5
    assert both["object_phase"].values[lit] == pytest.approx(data["object_phase"].values[lit], abs=1e-5)
    # It is a probe to begin with, and a result to export.
    assert (read_probe(tmp_path / "final.cxi") == probe_of(data)).all()
    source = Provenance("r", "pty-chi", {}, "1a2b", "2.2.0", "local", 36, 35)
    made = Result(1, Outcome({"epochs": Feature(7.0, 0.0, "1")}, found), source)
    assert read_probe(write_run(tmp_path, "nexus", RunEntry("r"), made, None)).shape == (1, 128, 128)


def test_a_part_of_binned_frames_and_bad_pixels_go_along(tmp_path):
    large = np.pad(np.repeat(np.repeat(FRAMES, 2, axis=1), 2, axis=2), ((0, 0), (10, 10), (0, 20)))
    large[:, 70:72, 80:82] = 65535
    half = GEOMETRY.json() | {"pixel1": GEOMETRY.pixel1 / 2, "pixel2": GEOMETRY.pixel2 / 2}
    analysis = Ptychography(geometry=half, iterations=20, defocus=55.0, centre=(138, 128), size=256, binning=2)
    outcome = analysis.result(analysis.update(analysis.empty(), block_of(large, POSITIONS), large))
    write_start(tmp_path / "a.cxi", outcome.data, analysis.parameters, large)
    scan = read_scan(tmp_path / "a.cxi")
    assert scan.frames.shape == (36, 128, 128)
    assert np.flatnonzero(scan.mask.any(axis=1)).tolist() == [30]
    assert np.flatnonzero(scan.mask.any(axis=0)).tolist() == [40]
    assert scan.geometry.pixel1 == pytest.approx(GEOMETRY.pixel1)
    assert error_of(start_of(scan)) < 1.05 * float(outcome.data["error"].values[-1]) + 0.002


def test_what_is_missing_is_said(tmp_path, live, monkeypatch):
    data, chosen = live
    for name in ("ptychi", "ptychi.api", "ptychi.api.task"):
        monkeypatch.setitem(sys.modules, name, None)
    write_start(tmp_path / "start.cxi", data, chosen, FRAMES)
    with pytest.raises(SteeringError, match=r'needs pty-chi .*pip install "steering\[ptychi\]"'):
        reconstruct_finally(tmp_path / "start.cxi", tmp_path / "final.cxi")
    with pytest.raises(SteeringError, match="3 frames were given"):
        write_start(tmp_path / "b.cxi", data, chosen, FRAMES[:3])
    with pytest.raises(SteeringError, match="no geometry"):
        write_start(tmp_path / "b.cxi", data, {**chosen, "geometry": None}, FRAMES)
    left_out = {**chosen, "masked": [{"rows": [0, 3], "columns": [0, 3]}]}
    with pytest.raises(SteeringError, match="left parts of the detector out"):
        write_start(tmp_path / "b.cxi", data, left_out, FRAMES)
    bad = np.zeros((128, 128), bool)
    bad[:3, :3] = True
    write_start(tmp_path / "b.cxi", data, left_out, FRAMES, Bad(bad))
    assert read_scan(tmp_path / "b.cxi").mask.sum() == 9
    write_scan(tmp_path / "bare.cxi", CxiScan(FRAMES, POSITIONS, GEOMETRY))
    with pytest.raises(SteeringError, match="The file has no probe"):
        reconstruct_finally(tmp_path / "bare.cxi", tmp_path / "final.cxi")
    with pytest.raises(SteeringError, match="no object with positions"):
        read_final(tmp_path / "bare.cxi")
    assert not (tmp_path / "final.cxi").exists()
