"""Rotations in space, as matrices of shape ``(3, 3)``."""

import numpy as np

from steering.core.block import Floats


def rotation_of(turn: Floats) -> Floats:
    """Make the rotation about a vector by its length in radians (Rodrigues' formula), shape ``(3, 3)``."""
    angle = float(np.linalg.norm(turn))
    x, y, z = (turn / angle).tolist() if angle else (0.0, 0.0, 0.0)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
