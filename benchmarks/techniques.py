"""What a technique costs a frame, beside what others use for it, in turn in one run on one core.

``python -m benchmarks.techniques [--peer PYTHON] [--pyfai PYTHON] [--rounds N]``: spots of HEDM in the frames of 2048
x 2048 px that APS 1-ID recorded and in made ones with 3,000 bright pixels, beside ``scipy.ndimage`` on the dense
frames, and fits of their peaks, beside SciPy's in a loop; XPCS of dense frames of 256 x 256 px and of sparse ones of
512 x 1024 px with 56 photons. Frames come in blocks of 32 that are added and merged one by one, as live; curves and
fits, which are made a few times a second whatever the frames are, are timed apart. PYTHON is an interpreter that has
scikit-beam, or pyFAI; it gets the same frames and the same dynamic bins, whole, in a process of its own. Ptychography
of 516 patterns of 128 x 128 px: a frame and iteration, and a result that goes on or begins. Azimuthal integration of
1024 x 1024 px in 500 rings. Laue patterns of 2048 x 2048 px of three grains out of fifty that are known: spots,
indexing and strain, beside ``scipy.ndimage`` for spots alone.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Before numpy: one core each.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import numpy as np

from steering.analyses.hedm import Hedm
from steering.analyses.laue import Laue
from steering.analyses.radial import Radial
from steering.analyses.xpcs import Xpcs
from steering.core.block import FrameBlock, Inline
from steering.core.pixels import NOTHING_BAD
from steering.laue.forward import lattice_of, pattern_of
from steering.laue.panel import Panel
from steering.laue.reflections import reflections_of
from steering.ptychography.lattice import Lattice
from steering.ptychography.patterns import Patterns, Window
from steering.ptychography.reconstruction import Course, begun, forget, iterated, reconstruct
from steering.sim.data import fetch
from steering.sim.polycrystal import BAND, NICKEL, PANEL
from steering.spots.fit import fit_peaks
from steering.spots.turns import rotation_of
from steering.xpcs.bins import Grid, make_bins

BLOCK = 32
# What scikit-beam is asked: levels and buffers, about our number of lags, and its usual ones.
PEER = """
import importlib.metadata, json, sys, time
import numpy as np
from skbeam.core.correlation import multi_tau_auto_corr
frames, labels = np.load(sys.argv[1], mmap_mode="r"), np.load(sys.argv[2])
frames = np.asarray(frames)
multi_tau_auto_corr(2, 8, labels, frames[:16])
found = {}
for levels, buffers in ((8, 8), (7, 16)):
    begin = time.perf_counter()
    multi_tau_auto_corr(levels, buffers, labels, frames)
    found[f"{levels} levels of {buffers}"] = 1e3 * (time.perf_counter() - begin) / len(frames)
print(json.dumps({"version": importlib.metadata.version("scikit-beam"), "ms": found}))
"""
# What pyFAI is asked: its histogram integrator, which splits no pixel, and its fastest without splitting.
AZIMUTHAL_PEER = """
import json, sys, time
import numpy as np
import pyFAI
from pyFAI.integrator.azimuthal import AzimuthalIntegrator
frames, stands = np.load(sys.argv[1]), json.loads(sys.argv[2])
pixels = pyFAI.detectors.Detector(stands.pop("pixel1"), stands.pop("pixel2"), max_shape=frames.shape[1:])
integrator = AzimuthalIntegrator(dist=stands.pop("distance"), detector=pixels, **stands)
found = {}
for method in ("histogram", "csr"):
    asked = dict(unit="q_A^-1", polarization_factor=0.95, method=("no", method, "cython"), error_model="poisson")
    integrator.integrate1d_ng(frames[0], 500, **asked)
    begin = time.perf_counter()
    for frame in frames:
        made = integrator.integrate1d_ng(frame, 500, **asked)
    found[method] = 1e3 * (time.perf_counter() - begin) / len(frames)
print(json.dumps({"version": pyFAI.version, "ms": found, "sum": float(np.nansum(made.intensity))}))
"""
RADIAL = {
    "distance": 0.2, "poni1": 0.05, "poni2": 0.04, "pixel1": 1e-4, "pixel2": 1e-4, "wavelength": 1e-10,
    "rot1": 0.02, "rot2": 0.01, "rot3": 0.0,
}  # fmt: skip
# Of its pixels a tenth lies there.
WATCHED = (0.0, 0.572)


def dense():
    """Frames of 256 x 256 px of about two counts a pixel, of which 34,600 px are in ten bins."""
    frames = np.random.default_rng(0).poisson(2.0, (1024, 256, 256)).astype(np.uint16)
    return "256 x 256 px, 34,600 in the bins", Grid(low=33.0, high=110.0), frames


def sparse():
    """Frames of 512 x 1024 px with 56 photons each, all pixels in ten bins."""
    random = np.random.default_rng(1)
    frames = np.zeros((512, 512, 1024), np.uint8)
    place = random.integers(0, frames[0].size, (len(frames), 56))
    for frame, at in zip(frames.reshape(len(frames), -1), place, strict=True):
        np.add.at(frame, at, 1)
    return "512 x 1024 px, 56 photons", Grid(), frames


def ours(grid, frames):
    """Add the frames block by block.

    Returns:
        Milliseconds a frame, and milliseconds of the result at the end.
    """
    analysis = Xpcs(q_low=grid.low, q_high=grid.high, bins=grid.count)
    columns = {"exposure": np.full(len(frames), 1e-3)}
    whole = FrameBlock("r", "primary", 0, len(frames), Inline(frames), columns, {"exposure": "s"})
    blocks = [whole.part(begin, begin + BLOCK) for begin in range(0, len(frames), BLOCK)]
    state = analysis.update(analysis.empty(), blocks[0], frames[:BLOCK])
    begin = time.perf_counter()
    for number, block in enumerate(blocks[1:], start=1):
        some = frames[number * BLOCK : (number + 1) * BLOCK]
        state = analysis.merge(state, analysis.update(analysis.empty(), block, some))
    spent = time.perf_counter() - begin
    begin = time.perf_counter()
    analysis.result(state)
    return 1e3 * spent / (len(frames) - BLOCK), 1e3 * (time.perf_counter() - begin)


def ptychography(count=516):
    """Iterate on patterns, and make results from them.

    Returns:
        Milliseconds a frame and iteration; seconds of a result from nothing, and of one with a few frames more.
    """
    frames = np.random.default_rng(2).poisson(28.0, (count, 128, 128))
    around = np.random.default_rng(3).uniform(-1.6, 1.6, (count, 2))
    patterns = Patterns(np.arange(count), Window().amplitudes(frames, NOTHING_BAD), around)
    course = Course((0.01, 0.01))
    lattice = Lattice.of(around, course.pixel, (128, 128))
    start = iterated(patterns, lattice, begun(patterns, lattice, course), 1)
    spent = []
    for work in (
        lambda: iterated(patterns, lattice, start, 3),
        lambda: reconstruct(patterns.first(count - 4), course),
        lambda: reconstruct(patterns, course),
    ):
        begin = time.perf_counter()
        work()
        spent.append(time.perf_counter() - begin)
    forget()
    return 1e3 * spent[0] / 3 / count, spent[1], spent[2]


def labels_of(grid, shape):
    """Say of each pixel in which dynamic bin it is, from 1; 0 for none."""
    bins = make_bins(grid, shape)
    found = np.zeros(shape[0] * shape[1], np.int64)
    for dynamic in np.unique(bins.dynamic):
        mine = bins.dynamic == dynamic
        found[bins.pixels[mine][bins.filled[mine]]] = dynamic + 1
    return found.reshape(shape)


def theirs(python, folder, grid, frames):
    """Have the peer correlate the same frames; what it says.

    Raises:
        SystemExit: If it cannot.
    """
    np.save(folder / "frames.npy", frames)
    np.save(folder / "labels.npy", labels_of(grid, frames.shape[1:]))
    given = str(folder / "frames.npy"), str(folder / "labels.npy")
    return told_by(python, PEER, given, "correlate with scikit-beam", "skbeam")


def told_by(python, program, given, does, imports):
    """Have another interpreter run a program; the JSON of its last line.

    Raises:
        SystemExit: If it cannot.
    """
    done = subprocess.run([python, "-c", program, *given], capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no error was printed"])[-1]
        raise SystemExit(f"{python} cannot {does}: {last:.300}. Give one that can import {imports}.")
    return json.loads(done.stdout.splitlines()[-1])


def recorded_spots():
    """The first 64 frames of alpha zirconium that APS 1-ID recorded: about 3,000 pixels, and 1,000 above 10 counts."""
    frames = np.zeros((2 * BLOCK, 2048, 2048), np.uint16)
    with np.load(fetch("hedm_1id/LT1_Ne_zr001_00000-fc_GE2.npz")) as file:
        for number, frame in enumerate(frames):
            frame[file[f"{number}_row"], file[f"{number}_col"]] = file[f"{number}_data"]
    return "recorded at 1-ID", frames


def made_spots():
    """Frames with 250 spots of twelve pixels each, all above the threshold; each spot is in three frames."""
    random = np.random.default_rng(2)
    frames = np.zeros((2 * BLOCK, 2048, 2048), np.uint16)
    for first in range(0, len(frames), 3):
        for row, column in random.integers(4, 2040, (250, 2)):
            frames[first : first + 3, row : row + 3, column : column + 4] = random.integers(20, 2000, (3, 4))
    return "3,000 bright pixels", frames


def our_spots(frames):
    """Add the frames block by block; milliseconds a frame, of the result at the end, and how many spots there are."""
    analysis, count = Hedm(threshold=10), len(frames)
    columns = {"omega": np.arange(count, dtype=float)}
    whole = FrameBlock("r", "primary", 0, count, Inline(frames), columns, {"omega": "deg"})
    state = analysis.empty()
    analysis.update(state, whole.part(0, 2), frames[:2])
    begin = time.perf_counter()
    for first in range(0, count, BLOCK):
        block = whole.part(first, min(first + BLOCK, count))
        state = analysis.merge(state, analysis.update(analysis.empty(), block, frames[first : first + BLOCK]))
    spent = time.perf_counter() - begin
    begin = time.perf_counter()
    found = analysis.result(state).features["all_spots"].value
    return 1e3 * spent / count, 1e3 * (time.perf_counter() - begin), int(found)


def dense_spots(frames):
    """Label the same frames as one dense volume, with sums and centres; milliseconds a frame, and how many spots."""
    from scipy import ndimage

    begin = time.perf_counter()
    label, count = ndimage.label(frames > 10, np.ones((3, 3, 3)))
    numbers = np.arange(1, count + 1)
    ndimage.sum_labels(frames, label, numbers)
    ndimage.center_of_mass(frames, label, numbers)
    return 1e3 * (time.perf_counter() - begin) / len(frames), count


def fits(count):
    """Fit peaks of 11 x 11 px, all at once and one by one with SciPy; milliseconds a peak each, and errors in px."""
    from scipy.optimize import least_squares

    random = np.random.default_rng(3)
    row, column, height = random.uniform(4, 6, count), random.uniform(4, 6, count), random.uniform(80, 3000, count)
    down, right = np.indices((11, 11))
    peaks = np.exp(-((down - row[:, None, None]) ** 2 + (right - column[:, None, None]) ** 2) / 4.5)
    patches = random.poisson(height[:, None, None] * peaks + 5)
    fit_peaks(patches[:10])
    begin = time.perf_counter()
    found = fit_peaks(patches)
    ours_ms = 1e3 * (time.perf_counter() - begin) / count
    few = min(count, 50)
    begin, others = time.perf_counter(), []
    for patch in patches[:few]:

        def off(p, patch=patch):
            away = ((down - p[1]) / p[3]) ** 2 + ((right - p[2]) / p[4]) ** 2
            shape = p[5] / (1 + away) + (1 - p[5]) * np.exp(-np.log(2) * away)
            return ((p[0] * shape + p[6] - patch) / np.sqrt(patch + 1)).ravel()

        others.append(least_squares(off, [patch.max(), 5, 5, 1.5, 1.5, 0.3, 5], method="lm").x[1:3])
    theirs_ms = 1e3 * (time.perf_counter() - begin) / few
    errors = (
        np.hypot(found.row - row, found.column - column),
        np.hypot(*(np.array(others).T - [row[:few], column[:few]])),
    )
    return ours_ms, theirs_ms, *(float(np.median(one)) for one in errors)


def hedm(rounds):
    """Measure HEDM in turn with its peers, and print."""
    for name, frames in (recorded_spots(), made_spots()):
        print(f"hedm, {len(frames)} frames of 2048 x 2048 px, {name}:")
        for _ in range(rounds):
            frame, result, count = our_spots(frames)
            print(f"  ours {frame:.2f} ms a frame in blocks of {BLOCK}, {count} spots, result {result:.0f} ms")
            dense_frame, dense_count = dense_spots(frames)
            print(f"  scipy.ndimage on the dense frames {dense_frame:.0f} ms a frame, {dense_count} spots")
    for _ in range(rounds):
        one, other, error, their_error = fits(2000)
        print(f"peaks of 11 x 11 px: ours {one:.3f} ms a peak, {error:.3f} px off in the median")
        print(f"  scipy least_squares in a loop {other:.2f} ms, {their_error:.3f} px")


def white_beam(count):
    """Make patterns of three grains of nickel out of fifty, and the analysis that knows these."""
    random, panel = np.random.default_rng(4), Panel((2048, 2048), PANEL.size, PANEL.rotation, PANEL.translation)
    reflections, turns = reflections_of(NICKEL, BAND.high), random.normal(size=(50, 3))
    frames = np.zeros((count, 2048, 2048), np.uint16)
    for frame in frames:
        for turn in turns[random.choice(50, 3, replace=False)]:
            found = pattern_of(lattice_of(NICKEL, rotation_of(turn)), reflections, panel, BAND)
            found = found.chosen(panel.on(found.row, found.column))
            photons = random.poisson(np.clip(found.strength / np.median(found.strength), 0.1, 10) * 3000)
            at = [
                np.repeat(one, photons) + 1.2 * random.standard_normal(photons.sum())
                for one in (found.row, found.column)
            ]
            row, column = (np.clip(np.rint(one), 0, 2047).astype(np.int64) for one in at)
            np.add.at(frame, (row, column), 1)
    crystal = {"lengths": NICKEL.lengths, "atoms": NICKEL.atoms}
    stands = {"shape": panel.shape, "size": panel.size, "rotation": panel.rotation, "translation": panel.translation}
    return frames, Laue(threshold=6, panel=stands, crystal=crystal, turns=turns.tolist())


def our_patterns(frames, analysis):
    """Add the frames; milliseconds a frame, of the result at the end, and which percent of the spots is indexed."""
    count = len(frames)
    block = FrameBlock("r", "primary", 0, count, Inline(frames), {}, {})
    analysis.update(analysis.empty(), block.part(0, 1), frames[:1])
    begin = time.perf_counter()
    state = analysis.update(analysis.empty(), block, frames)
    spent = time.perf_counter() - begin
    begin = time.perf_counter()
    found = analysis.result(state).features["all_indexed"].value
    return 1e3 * spent / count, 1e3 * (time.perf_counter() - begin), found


def dense_patterns(frames):
    """Find the spots and their centres of mass in the dense frames; milliseconds a frame."""
    from scipy import ndimage

    begin = time.perf_counter()
    for frame in frames:
        label, count = ndimage.label(frame > 6, np.ones((3, 3)))
        ndimage.center_of_mass(frame, label, np.arange(1, count + 1))
    return 1e3 * (time.perf_counter() - begin) / len(frames)


def laue(rounds):
    """Measure Laue in turn with its peer, and print."""
    frames, analysis = white_beam(16)
    print(f"laue, {len(frames)} frames of 2048 x 2048 px of three grains out of fifty:")
    for _ in range(rounds):
        frame, result, share = our_patterns(frames, analysis)
        print(f"  ours {frame:.1f} ms a frame, {share:.1f} % of the spots indexed, result {result:.1f} ms")
        print(f"  scipy.ndimage, spots alone, {dense_patterns(frames):.1f} ms a frame")


def patterns_of_rings(count):
    """Make frames of 1024 x 1024 px of about 20 counts a pixel, and the same with a detector's marked gaps."""
    frames = np.random.default_rng(6).poisson(20.0, (count, 1024, 1024)).astype(np.uint16)
    marked = frames.copy()
    marked[:, 500:520], marked[:, :, 300:310] = 65535, 65535
    return frames, marked


def our_rings(frames, **chosen):
    """Add the frames block by block; milliseconds a frame, of a result, and the sum of the newest frame's curve."""
    analysis = Radial(RADIAL, bins=500, polarization=0.95, **chosen)
    block = FrameBlock("r", "primary", 0, len(frames), Inline(frames), {}, {})
    analysis.result(analysis.update(analysis.empty(), block.part(0, 1), frames[:1]))
    state, begin = analysis.empty(), time.perf_counter()
    for start in range(0, len(frames), BLOCK):
        part = block.part(start, min(start + BLOCK, len(frames)))
        state = analysis.merge(state, analysis.update(analysis.empty(), part, frames[start : start + BLOCK]))
    spent = time.perf_counter() - begin
    begin = time.perf_counter()
    curve = analysis.result(state).data["intensity"].values[1]
    return 1e3 * spent / len(frames), 1e3 * (time.perf_counter() - begin), float(np.nansum(curve))


def their_rings(python, folder, frames):
    """Have pyFAI integrate the same frames; what it says.

    Raises:
        SystemExit: If it cannot.
    """
    np.save(folder / "frames.npy", frames)
    given = str(folder / "frames.npy"), json.dumps(RADIAL)
    return told_by(python, AZIMUTHAL_PEER, given, "integrate with pyFAI", "pyFAI")


def rings(rounds, python):
    """Measure azimuthal integration in turn with its peer, and print."""
    frames, marked = patterns_of_rings(2 * BLOCK)
    print(f"radial, {len(frames)} frames of 1024 x 1024 px, 500 rings:")
    for _ in range(rounds):
        frame, result, _ = our_rings(frames)
        gaps, *_ = our_rings(marked)
        watched, *_ = our_rings(frames, watched=WATCHED)
        print(
            f"  ours {frame:.2f} ms a frame in blocks of {BLOCK}, {gaps:.2f} with gaps, {watched:.2f} with a tenth of"
            f" the pixels watched, a result {result:.1f} ms"
        )
        if python:
            with tempfile.TemporaryDirectory() as folder:
                told = their_rings(python, Path(folder), frames)
            spent = ", ".join(f"{one:.2f} ms with its {how}" for how, one in told["ms"].items())
            print(f"  pyFAI {told['version']} {spent}, one frame at a time")


def main(arguments):
    """Measure in turn, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.techniques", description=__doc__)
    parser.add_argument("--peer", default="", help="interpreter that has scikit-beam")
    parser.add_argument("--pyfai", default="", help="interpreter that has pyFAI")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        raise SystemExit(f"--rounds {options.rounds}: allowed are 1 and more.")
    hedm(options.rounds)
    laue(options.rounds)
    rings(options.rounds, options.pyfai)
    for name, grid, frames in (dense(), sparse()):
        print(f"xpcs, {len(frames)} frames of {name}:")
        for _ in range(options.rounds):
            frame, result = ours(grid, frames)
            print(f"  ours {frame:.2f} ms a frame in blocks of {BLOCK}, curves and fits {result:.0f} ms")
            if options.peer:
                with tempfile.TemporaryDirectory() as folder:
                    # A dense correlator takes long for each of the large frames; a part of them says how long.
                    told = theirs(options.peer, Path(folder), grid, frames[: 2**26 // frames[0].size])
                spent = ", ".join(f"{one:.2f} ms with {how}" for how, one in told["ms"].items())
                print(f"  scikit-beam {told['version']} {spent}")
    print("ptychography, 516 patterns of 128 x 128 px, one mode:")
    for _ in range(options.rounds):
        each, whole, more = ptychography()
        print(f"  ours {each:.2f} ms a frame and iteration, a result {whole:.1f} s from nothing, {more:.1f} s going on")


if __name__ == "__main__":
    main(sys.argv[1:])
