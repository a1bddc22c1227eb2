"""Grains: where they are and how their lattices lie, read from hexrd's ``grains.out``.

The laboratory is hexrd's: the beam goes along -z, the sample turns about y, right-handed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from steering.core.block import Floats
from steering.core.errors import SteeringError
from steering.spots.crystal import Crystal
from steering.spots.turns import rotation_of

_COLUMNS, _MOST_BYTES = 15, 1 << 26
_ORIENTATION, _POSITION, _STRETCH = slice(3, 6), slice(6, 9), slice(9, 15)


@dataclass(frozen=True, eq=False)
class Grain:
    """One grain.

    Attributes:
        lattice: Takes indices of a reflection to its vector in the sample at omega 0, shape ``(3, 3)``, in 1/angstrom.
        position: Where it is in the sample, in mm, shape ``(3,)``.
    """

    lattice: Floats
    position: Floats


def grain_of(crystal: Crystal, turn: Floats, position: Floats, stretch: Floats | None = None) -> Grain:
    """Make a grain.

    Args:
        crystal: Its cell without strain.
        turn: Vector about which the crystal is turned into the sample, its length in radians.
        position: In the sample, in mm.
        stretch: What turns reciprocal vectors without strain into those with it, shape ``(3, 3)``; none if left out.
    """
    turned = rotation_of(np.asarray(turn, np.float64)) @ crystal.reciprocal()
    return Grain(turned if stretch is None else stretch @ turned, np.asarray(position, np.float64))


def read_grains(path: Path | str, crystal: Crystal) -> list[Grain]:
    """Read hexrd's ``grains.out``.

    Args:
        path: The file.
        crystal: Whose grains they are.

    Raises:
        SteeringError: If it cannot be read, or holds no grains.
    """
    try:
        table = _table(Path(path))
    except (OSError, ValueError) as error:
        message = f"{path} cannot be read as grains ({error}). Give a grains.out of hexrd."
        raise SteeringError(message) from error
    return [grain_of(crystal, row[_ORIENTATION], row[_POSITION], _stretch(row[_STRETCH])) for row in table]


def _table(path: Path) -> Floats:
    """Read the numbers of a table, shape ``(grains, 15 or more)``.

    Raises:
        ValueError: If there are none, or the file is no text.
    """
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        message = f"it has more than {_MOST_BYTES:,} bytes"
        raise ValueError(message)
    lines = content.decode("utf-8").splitlines()
    rows = [[float(word) for word in line.split()] for line in lines if line.strip() and not line.startswith("#")]
    table = np.array(rows, np.float64)
    if table.ndim != 2 or table.shape[1] < _COLUMNS or not np.isfinite(table[:, :_COLUMNS]).all():
        message = f"it needs rows of {_COLUMNS} or more finite numbers"
        raise ValueError(message)
    return table


def _stretch(told: Sequence[float]) -> Floats:
    """Unpack hexrd's six numbers: the diagonal, then yz, xz and xy times the square root of 2."""
    xx, yy, zz, yz, xz, xy = told
    yz, xz, xy = (one / np.sqrt(2) for one in (yz, xz, xy))
    return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
