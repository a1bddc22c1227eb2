"""Simulated patterns are indexed back: several grains in one, their turns and strains; and noise is no grain."""

import numpy as np
import pytest

from steering.laue.forward import lattice_of, pattern_of
from steering.laue.indexing import Known, refined
from steering.laue.reflections import KEV_ANGSTROM, Band, reflections_of
from steering.laue.search import Search
from steering.laue.strain import COMPONENTS, equivalent, strain_of
from steering.laue.strain import deviator as of_stretch
from steering.laue.symmetry import apart, rotation_in, turns_of
from steering.spots.crystal import Crystal
from steering.spots.turns import rotation_of, turn_of
from tests.laue.patterns import BAND, NICKEL, PANEL, deviator, lattices, optics, seen, turns

SIX = ([0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1])


def test_spots_obey_bragg_s_law_and_lie_in_the_band():
    lattice = lattices(1)[0]
    pattern = pattern_of(lattice, reflections_of(NICKEL, BAND.high), PANEL, BAND)
    g = pattern.indices @ lattice.T
    away = PANEL.places(pattern.row, pattern.column)[PANEL.on(pattern.row, pattern.column)]
    assert ((pattern.energy >= BAND.low) & (pattern.energy <= BAND.high)).all()
    wavelength = KEV_ANGSTROM / pattern.energy
    # k_f = k_i + g is as long as k_i.
    scattered = np.array([0, 0, 1]) / wavelength[:, None] + g
    assert np.linalg.norm(scattered, axis=1) * wavelength == pytest.approx(1)
    on = scattered[PANEL.on(pattern.row, pattern.column)]
    assert away / np.linalg.norm(away, axis=1, keepdims=True) == pytest.approx(
        on / np.linalg.norm(on, axis=1, keepdims=True)
    )
    # Nickel has no reflections whose indices are even and odd.
    assert (np.ptp(pattern.indices % 2, axis=1) == 0).all()


def test_orders_of_one_direction_are_one_spot():
    cubic = Crystal((4.0, 4.0, 4.0))
    pattern = pattern_of(lattice_of(cubic, np.eye(3)), reflections_of(cubic, 30.0), PANEL, Band(5.0, 30.0))
    assert len(np.unique(np.round(pattern.directions, 9), axis=0)) == len(pattern)


def test_several_grains_are_found_with_their_turns_and_strains():
    random, symmetry = np.random.default_rng(0), turns_of(NICKEL)
    there, index, pulls = turns(60), Known(lattices(60), optics()), []
    for trial in range(12):
        truth = range(3 * trial, 3 * trial + 3)
        moves = {grain: rotation_of(random.normal(0, 0.002, 3)) for grain in truth}
        strains = {grain: deviator(random) for grain in truth}
        placed = [lattice_of(NICKEL, moves[grain] @ there[grain], strains[grain]) for grain in truth]
        row, column, counts = seen(placed, random)
        found = index.find(PANEL.directions(row, column), counts)
        assert sorted(one.grain for one in found) == list(truth)
        for one in found:
            expected = of_stretch(np.eye(3) + strains[one.grain])[SIX]
            pulls.append((one.fit.strain - expected) / one.fit.error)
            measured = rotation_in(one.fit.lattice, NICKEL.reciprocal())
            assert apart(measured, moves[one.grain] @ there[one.grain], symmetry) < 0.1
            moved = np.degrees(np.linalg.norm(turn_of(moves[one.grain])))
            assert apart(measured, there[one.grain], symmetry) == pytest.approx(moved, abs=0.1)
            assert len(one.spots) > 0.8 * one.expected
    # The errors are those that there are.
    assert 0.7 < np.std(pulls) < 1.4
    assert np.abs(np.mean(pulls)) < 0.3


def test_a_turn_without_strain_is_right_to_a_twentieth_of_a_degree():
    random, symmetry, found = np.random.default_rng(1), turns_of(NICKEL), []
    for turn, lattice in zip(turns(20, 3), lattices(20, 3), strict=True):
        row, column, counts = seen([lattice], random)
        (one,) = Known([lattice], optics()).find(PANEL.directions(row, column), counts)
        found.append(apart(rotation_in(one.fit.lattice, NICKEL.reciprocal()), turn, symmetry))
    assert np.median(found) < 0.025
    assert max(found) < 0.05


@pytest.mark.whole
def test_noise_is_no_grain():
    random = np.random.default_rng(2)
    index, search = Known(lattices(100), optics()), Search(NICKEL, optics())
    for _ in range(20):
        row, column = random.uniform(0, 511, (2, 60))
        directions, counts = PANEL.directions(row, column), random.uniform(10, 1000, 60)
        assert index.find(directions, counts) == []
        assert search.find(directions, counts, np.ones(60, bool)) == []


def test_a_grain_among_noise_keeps_its_spots_only():
    random = np.random.default_rng(3)
    row, column, counts = seen(lattices(1), random)
    more = random.uniform(0, 511, (2, 40))
    directions = PANEL.directions(np.append(more[0], row), np.append(more[1], column))
    found = Known(lattices(5), optics()).find(directions, np.append(np.full(40, 100.0), counts))
    assert [one.grain for one in found] == [0]
    assert (found[0].spots >= 40).sum() >= len(row) - 1
    assert (found[0].spots < 40).sum() <= 2


def test_unknown_grains_are_found_from_pairs_of_spots():
    random, symmetry, search = np.random.default_rng(4), turns_of(NICKEL), Search(NICKEL, optics())
    for trial in range(8):
        both = turns(2, 100 + trial)
        row, column, counts = seen([lattice_of(NICKEL, one, deviator(random)) for one in both], random)
        found = search.find(PANEL.directions(row, column), counts, np.ones(len(row), bool))
        assert len(found) == 2
        near = [
            min(apart(rotation_in(one.fit.lattice, NICKEL.reciprocal()), turn, symmetry) for one in found)
            for turn in both
        ]
        assert max(near) < 0.2


def test_a_hexagonal_crystal_is_found_too():
    zirconium = Crystal((3.232, 3.232, 5.147), (90, 90, 120), ((1 / 3, 2 / 3, 0.25), (2 / 3, 1 / 3, 0.75)))
    of, turn = optics(zirconium), turns(1, 8)[0]
    row, column, counts = seen([lattice_of(zirconium, turn)], np.random.default_rng(5), of=of)
    found = Search(zirconium, of).find(PANEL.directions(row, column), counts, np.ones(len(row), bool))
    found_turn = rotation_in(found[0].fit.lattice, zirconium.reciprocal())
    assert apart(found_turn, turn, turns_of(zirconium)) < 0.1


def test_symmetries_are_those_of_the_lattices():
    assert len(turns_of(NICKEL)) == 24
    assert len(turns_of(Crystal((3.2, 3.2, 5.1), (90, 90, 120)))) == 12
    assert len(turns_of(Crystal((3.0, 4.0, 5.0)))) == 4
    assert len(turns_of(Crystal((3.0, 4.0, 5.0), (80, 85, 95)))) == 1
    quarter = rotation_of(np.array([0, 0, np.pi / 2]))
    assert apart(np.eye(3), quarter, turns_of(NICKEL)) == pytest.approx(0, abs=1e-5)
    assert apart(np.eye(3), rotation_of(np.array([0, 0, 1e-7])), turns_of(NICKEL)) == pytest.approx(np.degrees(1e-7))
    assert apart(np.eye(3), rotation_of(np.array([0, 0, np.pi / 4])), turns_of(NICKEL)) == pytest.approx(45)


def test_strain_without_noise_is_exact():
    strain = deviator(np.random.default_rng(6), 5e-3)
    turn = turns(1, 9)[0]
    pattern = optics().pattern(lattice_of(NICKEL, turn, strain))
    found = strain_of(pattern.indices, pattern.directions, np.ones(len(pattern)), lattice_of(NICKEL, turn))
    assert found.strain == pytest.approx(of_stretch(np.eye(3) + strain)[SIX], abs=1e-9)
    assert found.off == pytest.approx(0, abs=1e-9)
    assert equivalent(found.strain) == pytest.approx(np.sqrt(2 / 3 * np.sum(of_stretch(np.eye(3) + strain) ** 2)))
    assert len(COMPONENTS) == 6
    # A larger cell has the same pattern.
    again = strain_of(pattern.indices, pattern.directions, np.ones(len(pattern)), 1.01 * lattice_of(NICKEL, turn))
    assert again.strain == pytest.approx(found.strain, abs=1e-9)


def test_too_few_spots_are_said():
    pattern = optics().pattern(lattices(1)[0]).chosen(np.arange(5))
    with pytest.raises(ValueError, match=r"5 spots say too little of strain\. Allowed: 6 and more"):
        strain_of(pattern.indices, pattern.directions, np.ones(5), lattices(1)[0])
    few = optics(fewest=8)
    assert refined(lattices(1)[0], pattern.directions, np.ones(5), np.ones(5, bool), few) is None
    assert Known([], few).find(pattern.directions, np.ones(5)) == []
    assert Known(lattices(2), few).find(np.empty((0, 3)), np.empty(0)) == []


@pytest.mark.parametrize(("low", "high"), [(0.0, 30.0), (30.0, 7.0), (7.0, float("nan")), (7.0, 2000.0)])
def test_a_band_that_cannot_be_is_said(low, high):
    with pytest.raises(ValueError, match=r"keV\. Allowed: above 0 and up to 1000 keV, in order"):
        Band(low, high)
