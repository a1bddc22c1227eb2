"""Spots are handed over to programs that index, and what these find is read."""

import numpy as np
import pytest

from steering.core.errors import SteeringError
from steering.laue.orientations import read_orientations, write_orientations, write_spots
from tests.laue.patterns import NICKEL, turns

EULER = """$filetype	IndexFile
$NpatternsFound	1
$angleTolerance	0.1
$recip_lattice0	{{%s}{%s}{%s}}
[  0]   ( 0.25 0.77 -0.57)     (  3  -1   1)    1.0000,     8.8078,     0.01091      4
"""


def test_a_table_of_orientations_is_read_as_it_was_written(tmp_path):
    there = turns(5)
    for one, other in zip(read_orientations(write_orientations(tmp_path / "o.txt", there), NICKEL), there, strict=True):
        assert one == pytest.approx(other, abs=1e-8)


def test_what_euler_found_is_read(tmp_path):
    turn = turns(1, 3)[0]
    edges = (20 * np.pi * turn @ NICKEL.reciprocal()).T * 1.002
    (tmp_path / "index.txt").write_text(EULER % tuple(",".join(map(repr, one.tolist())) for one in edges))
    assert read_orientations(tmp_path / "index.txt", NICKEL)[0] == pytest.approx(turn, abs=1e-9)


def test_spots_are_written_as_euler_reads_them(tmp_path):
    directions = np.array([[0, 1, 0], [0.6, 0, -0.8]])
    path = write_spots(tmp_path / "p.txt", directions, np.array([5.0, 70.0]), NICKEL, "Ni\n2", 225)
    lines = path.read_text().splitlines()
    assert lines[0] == "$filetype\tPeaksFile"
    assert "$structureDesc\tNi 2" in lines
    assert "$latticeParameters\t{ 0.3524, 0.3524, 0.3524, 90, 90, 90 }" in lines
    assert lines[-3:] == ["$N_Ghat+Intens\t2", " 0.6000000,  0.0000000, -0.8000000,     70",
                          " 0.0000000,  1.0000000,  0.0000000,     5"]  # fmt: skip
    with pytest.raises(ValueError, match=r"space group is 0\. Allowed: 1 to 230"):
        write_spots(path, directions, np.ones(2), NICKEL, "Ni", 0)
    with pytest.raises(ValueError, match=r"shape \(2, 3\) for 3 spots"):
        write_spots(path, directions, np.ones(3), NICKEL, "Ni", 225)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it has 0 orientations"),
        ("# nothing\n", "it has 0 orientations"),
        ("1 0 0 0 1 0 0 0 1\n1 0 0", "line 2 is no rotation"),
        ("1 0 0 0 1 0 0 0 -1", "line 1 is no rotation"),
        ("2 0 0 0 2 0 0 0 2", "line 1 is no rotation"),
        ("nan 0 0 0 1 0 0 0 1", "line 1 is no rotation"),
        ("a b c", "could not convert"),
        ("\udcff", "cannot be read as orientations"),
        ("$recip_lattice0 {{1,0,0}{0,1}{0,0,1}}", "has 8 numbers"),
        ("$recip_lattice0 {{1,0,0}{0,1,0}{0,0,1}}", "is of another cell"),
        ("$recip_lattice0 nothing", "it has 0 orientations"),
    ],
)
def test_what_is_wrong_is_said(text, said, tmp_path):
    (tmp_path / "o.txt").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(SteeringError, match=said):
        read_orientations(tmp_path / "o.txt", NICKEL)


def test_no_file_is_said(tmp_path):
    with pytest.raises(SteeringError, match="No such file or directory"):
        read_orientations(tmp_path / "none", NICKEL)
