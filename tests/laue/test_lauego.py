"""34-ID-E's own programs say the same: numbers that LaueGo's ``pix2qs`` and ``euler`` gave for a pattern of two grains.

They were recorded by AdvancedPhotonSource/laue-analysis for a simulated frame of nickel (``tests/data/synthetic``,
commit 1eb1a7b), with no version of LaueGo beside them. The geometry file is not there either: the panel was refined
from all 48 spots, to 6e-8.
"""

import numpy as np
import pytest

from steering.laue.indexing import Known, Optics
from steering.laue.orientations import read_orientations
from steering.laue.panel import Panel
from steering.laue.reflections import Band, reflections_of
from steering.laue.search import Search
from steering.laue.symmetry import apart, rotation_in, turns_of
from steering.spots.crystal import Crystal

NICKEL = Crystal((3.5238, 3.5238, 3.5238), atoms=((0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)))
PANEL = Panel(
    (2048, 2048), (409.6, 409.6), (-1.20127245, -1.21381747, -1.21879072), (28.72005909, 3.0099592, 513.09702012)
)
# Column and row that LaueGo's peak search found, and the direction that pix2qs made of them.
SPOTS = np.array([
    (50.719, 402.152, -0.1342000, 0.5768306, -0.8057647),
    (1473.091, 1778.692, 0.2233914, 0.7493781, -0.6233207),
    (1468.531, 4.457, -0.2850511, 0.7233420, -0.6289056),
    (1700.994, 779.479, -0.0746038, 0.8048531, -0.5887663),
    (380.083, 1835.799, 0.1980575, 0.6108218, -0.7665963),
    (2015.066, 1234.571, 0.0699723, 0.8360835, -0.5441216),
    (837.081, 154.435, -0.2214997, 0.6658232, -0.7124727),
    (859.449, 1341.382, 0.0909368, 0.7003385, -0.7079947),
])  # fmt: skip
EULER = """$filetype	IndexFile
$NpatternsFound		2		// number of patterns found
$recip_lattice0		{{-8.0782826,-12.0400315,-10.3784962}{-13.8727040,11.0236381,-1.9903968}{7.7603882,7.1729518,-14.3617314}}
//   reciprocal matrix    -8.07828     -13.87270       7.76039
$recip_lattice1		{{17.4176512,-1.0655982,-3.6638938}{-2.9720706,-14.5262106,-9.9040493}{-2.3929926,10.2853243,-14.3673199}}
"""  # noqa: E501  (as the program writes it)
# Of the first grain: indices, direction and energy in keV.
INDEXED = (
    ((0, 2, 2), (-0.2423932, 0.7216174, -0.6484703), 7.6733),
    ((-1, 1, 3), (0.2956961, 0.7538753, -0.5867162), 9.9447),
    ((0, 2, 4), (0.0413360, 0.6362961, -0.7703367), 10.2131),
    ((-1, 3, 5), (0.0498846, 0.7676306, -0.6389482), 16.2890),
    ((-1, 5, 5), (-0.1765644, 0.8090602, -0.5605770), 22.4117),
)


@pytest.fixture(scope="module")
def optics():
    return Optics(reflections_of(NICKEL, 35.0), PANEL, Band(5.0, 35.0))


@pytest.fixture
def turns(tmp_path):
    (tmp_path / "index.txt").write_text(EULER)
    return read_orientations(tmp_path / "index.txt", NICKEL)


def test_pixels_have_the_directions_that_pix2qs_gives():
    assert PANEL.directions(SPOTS[:, 1], SPOTS[:, 0]) == pytest.approx(SPOTS[:, 2:], abs=2e-7)


def test_the_grain_that_euler_found_has_the_same_reflections_at_the_same_energies(optics, turns):
    pattern = optics.pattern(turns[0] @ NICKEL.reciprocal())
    for indices, direction, energy in INDEXED:
        (place,) = np.flatnonzero((pattern.indices == indices).all(axis=1))
        assert pattern.directions[place] == pytest.approx(direction, abs=5e-6)
        assert pattern.energy[place] == pytest.approx(energy, abs=1e-3)


def test_a_search_finds_the_orientations_that_euler_found(optics, turns):
    rows = np.concatenate([optics.pattern(turn @ NICKEL.reciprocal()).row for turn in turns])
    columns = np.concatenate([optics.pattern(turn @ NICKEL.reciprocal()).column for turn in turns])
    directions, counts = PANEL.directions(rows, columns), np.linspace(3000, 300, len(rows))
    found = Search(NICKEL, optics).find(directions, counts, np.ones(len(rows), bool))
    symmetry = turns_of(NICKEL)
    assert len(found) == 2
    for turn in turns:
        near = min(apart(turn, rotation_in(one.fit.lattice, NICKEL.reciprocal()), symmetry) for one in found)
        assert near < 0.01
    known = Known([turn @ NICKEL.reciprocal() for turn in turns], optics).find(directions, counts)
    assert sorted(one.grain for one in known) == [0, 1]
