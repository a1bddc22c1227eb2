"""What a reconstruction begins with: a probe from a file, or one that the patterns and the optics suggest."""

import numpy as np

from steering.core.block import Floats
from steering.ptychography.patterns import Amplitudes
from steering.ptychography.projections import Wave

# Part of the light that each mode but the first begins with.
_LESS = 0.05


def focus(amplitudes: Amplitudes, pixel: tuple[float, float], curvature: float) -> Wave:
    """Make a probe with the mean far field of some patterns.

    Args:
        amplitudes: Shape ``(frames, rows, columns)``.
        pixel: Height and width of a pixel of the object in micrometres.
        curvature: Of the far field, wavelength * defocus in square micrometres; 0 for a sample in the focus.

    Returns:
        Shape ``(1, rows, columns)``, the beam in the middle.
    """
    from scipy import fft

    mean = _mean(amplitudes)
    down, right = (np.fft.fftfreq(size, one) for size, one in zip(mean.shape, pixel, strict=True))
    squared = down[:, None] ** 2 + right[None] ** 2
    far = np.sqrt(mean) * np.exp(-1j * np.pi * curvature * squared)
    return np.fft.fftshift(fft.ifft2(far, norm="ortho")).astype(np.complex64)[None]


def starting_probe(amplitudes: Amplitudes, modes: int, given: Wave) -> Wave:
    """Make the modes of a probe with the mean light of some patterns.

    Args:
        amplitudes: Patterns, shape ``(frames, rows, columns)``.
        modes: How many.
        given: A probe to begin with, shape ``(some, rows, columns)``.

    Raises:
        ValueError: If the given one has another shape than the patterns, or no light.
    """
    mean = _mean(amplitudes)
    if given.shape[1:] != mean.shape:
        message = (
            f"The probe has {given.shape[1]} x {given.shape[2]} px, and the patterns {mean.shape[0]} x "
            f"{mean.shape[1]} px. Give one of their size, or choose another size of the patterns."
        )
        raise ValueError(message)
    wave = given[:modes].astype(np.complex64)
    whole = np.concatenate([wave, *(_another(wave[0], number) for number in range(len(wave), modes))])
    power = float(np.square(np.abs(whole.astype(np.complex128))).sum())
    if not (power > 0 and np.isfinite(power)):
        message = f"The probe has the power {power:g}, so no pattern can come of it. Give a probe that has light."
        raise ValueError(message)
    return (whole * np.sqrt(float(mean.sum()) / power)).astype(np.complex64)


def _mean(amplitudes: Amplitudes) -> Floats:
    """Return the mean counts of each pixel over the frames in which they are counts."""
    total: Floats = np.zeros(amplitudes.shape[1:])
    seen: Floats = np.zeros(amplitudes.shape[1:])
    for frame in amplitudes:
        known = np.isfinite(frame)
        total += np.where(known, np.square(frame.astype(np.float64)), 0)
        seen += known
    return total / np.maximum(seen, 1)


def _another(wave: Wave, number: int) -> Wave:
    """Make a weak mode of another shape: the first one times a polynomial of the pixel."""
    rows, columns = wave.shape
    down, right = np.linspace(-1, 1, rows)[:, None], np.linspace(-1, 1, columns)[None]
    made = wave * (down ** ((number + 1) // 2) * right ** (number // 2))
    power = float(np.square(np.abs(made)).sum())
    weight = np.sqrt(_LESS * float(np.square(np.abs(wave)).sum()) / power) if power > 0 else 0.0
    return (made * weight).astype(np.complex64)[None]
