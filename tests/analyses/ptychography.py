"""Patterns for tests of ptychography: of a simulated star, and recorded ones."""

import bz2
import io

import numpy as np

from steering.core.block import FrameBlock, Inline
from steering.sim.data import fetch
from steering.sim.star import PIXEL, StarSample

UNITS = {"sy": "um", "sx": "um"}


def grid(step, half):
    """Positions of a snake over a square."""
    along = np.arange(-half, half + step / 2, step)
    return np.array([(y, x) for row, y in enumerate(along) for x in (along if row % 2 == 0 else along[::-1])])


def block_of(frames, positions, start=0, **settings):
    columns = {"sy": positions[:, 0].copy(), "sx": positions[:, 1].copy()}
    return FrameBlock("r", "primary", start, start + len(frames), Inline(frames), columns, UNITS, **settings)


def scanned(positions, seed=0, exposure=0.5, sample=None):
    """Take frames of the star."""
    sample, random = sample or StarSample(), np.random.default_rng(seed)
    return np.stack([sample.frame({"sy": y, "sx": x}, exposure, random) for y, x in positions]).astype(np.uint16)


def recorded():
    """The Siemens star of the Velociprobe: counts with the direct beam in the middle, positions in um, first probe."""
    kept = np.load(io.BytesIO(bz2.decompress(fetch("ptychography/siemens-star-small.npz.bz2").read_bytes())))
    frames = np.fft.fftshift(kept["data"][0], axes=(1, 2)).astype(np.uint16)
    return frames, kept["scan"][0].astype(np.float64) * 0.01, kept["probe"][0, 0, 0]


def like_the_truth(data):
    """Coherence of a reconstruction with the star that was measured; 1 for the same but for a factor."""
    sample = StarSample()
    rows, columns = (np.rint(data[axis].values / PIXEL).astype(int) + len(sample.object) // 2 for axis in ("sy", "sx"))
    truth = sample.object[np.ix_(rows, columns)]
    found = (data["object_amplitude"] * np.exp(1j * data["object_phase"])).values
    lit = np.isfinite(found)
    product = np.vdot(truth[lit], found[lit])
    return abs(product) / np.sqrt(np.vdot(truth[lit], truth[lit]).real * np.vdot(found[lit], found[lit]).real)
