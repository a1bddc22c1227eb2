"""Patterns of nickel on a panel above the sample, as at 34-ID-E, for tests."""

import numpy as np

from steering.laue.forward import lattice_of
from steering.laue.indexing import Optics
from steering.laue.panel import Panel
from steering.laue.reflections import Band, reflections_of
from steering.spots.crystal import Crystal
from steering.spots.turns import rotation_of

NICKEL = Crystal((3.524, 3.524, 3.524), atoms=((0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)))
SILICON = Crystal(
    (5.431, 5.431, 5.431),
    atoms=((0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0), (0.25, 0.25, 0.25), (0.25, 0.75, 0.75),
           (0.75, 0.25, 0.75), (0.75, 0.75, 0.25)),
)  # fmt: skip
PANEL = Panel((512, 512), (409.6, 409.6), (-1.20, -1.21, -1.22), (28.0, 3.0, 513.0))
BAND = Band(7.0, 30.0)


def optics(crystal=NICKEL, panel=PANEL, **near):
    from steering.laue.indexing import Tolerances

    return Optics(reflections_of(crystal, BAND.high), panel, BAND, Tolerances(**near))


def turns(count, seed=0):
    """Make rotations that are as likely as any other."""
    axes = np.random.default_rng(seed).normal(size=(count, 4))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    angle = 2 * np.arccos(np.clip(axes[:, 0], -1, 1))
    return [rotation_of(one / np.linalg.norm(one) * by) for one, by in zip(axes[:, 1:], angle, strict=True)]


def deviator(random, size=1e-3):
    strain = random.normal(0, size, (3, 3))
    strain = (strain + strain.T) / 2
    return strain - np.eye(3) * np.trace(strain) / 3


def seen(lattices, random, noise=0.05, of=None):
    """Give rows, columns and counts of the spots of grains, off by some pixels; faint ones by more."""
    patterns = [(of or optics()).pattern(one) for one in lattices]
    row = np.concatenate([one.row for one in patterns])
    column = np.concatenate([one.column for one in patterns])
    counts = np.concatenate([one.strength for one in patterns])
    counts = counts / np.median(counts) * 2000
    noise = noise * np.sqrt(1 + 500 / counts)
    return row + random.normal(0, noise, len(row)), column + random.normal(0, noise, len(row)), counts


def lattices(count, seed=0, crystal=NICKEL):
    return [lattice_of(crystal, one) for one in turns(count, seed)]
