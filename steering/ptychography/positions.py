"""Where the beam was, between the pixels of the object, and how far it was off what the stage said.

A probe is moved by a part of a pixel in Fourier space. How far off a frame's position is, follows from its
amplitudes: a Gauss-Newton step of the least squares of |psi| - sqrt(I), as in M. Guizar-Sicairos and J. R. Fienup,
Opt. Express 16 (2008) 7264, 10.1364/OE.16.007264. Each frame's step depends on that frame, the object and the probe
alone, so the order of the frames does not matter.
"""

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats

# A step is held back where a pattern says little of it, in parts of what it says.
_HELD = 1e-2
# Pixels that a position moves by in one iteration at most.
_MOST_A_STEP = 0.5
# Positions stay as they are until object and probe are more than a guess.
MOVES_FROM = 6


class Moved:
    """A probe at places between pixels, for some frames.

    Attributes:
        probes: The modes of the probe of each frame, shape ``(frames, modes, rows, columns)``.
    """

    def __init__(self, probe: NDArray[np.complex64], shifts: Floats) -> None:
        """Move it.

        Args:
            probe: Its modes, shape ``(modes, rows, columns)``.
            shifts: Of each frame in pixels, shape ``(frames, 2)``.
        """
        rows, columns = probe.shape[1:]
        # What a derivative by the place multiplies the far field with, along rows and columns.
        self._slopes = (
            (-2j * np.pi * np.fft.fftfreq(rows)[:, None]).astype(np.complex64),
            (-2j * np.pi * np.fft.fftfreq(columns)[None]).astype(np.complex64),
        )
        down, right = shifts.astype(np.float32).T[:, :, None, None]
        # Shape (frames, 1, rows, columns): the same for each mode.
        self._ramp = (np.exp(self._slopes[0] * down) * np.exp(self._slopes[1] * right))[:, None]
        self._far = _forth(probe)[None] * self._ramp
        self.probes = _back(self._far)

    def back(self, waves: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """Move waves of the frames back, and add them up; shape ``(frames, modes, rows, columns)`` before."""
        return _back((_forth(waves) * self._ramp.conj()).sum(axis=0))

    def steps(self, seen: NDArray[np.complex64], measured: NDArray[np.float32]) -> Floats:
        """Say how far each frame's beam was off, in pixels, as far as one step tells; shape ``(frames, 2)``.

        Args:
            seen: The object that each frame lit, shape ``(frames, rows, columns)``.
            measured: Amplitudes, shape ``(frames, rows, columns)``; NaN where there is no count.
        """
        far = _forth(self.probes * seen[:, None])
        model = np.sqrt(np.square(np.abs(far)).sum(axis=1))
        lacking = np.nan_to_num(measured - model, nan=0.0)
        known = np.isfinite(measured) / np.maximum(model, np.finfo(np.float32).tiny)
        slopes = [
            (far.conj() * _forth(_back(self._far * one) * seen[:, None])).real.sum(axis=1) * known
            for one in self._slopes
        ]
        normal = np.array([[_inner(one, other) for other in slopes] for one in slopes]).transpose(2, 0, 1)
        told = np.array([_inner(one, lacking) for one in slopes]).T
        # A pattern without light says nothing.
        held = _HELD * np.trace(normal, axis1=1, axis2=2) / 2 + np.finfo(np.float32).tiny
        solve = cast("Any", np.linalg).solve
        found: Floats = solve(normal + held[:, None, None] * np.eye(2), told[..., None])[..., 0]
        return np.clip(found, -_MOST_A_STEP, _MOST_A_STEP)


def moved(moves: Floats, steps: Floats, most: float) -> Floats:
    """Add a step to how far frames were off; all together they are off by nothing, as no pattern tells.

    Args:
        moves: In pixels, shape ``(frames, 2)``.
        steps: Likewise.
        most: How far a frame may be off in pixels.
    """
    after = moves + steps
    return np.clip(after - after.mean(axis=0), -most, most)


def _forth(waves: NDArray[np.complex64]) -> NDArray[np.complex64]:
    from scipy import fft

    return cast("Any", fft.fft2(waves, norm="ortho"))


def _back(waves: NDArray[np.complex64]) -> NDArray[np.complex64]:
    from scipy import fft

    return cast("Any", fft.ifft2(waves, norm="ortho"))


def _inner(left: NDArray[Any], right: NDArray[Any]) -> Floats:
    """Multiply and add up over the pixels of each frame."""
    return np.einsum("fyx,fyx->f", left, right, dtype=np.float64)
