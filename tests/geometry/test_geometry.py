"""Angles and wave vectors of pixels, beside hand-made cases and numbers of pyFAI 2026.9.0."""

import contextlib
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.geometry.geometry import Geometry
from steering.geometry.poni import parse_poni, read_poni
from steering.geometry.stands import geometry_of

# Two theta in rad, q in 1/angstrom, azimuth in rad: pyFAI 2026.9.0, Geometry.tth, qFunction / 10 and chi.
WRITTEN = json.loads((Path(__file__).parent / "recorded.json").read_text())
ROWS, COLUMNS = WRITTEN["rows"], WRITTEN["columns"]
RECORDED = [(Geometry(**one["geometry"]), one["two_theta"], one["q"], one["azimuth"]) for one in WRITTEN["recorded"]]
PONI = """# Nota: C-Order, 1 refers to the Y axis, 2 to the X axis
poni_version: 2.1
Detector: Detector
Detector_config: {"pixel1": 7.5e-05, "pixel2": 0.000172, "orientation": 3}
Distance: 0.12
Poni1: -0.05
Poni2: 0.04
Rot1: 1.2
Rot2: 0.4
Rot3: -2.0
Wavelength: 1.2398e-10
"""


@pytest.mark.parametrize(("found", "two_theta", "q", "azimuth"), RECORDED)
def test_it_is_the_geometry_of_pyfai(found, two_theta, q, azimuth):
    assert found.two_theta(ROWS, COLUMNS) == pytest.approx(two_theta, rel=1e-12)
    assert found.q(ROWS, COLUMNS) == pytest.approx(q, rel=1e-12)
    assert found.azimuth(ROWS, COLUMNS) == pytest.approx(azimuth, rel=1e-12)


def test_a_pixel_one_distance_aside_sees_45_degrees():
    found = Geometry(distance=1.0, poni1=0.5e-3, poni2=0.5e-3, pixel1=1e-3, pixel2=1e-3, wavelength=1e-10)
    assert found.two_theta(0, 0) == 0.0
    assert found.two_theta(0, 1000) == pytest.approx(math.pi / 4)
    assert found.azimuth([0, 1000], [1000, 0]) == pytest.approx([0.0, math.pi / 2])
    assert found.q(0, 1000) == pytest.approx(4 * math.pi * math.sin(math.pi / 8))


def test_shapes_are_those_of_what_is_asked():
    rows, columns = np.indices((4, 5))
    found = RECORDED[0][0]
    assert found.q(rows, columns).shape == (4, 5)
    assert found.q(rows[:, :1], columns[:1]) == pytest.approx(found.q(rows, columns))


def test_what_is_written_is_read():
    found = RECORDED[2][0]
    assert Geometry.of(found.json()) == found
    assert parse_poni(PONI) == found


def test_older_files_are_read():
    first = parse_poni(
        "PixelSize1: 7.5e-5\nPixelSize2: 1.72e-4\nDistance: 0.25\nPoni1: 0.011\nPoni2: 0.013\n"
        "Rot1: 0\nRot2: 0\nRot3: 0\nSplineFile: None\nWavelength: 1.2398e-10\n"
    )
    assert first == RECORDED[0][0]
    second = parse_poni(PONI.replace("2.1", "2").replace(', "orientation": 3', ""))
    assert second == RECORDED[2][0]
    named = (
        "poni_version: 2\nDetector: Eiger4M\nDetector_config: {}\nDistance: 1\nPoni1: 0\nPoni2: 0\nWavelength: 1e-10"
    )
    assert parse_poni(named).pixel1 == 75e-6
    assert parse_poni(named.replace("Eiger4M", "Pilatus 1M")).pixel1 == 172e-6
    assert parse_poni(named.replace("Eiger4M", "Pilatus4_4M")).pixel2 == 150e-6


def test_the_last_calibration_of_a_file_holds():
    assert parse_poni(PONI.replace("0.12", "9.0") + PONI) == parse_poni(PONI)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({}, "lacks distance, poni1, poni2, pixel1, pixel2, wavelength"),
        ([1], "Write its keys with numbers: distance"),
        ("[1", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ({"distance": 1, "tilt": 2}, "has no key 'tilt'"),
        ({"distance": -1.0}, "distance is -1 m. Allowed: above 0, in m."),
        ({"rot1": float("nan")}, "rot1 is nan rad. Allowed: a finite number, in rad."),
        ({"poni1": "far"}, "poni1 is 'far'. Write a number in m."),
        ({"poni1": True}, "poni1 is True. Write a number in m."),
    ],
)
def test_what_is_none_gets_a_sentence(wrong, sentence):
    whole = RECORDED[0][0].json()
    given = wrong if not isinstance(wrong, dict) or not wrong or "tilt" in wrong else whole | wrong
    with pytest.raises(ValueError, match="geometry") as raised:
        Geometry.of(given)
    assert sentence in str(raised.value)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("Distance: 0.12", "Distance: far", "distance is 'far', which is no number"),
        ("Distance: 0.12", "", "lacks distance"),
        ("Distance: 0.12", "Distance: nan", "distance is nan m"),
        ("Wavelength: 1.2398e-10", "", "there is no q without it"),
        ('"orientation": 3', '"orientation": 2', "orientation 2. Allowed: 3"),
        ('"orientation": 3', '"orientation": [3]', "orientation [3]. Allowed: 3"),
        ('{"pixel1": 7.5e-05, "pixel2": 0.000172, "orientation": 3}', "{", "not JSON"),
        ('{"pixel1": 7.5e-05, "pixel2": 0.000172, "orientation": 3}', "[]", "no mapping"),
        ('{"pixel1": 7.5e-05, "pixel2": 0.000172, "orientation": 3}', "{}", "how large pixels are"),
        ("7.5e-05", '"wide"', "pixel1 is 'wide'"),
    ],
)
def test_a_file_that_is_none_gets_a_sentence(tmp_path, old, new, sentence):
    path = tmp_path / "wrong.poni"
    path.write_text(PONI.replace(old, new))
    with pytest.raises(ValueError, match=r"wrong\.poni is no PONI file") as raised:
        read_poni(path)
    assert sentence in str(raised.value)


def test_a_file_that_cannot_be_read_gets_a_sentence(tmp_path):
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        read_poni(tmp_path / "none.poni")
    (tmp_path / "bytes.poni").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="not text in UTF-8"):
        read_poni(tmp_path / "bytes.poni")
    (tmp_path / "long.poni").write_text(" " * (1 << 21))
    with pytest.raises(ValueError, match="more than"):
        read_poni(tmp_path / "long.poni")


@given(st.text())
def test_any_text_is_read_or_gets_a_sentence(text):
    for made in (parse_poni, Geometry.of):
        with contextlib.suppress(ValueError):
            made(text)


@pytest.mark.parametrize(
    ("geometry", "detector", "found"),
    [
        ({"eiger": {"distance": 1.0}}, "", {"distance": 1.0}),
        ({"det": {"distance": 1.0}, "eiger": {"distance": 2.0}}, "", {"distance": 1.0}),
        ({"det": {"distance": 1.0}, "eiger": {"distance": 2.0}}, "eiger", {"distance": 2.0}),
        ({"eiger": {"distance": 2.0}, "lambda": {"distance": 1.0}}, "", {}),
        ({"eiger": {"distance": 1.0}}, "det", {}),
        ({}, "", {}),
        ("far away", "", {}),
        ({"det": 5}, "", {}),
    ],
)
def test_where_a_detector_stood_is_read_from_any_start_document(geometry, detector, found):
    assert geometry_of({"geometry": geometry}, detector) == found
