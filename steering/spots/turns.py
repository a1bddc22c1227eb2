"""Rotations in space, as matrices of shape ``(3, 3)``."""

import numpy as np

from steering.core.block import Floats


def rotation_of(turn: Floats) -> Floats:
    """Make the rotation about a vector by its length in radians (Rodrigues' formula), shape ``(3, 3)``."""
    angle = float(np.linalg.norm(turn))
    x, y, z = (turn / angle).tolist() if angle else (0.0, 0.0, 0.0)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def turn_of(rotation: Floats) -> Floats:
    """Give the vector about which a rotation turns, its length in radians up to pi, shape ``(3,)``."""
    beside = rotation - rotation.T
    across = np.array([beside[2, 1], beside[0, 2], beside[1, 0]])
    angle = float(np.arctan2(np.linalg.norm(across), np.trace(rotation) - 1))
    if angle < np.pi / 2:
        return across / 2 / float(np.sinc(angle / np.pi))
    # Near half a turn the axis is in the symmetric part: the column of the largest diagonal is along it.
    both = rotation + rotation.T + (1 - np.trace(rotation)) * np.eye(3)
    axis = both[:, int(np.argmax(np.diag(both)))]
    axis = axis / np.linalg.norm(axis)
    return np.asarray(axis * (angle if axis @ across >= 0 else -angle), np.float64)
