"""Where grains diffract to is where hexrd says, for a grain that hexrd has found; and the files of hexrd are read."""

import h5py
import numpy as np
import pytest

from steering.core.errors import SteeringError
from steering.hedm.distortion import Distortion
from steering.hedm.forward import hits_of
from steering.hedm.grains import Grain, grain_of, read_grains
from steering.hedm.instrument import read_instrument
from steering.sim.data import fetch
from steering.spots.crystal import Crystal

# The cell of materials.h5.
ZIRCONIUM = Crystal((3.228831, 3.228831, 5.15), (90, 90, 120), ((1 / 3, 2 / 3, 0.25), (2 / 3, 1 / 3, 0.75)))


@pytest.fixture(scope="module")
def instrument():
    return read_instrument(fetch("hedm_1id/GE2_APS_1-ID-C_20110713.hexrd"))


@pytest.fixture(scope="module")
def recorded():
    """All spots that hexrd has predicted for its first grain."""
    lines = fetch("hedm_1id/reference/spots_00000.out").read_text().splitlines()
    return np.array([[float(word) for word in line.split()] for line in lines if not line.startswith("#")])


def turned(angle):
    return (angle + 180) % 360 - 180


def beside(recorded, grain, instrument):
    """What we predict for each recorded spot."""
    indices, reflection = np.unique(recorded[:, 2:5].astype(int), axis=0, return_inverse=True)
    hits = hits_of([grain], indices, instrument)
    chosen = []
    for spot, number in zip(recorded, reflection, strict=True):
        places = np.flatnonzero(hits.reflection == number)
        chosen.append(places[np.abs(turned(hits.omega[places] - np.degrees(spot[9]))).argmin()])
    return hits.chosen(np.array(chosen))


def test_it_is_the_model_of_hexrd(recorded, instrument):
    """The state of the grain that hexrd predicted from follows from its own angles; all else must then agree."""
    wavelength = instrument.geometry.wavelength * 1e10
    theta, eta, omega = recorded[:, 7] / 2, recorded[:, 8], recorded[:, 9]
    x, y, z = np.cos(theta) * np.cos(eta), np.cos(theta) * np.sin(eta), np.sin(theta)
    sample = np.stack([x * np.cos(omega) - z * np.sin(omega), y, x * np.sin(omega) + z * np.cos(omega)], 1)
    sample *= (2 * np.sin(theta) / wavelength)[:, None]
    lattice, *_ = np.linalg.lstsq(recorded[:, 2:5], sample, rcond=None)
    # Where the grain was: to first order a pixel's place changes with it in proportion.
    place = np.zeros(3)
    for _ in range(8):
        seen = [beside(recorded, Grain(lattice.T, place + step), instrument) for step in (0, *(1e-3 * np.eye(3)))]
        away = [np.concatenate([one.row, one.column]) for one in seen]
        wanted = np.concatenate([1023.5 - recorded[:, 14] / 0.2, 1023.5 + recorded[:, 13] / 0.2])
        slopes = np.stack([one - away[0] for one in away[1:]], 1) / 1e-3
        place = place + np.linalg.lstsq(slopes, wanted - away[0], rcond=None)[0]
    found = beside(recorded, Grain(lattice.T, place), instrument)
    assert np.abs(found.two_theta - np.degrees(recorded[:, 7])).max() < 1e-9
    assert np.abs(turned(found.eta - np.degrees(recorded[:, 8]))).max() < 1e-9
    assert np.abs(turned(found.omega - np.degrees(recorded[:, 9]))).max() < 1e-9
    assert np.abs(found.row - wanted[: len(recorded)]).max() < 1e-6
    assert np.abs(found.column - wanted[len(recorded) :]).max() < 1e-6


def test_grains_out_gives_what_hexrd_measured(recorded, instrument):
    """hexrd wrote its spots one refinement before its grains, so these differ by that step."""
    grain = read_grains(fetch("hedm_1id/reference/grains.out"), ZIRCONIUM)[0]
    found = beside(recorded, grain, instrument)
    assert np.abs(found.two_theta - np.degrees(recorded[:, 7])).max() < 0.02
    assert np.abs(turned(found.eta - np.degrees(recorded[:, 8]))).max() < 0.11
    assert np.abs(turned(found.omega - np.degrees(recorded[:, 9]))).max() < 0.4
    bright = recorded[:, 6] > 100
    assert np.median(np.abs(found.two_theta - np.degrees(recorded[:, 10]))[bright]) < 0.01
    assert np.median(np.abs(turned(found.eta - np.degrees(recorded[:, 11])))[bright]) < 0.15
    assert np.median(np.abs(turned(found.omega - np.degrees(recorded[:, 12])))[bright]) < 0.5


def test_reflections_are_those_that_a_crystal_has():
    cubic = Crystal((3.524, 3.524, 3.524), atoms=((0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)))
    indices, strength = cubic.reflections(1.2)
    assert {tuple(sorted(map(abs, one))) for one in indices.tolist()} == {(1, 1, 1), (0, 0, 2), (0, 2, 2)}
    assert len(indices) == 8 + 6 + 12
    assert strength == pytest.approx(1)
    hexagonal = {tuple(one) for one in ZIRCONIUM.reflections(1.0)[0].tolist()}
    # Of 00l only even l, and 111 is absent.
    assert (0, 0, 2) in hexagonal
    assert not {(0, 0, 1), (0, 0, 3), (1, 1, 1)} & hexagonal
    lengths = np.linalg.norm(cubic.reciprocal(), axis=0)
    assert lengths == pytest.approx(1 / 3.524)


def test_a_turned_grain_diffracts_at_braggs_angle(instrument):
    cell = Crystal((4.0, 4.0, 4.0))
    grain = grain_of(cell, np.array([0.1, 0.2, 0.3]), np.zeros(3))
    hits = hits_of([grain, grain], np.array([[1, 0, 0]]), instrument)
    wavelength = instrument.geometry.wavelength * 1e10
    assert hits.two_theta == pytest.approx(np.degrees(2 * np.arcsin(wavelength / 8)))
    assert hits.grain.tolist() == [0, 0, 1, 1]
    seen = np.degrees(instrument.geometry.two_theta(hits.row, hits.column))
    # All but the distortion of the panel.
    assert seen == pytest.approx(hits.two_theta, abs=1e-3)
    assert len(hits_of([], np.array([[1, 0, 0]]), instrument).row) == 0


def test_a_distortion_is_undone():
    bent = Distortion((1.7e-4, -1e-5, -4e-4, 2.0, 2.0, 2.0))
    x, y = np.array([0.0, 100.0, -150.0, 20.0]), np.array([0.0, 50.0, 150.0, -200.0])
    there = bent.straight(*bent.seen(x, y))
    assert np.abs(there[0] - x).max() < 1e-9
    assert np.abs(there[1] - y).max() < 1e-9
    assert np.hypot(*(np.array(bent.seen(x, y)) - [x, y])).max() > 0.01


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        (((0.0, 4.0, 4.0),), "edges of .* Allowed: above 0"),
        (((4.0, float("nan"), 4.0),), "edges of"),
        (((4.0, 4.0, 4.0), (90, 90, 200)), "angles of"),
        (((4.0, 4.0, 4.0), (10, 10, 90)), "angles of"),
    ],
)
def test_what_is_no_cell_is_said(cell, sentence):
    with pytest.raises(ValueError, match=sentence):
        Crystal(*cell)


@pytest.mark.parametrize("shortest", [0.0, -1.0, float("nan"), 1e-3])
def test_too_many_reflections_are_refused(shortest):
    with pytest.raises(ValueError, match="angstrom"):
        ZIRCONIUM.reflections(shortest)


@pytest.mark.parametrize("text", ["", "# nothing\n", "1 2 3\n", "1 " * 20 + "\nx\n", "nan " * 21])
def test_what_are_no_grains_is_said(tmp_path, text):
    (tmp_path / "grains.out").write_text(text)
    for name in ("grains.out", "none.out"):
        with pytest.raises(SteeringError, match="cannot be read as grains"):
            read_grains(tmp_path / name, ZIRCONIUM)


def changed(tmp_path, **changes):
    path = tmp_path / "a.hexrd"
    path.write_bytes(fetch("hedm_1id/GE2_APS_1-ID-C_20110713.hexrd").read_bytes())
    with h5py.File(path, "r+") as file:
        for place, value in changes.items():
            name = f"instrument/{place.replace('__', '/')}"
            if name in file:
                del file[name]
            if value is not None:
                file[name] = value
    return path


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"beam__energy": None}, "cannot be read as an instrument"),
        ({"beam__vector__azimuth": 80.0}, "its beam has angles"),
        ({"detectors__GE2__distortion__function_name": "other"}, "Known: GE_41RT"),
        ({"detectors__GE2__transform__translation": np.zeros(3)}, "distance"),
        ({"detectors__other__x": 1.0}, "say which of its panels: GE2, other"),
    ],
)
def test_what_is_no_instrument_is_said(tmp_path, changes, sentence):
    with pytest.raises(SteeringError, match=sentence):
        read_instrument(changed(tmp_path, **changes))
    (tmp_path / "text").write_text("nothing")
    with pytest.raises(SteeringError, match="cannot be read as an instrument"):
        read_instrument(tmp_path / "text")
    assert read_instrument(fetch("hedm_1id/GE2_APS_1-ID-C_20110713.hexrd"), "GE2").shape == (2048, 2048)
