"""Where patterns lie on an object: its pixels stand at whole multiples of their size, whichever frames there are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.geometry.geometry import Geometry

# Angstroms are metres times this, and so are micrometres.
_MICROMETRES = 1e6
MOST_PIXELS = 1 << 23
# Part of the frames whose positions must be near each other.
_MOST_ARE_RIGHT = 0.7


@dataclass(frozen=True)
class Lattice:
    """The pixels of an object that some frames illuminate.

    Attributes:
        pixel: Height and width of a pixel in micrometres.
        corner: Row and column of the first pixel, counted from the origin of the stage.
        shape: Rows and columns.
        window: Rows and columns of a pattern, and so of the part that one frame illuminates.
        places: Row and column of each frame's first pixel in the object, shape ``(frames, 2)``.
        between: How far each frame lies behind that pixel, from -0.5 to 0.5 pixels, shape ``(frames, 2)``.
    """

    pixel: tuple[float, float]
    corner: tuple[int, int]
    shape: tuple[int, int]
    window: tuple[int, int]
    places: NDArray[np.int64]
    between: Floats

    @classmethod
    def of(cls, positions: Floats, pixel: tuple[float, float], window: tuple[int, int]) -> "Lattice":
        """Lay patterns out.

        Args:
            positions: Of the beam's middle, in micrometres, shape ``(frames, 2)``; one or more.
            pixel: Height and width of an object's pixel in micrometres.
            window: Rows and columns of a pattern.

        Raises:
            ValueError: If the object would be too large to hold.
        """
        spans = np.ptp(positions, axis=0)
        sizes = [float(span) / one + wide for span, one, wide in zip(spans, pixel, window, strict=True)]
        if sizes[0] * sizes[1] > MOST_PIXELS:
            message = (
                f"The positions span {spans[0]:.4g} x {spans[1]:.4g} um, {sizes[0]:.3g} x {sizes[1]:.3g} pixels of "
                f"{1e3 * pixel[0]:.3g} nm. Allowed are {MOST_PIXELS:,} pixels in all. "
                "See that the pixel size and the units of the axes are right."
            )
            raise ValueError(message)
        exact = positions / np.asarray(pixel)
        absolute = np.rint(exact).astype(np.int64)
        low, high = absolute.min(axis=0), absolute.max(axis=0)
        shape = high - low + np.asarray(window)
        corner = int(low[0]) - window[0] // 2, int(low[1]) - window[1] // 2
        return cls(pixel, corner, (int(shape[0]), int(shape[1])), window, absolute - low, exact - absolute)

    def along(self, axis: int) -> Floats:
        """Return the positions of the object's rows (0) or columns (1) in micrometres."""
        return (self.corner[axis] + np.arange(self.shape[axis], dtype=np.float64)) * np.float64(self.pixel[axis])


def together(positions: Floats, pixel: tuple[float, float], window: tuple[int, int]) -> NDArray[np.bool_]:
    """Say which frames lie near enough to each other for an object that can be held.

    An encoder that slips once says a position that is nowhere near: without that frame all others are reconstructed.
    Where more than three frames in ten are far from the middle the positions mean something else, and all are kept.

    Args:
        positions: In micrometres, shape ``(frames, 2)``; one or more.
        pixel: Height and width of an object's pixel in micrometres.
        window: Rows and columns of a pattern.

    Returns:
        Shape ``(frames,)``.
    """
    sizes = np.ptp(positions, axis=0) / np.asarray(pixel) + np.asarray(window)
    everything = np.ones(len(positions), np.bool_)
    if sizes[0] * sizes[1] <= MOST_PIXELS:
        return everything
    away = np.abs(positions - np.median(positions, axis=0)) / np.asarray(pixel)
    near = away.max(axis=1) <= (MOST_PIXELS**0.5 - max(window)) / 2
    return near if near.mean() >= _MOST_ARE_RIGHT else everything


def pixel_of(geometry: Geometry, rows: int, columns: int, binning: int) -> tuple[float, float]:
    """Return height and width of an object's pixel in micrometres: wavelength * distance / (pixels * their size).

    Args:
        geometry: Of the detector.
        rows: Of a pattern.
        columns: Of it.
        binning: Rows and columns of the detector that are one of the pattern.
    """
    reach = geometry.wavelength * geometry.distance * _MICROMETRES
    high, wide = rows * binning * geometry.pixel1, columns * binning * geometry.pixel2
    return reach / high, reach / wide
