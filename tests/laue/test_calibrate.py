"""A panel is refined from a pattern of silicon, to better than 0.05 degrees."""

from dataclasses import replace

import numpy as np
import pytest

from steering.core.errors import SteeringError
from steering.laue.calibrate import refine_panel
from steering.laue.forward import lattice_of
from steering.laue.looking import indexed_by_search
from steering.laue.panel import Panel
from steering.spots.turns import rotation_of, turn_of
from tests.laue.patterns import PANEL, SILICON, optics, seen, turns

ALL = tuple(one.ravel() for one in np.meshgrid(np.arange(0, 512, 50.0), np.arange(0, 512, 50.0)))


def off_by(one, other):
    """Say how far directions are off at most, in degrees."""
    return np.degrees(np.linalg.norm(one.directions(*ALL) - other.directions(*ALL), axis=1)).max()


def around_the_beam(panel, by):
    return replace(
        panel, rotation=tuple(turn_of(rotation_of(np.array([0, 0, by])) @ rotation_of(np.array(panel.rotation))))
    )


def azimuth(panel):
    middle = rotation_of(np.array(panel.rotation)) @ panel.translation
    return np.arctan2(middle[1], middle[0])


@pytest.mark.parametrize("seed", range(5))
def test_it_is_right_to_a_twentieth_of_a_degree(seed):
    random, turn = np.random.default_rng(seed), turns(1, 50 + seed)[0]
    row, column, _ = seen([lattice_of(SILICON, turn)], random, of=optics(SILICON))
    wrong = Panel(
        PANEL.shape, PANEL.size, tuple(PANEL.rotation + random.normal(0, 0.005, 3)),
        tuple(PANEL.translation + random.normal(0, 1.0, 3)),
    )  # fmt: skip
    about = rotation_of(random.normal(0, 0.003, 3)) @ turn
    found = refine_panel(optics(SILICON, wrong), SILICON.reciprocal(), about, row, column)
    assert found.spots > 0.9 * len(row)
    assert found.off < 0.12
    # What no pattern can say is kept as it was.
    assert azimuth(found.panel) == pytest.approx(azimuth(wrong), abs=1e-9)
    alike = around_the_beam(found.panel, azimuth(PANEL) - azimuth(found.panel))
    assert off_by(wrong, PANEL) > 0.1
    assert off_by(alike, PANEL) < 0.05
    assert np.linalg.norm(np.array(alike.translation) - PANEL.translation) < 6 * np.linalg.norm(found.error[3:])


def test_spots_of_something_else_are_said():
    random = np.random.default_rng(0)
    row, column = random.uniform(0, 511, (2, 12))
    with pytest.raises(SteeringError, match=r"of 12 spots are within 1\.5 deg .* A calibration needs 10"):
        refine_panel(optics(SILICON), SILICON.reciprocal(), turns(1)[0], row, column)


@pytest.mark.parametrize("seed", range(3))
def test_how_the_crystal_lies_need_not_be_known(seed):
    random = np.random.default_rng(10 + seed)
    row, column, counts = seen([lattice_of(SILICON, turns(1, 80 + seed)[0])], random, of=optics(SILICON))
    wrong = Panel(PANEL.shape, PANEL.size, (-1.203, -1.208, -1.2215), (27.5, 3.5, 513.6))
    loose = optics(SILICON, wrong, first=1.0, last=0.3)
    (crystal, *_) = indexed_by_search(wrong.directions(row, column), counts, SILICON, loose)
    found = refine_panel(optics(SILICON, wrong), SILICON.reciprocal(), crystal.turn, row, column)
    assert found.spots > 0.9 * len(row)
    assert off_by(around_the_beam(found.panel, azimuth(PANEL) - azimuth(found.panel)), PANEL) < 0.05
