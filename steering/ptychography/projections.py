"""Alternating projections in their parallel form: one iteration is a sum over frames (Thibault 2008, Marchesini 2016).

Each frame's wave, probe times object, is given the measured amplitudes where there are counts. Object and probe are
then those that fit all waves best, which are quotients of sums over frames. Frames are taken in the order of their
numbers, in portions of a fixed size, so the same frames give the same bits, whatever way they came.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.ptychography.lattice import Lattice
from steering.ptychography.patterns import Amplitudes
from steering.ptychography.positions import MOVES_FROM, Moved, moved

Wave: TypeAlias = NDArray[np.complex64]
Singles: TypeAlias = NDArray[np.float32]
_PORTION_PIXELS = 1 << 18
# What the last iterate weighs in the next, in parts of the best illuminated pixel: little light changes little.
_KEEP_OBJECT, _KEEP_PROBE = 2.5e-3, 1e-2
# The first iterations leave the probe as it is, until the object is more than flat.
PROBE_FROM = 2


@dataclass(frozen=True, eq=False)
class Iterate:
    """Object and probe after some iterations.

    Attributes:
        object: Its transmission, shape of the lattice.
        probe: Its modes, the strongest first, shape ``(modes, *window)``.
        corner: Of the lattice.
        light: What each pixel of the object was illuminated with, in counts, shape of the lattice.
        errors: Of each iteration sum((|psi| - sqrt(I))^2) / sum(I), before it changed anything.
        moves: How far each frame's beam was off, in pixels, shape ``(frames, 2)``; ``None`` if positions are taken for
            right, and for whole pixels.
    """

    object: Wave
    probe: Wave
    corner: tuple[int, int]
    light: Floats
    errors: tuple[float, ...] = ()
    moves: Floats | None = None


@dataclass(eq=False)
class Sums:
    """What frames say of object and probe.

    Attributes:
        object: Sum of conj(P) psi', shape of the lattice.
        light: Sum of |P|^2.
        probe: Sum of conj(O) psi', shape ``(modes, *window)``.
        passed: Sum of |O|^2, shape of the window.
        missed: Sum of the squares that model and amplitudes differ by.
        counts: Sum of the counts.
        steps: How far each portion's frames are off by what this iteration says, in pixels.
    """

    object: NDArray[np.complex128]
    light: Floats
    probe: NDArray[np.complex128]
    passed: Floats
    missed: float = 0.0
    counts: float = 0.0
    steps: list[Floats] = field(default_factory=list[Floats])


def portions(frames: int, pixels: int) -> Iterator[slice]:
    """Cut frames into portions that depend on nothing but the size of a frame."""
    size = max(_PORTION_PIXELS // max(pixels, 1), 1)
    for first in range(0, frames, size):
        yield slice(first, min(first + size, frames))


def summed(amplitudes: Amplitudes | Singles, lattice: Lattice, iterate: Iterate) -> Sums:
    """Project each frame's wave onto its amplitudes, and add up what follows for object and probe.

    Args:
        amplitudes: Shape ``(frames, *window)``; NaN where there is no count.
        lattice: Where each frame lies.
        iterate: Object on that lattice, and probe.
    """
    modes, high, wide = iterate.probe.shape
    sums = Sums(
        np.zeros(lattice.shape, np.complex128), np.zeros(lattice.shape), np.zeros(iterate.probe.shape, np.complex128),
        np.zeros((high, wide)),
    )  # fmt: skip
    conjugate = iterate.probe.conj()
    shining = np.square(np.abs(iterate.probe.astype(np.complex128))).sum(axis=0)
    for part in portions(len(amplitudes), modes * high * wide):
        places = [(slice(y, y + high), slice(x, x + wide)) for y, x in lattice.places[part].tolist()]
        seen = np.stack([iterate.object[place] for place in places])
        measured = amplitudes[part].astype(np.float32, copy=False)
        if iterate.moves is not None:
            at = Moved(iterate.probe, lattice.between[part] + iterate.moves[part])
            if len(iterate.errors) >= MOVES_FROM:
                sums.steps.append(at.steps(seen, measured))
            _add_moved(sums, at, _projected(measured, at.probes * seen[:, None], sums), seen, places)
            continue
        sums.passed += np.square(np.abs(seen)).sum(axis=0)
        waves = _projected(measured, iterate.probe * seen[:, None], sums)
        sums.probe += (seen.conj()[:, None] * waves).sum(axis=0)
        waves *= conjugate
        for place, wave in zip(places, waves.sum(axis=1) if modes > 1 else waves[:, 0], strict=True):
            sums.object[place] += wave
            sums.light[place] += shining
    return sums


def _add_moved(sums: Sums, at: Moved, waves: Wave, seen: Wave, places: list[tuple[slice, slice]]) -> None:
    """Add up what frames say between the pixels."""
    sums.probe += at.back(seen.conj()[:, None] * waves)
    sums.passed += at.back(np.square(np.abs(seen))[:, None].astype(np.complex64))[0].real
    shining = np.square(np.abs(at.probes.astype(np.complex128))).sum(axis=1)
    for place, wave, light in zip(places, (at.probes.conj() * waves).sum(axis=1), shining, strict=True):
        sums.object[place] += wave
        sums.light[place] += light


def _projected(measured: Singles, waves: Wave, sums: Sums) -> Wave:
    """Give waves the measured amplitudes, and note how far off they were."""
    from scipy import fft

    far: Wave = fft.fft2(waves, norm="ortho", overwrite_x=True)
    model = np.sqrt(np.square(np.abs(far)).sum(axis=1)) if far.shape[1] > 1 else np.abs(far[:, 0])
    known = np.isfinite(measured)
    whole = bool(known.all())
    off = model - measured if whole else np.where(known, model - measured, 0)
    sums.missed += float(np.square(off).sum(dtype=np.float64))
    sums.counts += float(np.square(measured if whole else np.where(known, measured, 0)).sum(dtype=np.float64))
    ratio = measured / np.maximum(model, np.finfo(np.float32).tiny)
    # Where there is no count the model's own amplitude stays.
    far *= (ratio if whole else np.where(known, ratio, np.float32(1)))[:, None]
    return fft.ifft2(far, norm="ortho", overwrite_x=True)


def improved(iterate: Iterate, sums: Sums, most: float = 0.0) -> Iterate:
    """Return the object and probe that follow from sums, held back where there was little light.

    Args:
        iterate: Before.
        sums: Of all frames.
        most: How far a frame may be off in pixels.
    """
    keep = _KEEP_OBJECT * float(sums.light.max())
    transmitted = (sums.object + keep * iterate.object) / (sums.light + keep)
    probe = iterate.probe
    if len(iterate.errors) >= PROBE_FROM:
        hold = _KEEP_PROBE * float(sums.passed.max())
        probe = ((sums.probe + hold * probe) / (sums.passed + hold)).astype(np.complex64)
    moves = iterate.moves
    if moves is not None and sums.steps:
        moves = moved(moves, np.concatenate(sums.steps), most)
    errors = (*iterate.errors, sums.missed / sums.counts)
    return Iterate(transmitted.astype(np.complex64), probe, iterate.corner, sums.light, errors, moves)
