"""The hand-over to programs that index: spots are written for them, and the orientations that they find are read.

Spots are written as 34-ID-E's ``euler`` reads them (``$filetype PeaksFile``). Orientations come from its output
(``$recip_lattice0`` and so on), or from a plain table that any program can write: a line a grain, nine numbers that are
the rows of the matrix from the crystal's axes to the laboratory's. ``#`` begins a remark.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from steering.core.block import Floats
from steering.core.errors import SteeringError, cause
from steering.spots.crystal import Crystal

_MOST_BYTES, _MOST_GRAINS = 1 << 26, 10_000
_NM, _NINE = 10.0, 9
_TURNED = 1e-3
_LATTICE = re.compile(r"^\$recip_lattice(\d+)\s+(\{.*\})", re.MULTILINE)
_STARRED = 2 * np.pi
# An index of a program is exact to some digits, and its lattice may be that of a strained grain.
_LIKE = 0.05


def write_spots(
    path: Path | str, directions: Floats, counts: Floats, crystal: Crystal, name: str, space_group: int
) -> Path:
    """Write the spots of a frame as 34-ID-E's ``euler`` reads them.

    Args:
        path: Of the file; one that is there is written over.
        directions: Unit vectors along k_f - k_i, shape ``(spots, 3)``.
        counts: Of each spot.
        crystal: With the cell.
        name: Of the crystal.
        space_group: Its number, 1 to 230.

    Raises:
        ValueError: If the number is none of a space group, or the spots are not as many as their counts.
    """
    if not 1 <= space_group <= 230:
        message = f"the space group is {space_group}. Allowed: 1 to 230; nickel has 225."
        raise ValueError(message)
    if directions.shape != (len(counts), 3):
        message = f"directions have shape {directions.shape} for {len(counts)} spots. Allowed: ({len(counts)}, 3)."
        raise ValueError(message)
    cell = ", ".join(f"{one / _NM:.7g}" for one in crystal.lengths)
    angles = ", ".join(f"{one:.7g}" for one in crystal.angles)
    order = np.argsort(-counts, kind="stable")
    lines = ["$filetype\tPeaksFile", f"$structureDesc\t{' '.join(name.split())}"]
    lines += [f"$latticeParameters\t{{ {cell}, {angles} }}", "$lengthUnit\tnm", f"$SpaceGroup\t{space_group}"]
    lines += [f"$N_Ghat+Intens\t{len(counts)}"]
    lines += [
        f"{x: .7f}, {y: .7f}, {z: .7f},     {count:g}"
        for (x, y, z), count in zip(directions[order].tolist(), counts[order].tolist(), strict=True)
    ]
    target = Path(path)
    target.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return target


def write_orientations(path: Path | str, turns: Sequence[Floats]) -> Path:
    """Write a plain table of orientations, as :func:`read_orientations` reads it."""
    target = Path(path)
    rows = [" ".join(f"{one: .9f}" for one in np.asarray(turn).ravel().tolist()) for turn in turns]
    head = "# Rows of the matrix from the crystal's axes to the laboratory's (34-ID-E: z along the beam, y up)."
    target.write_text("\n".join([head, *rows, ""]), encoding="utf-8")
    return target


def read_orientations(path: Path | str, crystal: Crystal) -> list[Floats]:
    """Read orientations from a plain table, or from what ``euler`` has written.

    Args:
        path: The file.
        crystal: Whose grains they are.

    Returns:
        For each grain the rotation from the crystal's axes to the laboratory's, shape ``(3, 3)``.

    Raises:
        SteeringError: If the file cannot be read, or holds none.
    """
    try:
        text = _text(Path(path))
        return _of_lattices(text, crystal) if "$recip_lattice" in text else _of_table(text)
    except (OSError, ValueError) as error:
        why = cause(error)
        message = (
            f"{path} cannot be read as orientations ({why}). Give a line of nine numbers for each grain, or the output "
            "of euler."
        )
        raise SteeringError(message) from error


def _text(path: Path) -> str:
    """Read a text.

    Raises:
        ValueError: If it is too long, or none.
    """
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        message = f"it has more than {_MOST_BYTES:,} bytes"
        raise ValueError(message)
    return content.decode("utf-8")


def _of_table(text: str) -> list[Floats]:
    lines = [line.split("#")[0].replace(",", " ").split() for line in text.splitlines()]
    found = [(number, line) for number, line in enumerate(lines, 1) if line]
    _check_count(len(found))
    return [_rotation([float(word) for word in line], f"line {number}") for number, line in found]


def _of_lattices(text: str, crystal: Crystal) -> list[Floats]:
    """Take the rotation out of reciprocal edges in 1/nm with 2 pi."""
    found = _LATTICE.findall(text)
    _check_count(len(found))
    plain = crystal.reciprocal()
    turns: list[Floats] = []
    for number, told in found:
        numbers = [float(word) for word in told.replace("{", " ").replace("}", " ").replace(",", " ").split()]
        if len(numbers) != _NINE or not np.isfinite(numbers).all():
            message = f"recip_lattice{number} has {len(numbers)} numbers. Allowed: nine finite ones"
            raise ValueError(message)
        edges = np.array(numbers).reshape(3, 3).T / _STARRED / _NM
        left, sizes, right = np.linalg.svd(edges @ np.linalg.inv(plain))
        if np.abs(sizes - 1).max() > _LIKE or np.linalg.det(left @ right) < 0:
            message = f"recip_lattice{number} is of another cell than {crystal.lengths} angstrom"
            raise ValueError(message)
        turns.append(np.asarray(left @ right, np.float64))
    return turns


def _check_count(count: int) -> None:
    if not 1 <= count <= _MOST_GRAINS:
        message = f"it has {count} orientations. Allowed: 1 to {_MOST_GRAINS:,}"
        raise ValueError(message)


def _rotation(numbers: list[float], where: str) -> Floats:
    """Make a rotation of nine numbers.

    Raises:
        ValueError: If they are none.
    """
    made = np.array(numbers, np.float64)
    turned = made.reshape(3, 3) if made.size == _NINE else np.zeros((3, 3))
    if not (np.abs(turned @ turned.T - np.eye(3)).max() < _TURNED and np.linalg.det(turned) > 0):
        message = f"{where} is no rotation. Write the nine numbers of a rotation matrix, row by row"
        raise ValueError(message)
    left, _, right = np.linalg.svd(turned)
    return np.asarray(left @ right, np.float64)
