"""How much of what one frame illuminates its neighbours illuminate too: without that a reconstruction means nothing."""

import numpy as np

from steering.core.block import Floats
from steering.ptychography.projections import Wave

_NEIGHBOURS = 4


def beam_of(probe: Wave, pixel: tuple[float, float]) -> float:
    """Return the diameter of the disc of the probe's effective area, (sum I)^2 / sum I^2, in micrometres.

    Args:
        probe: Its modes, shape ``(modes, rows, columns)``.
        pixel: Height and width of a pixel in micrometres.

    Returns:
        NaN for a probe without light.
    """
    light = np.square(np.abs(probe.astype(np.complex128))).sum(axis=0)
    squares = float(np.square(light).sum())
    if not squares > 0:
        return float("nan")
    return float(2 * np.sqrt(float(light.sum()) ** 2 / squares * pixel[0] * pixel[1] / np.pi))


def overlaps_of(positions: Floats, beam: float) -> Floats:
    """Return for each position 1 - distance / beam in percent, of its four nearest neighbours; 0 where they are apart.

    Args:
        positions: Two or more, in micrometres, shape ``(frames, 2)``.
        beam: Diameter of the beam in micrometres.
    """
    some = min(_NEIGHBOURS, len(positions) - 1)
    from scipy.spatial import KDTree

    near = KDTree(positions).query(positions, some + 1)[0][:, 1:]
    return 100 * np.maximum(1 - np.mean(near, axis=1) / beam, 0.0)
