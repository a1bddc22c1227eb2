"""What techniques do only once they are told the instrument keeps the contract too, on blocks that are made up.

The kit makes each analysis with what it begins with, where ptychography knows no pixel and Laue no panel. So these are
named here, with what a beamline's file would say of them.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steering.analyses.hedm import Hedm
from steering.analyses.laue import Laue
from steering.analyses.ptychography import Ptychography
from steering.analyses.radial import Radial
from steering.analyses.xpcs import Xpcs
from steering.core.block import Inline
from steering.geometry.geometry import Geometry
from steering.laue.forward import lattice_of, pattern_of
from steering.laue.panel import Panel
from steering.laue.reflections import Band, reflections_of
from steering.spots.crystal import Crystal
from steering.spots.turns import rotation_of
from steering.testing import check_analysis
from steering.testing.blocks import make_block
from tests.contracts.test_analyses import blocks
from tests.thorough import some

SIDE, TURNS = 64, ((0.1, 0.2, 0.3), (-0.6, 0.4, 1.0))
NICKEL = Crystal((3.524, 3.524, 3.524), atoms=((0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)))
PANEL = Panel((SIDE, SIDE), (409.6, 409.6), (-1.20, -1.21, -1.22), (28.0, 3.0, 513.0))
STANDS = Geometry(distance=0.4, poni1=2e-3, poni2=2e-3, pixel1=2e-4, pixel2=2e-4, wavelength=1.4e-11).json()
LAUE = {
    "panel": {"shape": PANEL.shape, "size": PANEL.size, "rotation": PANEL.rotation, "translation": PANEL.translation},
    "crystal": {"lengths": NICKEL.lengths, "atoms": NICKEL.atoms}, "turns": TURNS[:1], "within": (2.0, 0.5),
    "fit_above": 90.0, "axes": ("sy", "sx"), "kept": 5,
}  # fmt: skip
RADIAL = {"bins": 5, "monitor": "exposure", "guinier": (0, 8), "watched": (0, 6), "peak": (0, 9)}
# Each analysis, and a feature or array that it has only with what it was told.
TOLD = {
    "ptychography": (lambda: Ptychography(pixel_size=20.0, iterations=2), "error"),
    "ptychography of two modes, corrected": (
        lambda: Ptychography(pixel_size=20.0, iterations=8, modes=2, position_error=0.04), "position_error",
    ),
    "laue": (lambda: Laue(**LAUE), "misorientation"),
    "laue that searches": (lambda: Laue(**LAUE, search=True), "misorientation"),
    "xpcs": (lambda: Xpcs(bins=2, static_pixels=16, segment=3, slot=1, period=0.5), "two_time"),
    "hedm": (lambda: Hedm(threshold=3, fewest_pixels=1, geometry=STANDS, valley=0.5, slow="seq_num"), "two_theta"),
    "hedm with fits": (lambda: Hedm(threshold=5, fit_above=20, geometry=STANDS, level=True), "two_theta"),
    "radial": (lambda: Radial(**RADIAL), "damage"),
    "radial with a geometry": (lambda: Radial(**RADIAL | {"geometry": STANDS, "apart": "seq_num"}), "bursts"),
}  # fmt: skip


@cache
def spots_of(turn):
    """Rows and columns of a grain's spots that are well within the panel."""
    lattice, within = lattice_of(NICKEL, rotation_of(np.array(turn))), slice(3, SIDE - 3)
    pattern = pattern_of(lattice, reflections_of(NICKEL, 30.0), PANEL, Band(7.0, 30.0))
    places = np.rint(np.stack([pattern.row, pattern.column], 1))
    return places[((places >= within.start) & (places < within.stop)).all(axis=1)].astype(int).tolist()


def stamped(block, seed):
    """Lay frames into the corner of a panel, and put the spots of a grain onto most of them."""
    random = np.random.default_rng([seed, block.start])
    frames = np.zeros((len(block), SIDE, SIDE), block.place.frames.dtype)
    frames[:, : block.place.frames.shape[1], : block.place.frames.shape[2]] = block.place.frames
    for frame in frames:
        for row, column in spots_of(TURNS[random.integers(len(TURNS))]) if random.integers(3) else ():
            frame[row - 1 : row + 2, column - 1 : column + 2] = [[60, 90, 60], [90, 250, 90], [60, 90, 60]]
    return replace(block, place=Inline(frames))


@pytest.mark.parametrize("name", TOLD)
def test_what_they_are_told_they_do(name):
    make, what = TOLD[name]
    random = np.random.default_rng(4)
    frames = random.poisson(2 + 40 * random.random((16, 18)) ** 8, (28, 16, 18))
    block = make_block(frames.astype(np.uint16), 0)
    if "laue" in name:
        block = stamped(block, 1)
    analysis = make()
    outcome = analysis.result(analysis.update(analysis.empty(), block, block.place.frames))
    assert what in set(outcome.features) | set(map(str, outcome.data.variables)), outcome


@pytest.mark.whole
@pytest.mark.parametrize("name", some(TOLD, lambda name: name != "laue that searches"))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(made=blocks(), seed=st.integers(0, 99))
def test_made_up_blocks_keep_the_contract_of_what_was_told(name, made, seed):
    make, _ = TOLD[name]
    check_analysis(make(), [stamped(block, seed) for block in made] if "laue" in name else made)
