"""Where pixels are, both ways, and 34-ID-E's files of it."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from steering.core.errors import SteeringError
from steering.laue.geon import read_geon, read_panel, write_geon
from steering.laue.panel import Panel, reflected
from steering.spots.turns import rotation_of, turn_of
from tests.laue.patterns import PANEL

GEON = """<?xml version="1.0" encoding="UTF-8" ?>
<geoN xmlns="http://sector34.xray.aps.anl.gov/34ide/geoN">
  <Detectors Ndetectors="2">  <!-- two of them -->
    <Detector N="0">
      <Npixels>2048 1024</Npixels><size unit="mm">409.6 204.8</size>
      <R unit="radian">-1.20 -1.21 -1.22</R><P unit="mm">28.0 3.0 513.0</P><ID>PE 1</ID>
    </Detector>
    <Detector N="1">
      <Npixels>1024 1024</Npixels><size unit="mm">204.8 204.8</size>
      <R unit="radian">0 0 0</R><P unit="micron">0 0 400000</P>
    </Detector>
  </Detectors>
  <Wire><dia unit="micron">50</dia><Origin unit="micron">0 1500 0</Origin><Axis>1 0 0</Axis></Wire>
</geoN>
"""


def test_a_pixel_is_where_the_formula_says():
    flat = Panel((100, 200), (10.0, 40.0), (0.0, 0.0, 0.0), (1.0, 2.0, 500.0))
    row, column = np.array([49.5, 0.0]), np.array([99.5, 199.0])
    assert flat.places(row, column) == pytest.approx(np.array([[1, 2, 500], [1 + 99.5 * 0.2, 2 - 49.5 * 0.1, 500]]))
    # Turned by 120 degrees about the space diagonal, what was before the sample is above it.
    third = 2 * np.pi / 3 / np.sqrt(3)
    above = Panel((100, 200), (10.0, 40.0), (-third, -third, -third), (0.0, 0.0, 500.0))
    assert above.places(np.array([49.5]), np.array([99.5])) == pytest.approx(np.array([[0, 500, 0]]), abs=1e-9)
    # The beam turned up by 90 degrees is scattered by planes that are half way between.
    assert above.directions(np.array([49.5]), np.array([99.5])) == pytest.approx(
        np.array([[0, 1, -1]]) / np.sqrt(2), abs=1e-12
    )


@pytest.mark.parametrize("depth", [0.0, 0.05])
def test_pixels_lead_to_directions_and_back(depth):
    random = np.random.default_rng(0)
    row, column = random.uniform(0, 511, (2, 50))
    directions = PANEL.directions(row, column, depth)
    assert np.linalg.norm(directions, axis=1) == pytest.approx(1, abs=1e-12)
    back = PANEL.pixels(reflected(directions), depth)
    assert back[0] == pytest.approx(row, abs=1e-6)
    assert back[1] == pytest.approx(column, abs=1e-6)


def test_one_pixel_by_itself_is_bitwise_the_same_as_among_others():
    row, column = np.random.default_rng(1).uniform(0, 511, (2, 33))
    whole = PANEL.directions(row, column)
    single = np.concatenate([PANEL.directions(row[at : at + 1], column[at : at + 1]) for at in range(33)])
    assert np.array_equal(whole, single)


def test_light_that_goes_away_from_the_panel_is_nowhere():
    row, column = PANEL.pixels(np.array([[0.0, -1.0, 0.0], [np.nan, 0, 1]]))
    assert np.isnan(row).all()
    assert np.isnan(column).all()
    assert not PANEL.on(row, column).any()


def test_a_binned_panel_has_the_same_corners():
    row, column = np.array([-0.5, 511.5]), np.array([-0.5, 511.5])
    assert PANEL.binned(4).places(np.array([-0.5, 127.5]), np.array([-0.5, 127.5])) == pytest.approx(
        PANEL.places(row, column)
    )
    with pytest.raises(ValueError, match="512 x 512 px cannot be binned by 3"):
        PANEL.binned(3)


def test_a_file_is_read_and_written(tmp_path):
    (tmp_path / "geoN.xml").write_text(GEON)
    geometry = read_geon(tmp_path / "geoN.xml")
    first, second = geometry.panels[0], read_panel(tmp_path / "geoN.xml", 1)
    # The file has columns before rows.
    assert (first.shape, first.size, first.identity) == ((1024, 2048), (204.8, 409.6), "PE 1")
    assert second.translation == (0.0, 0.0, 400.0)
    assert geometry.wire is not None
    assert (geometry.wire.diameter, geometry.wire.origin) == (0.05, (0, 1.5, 0))
    again = read_geon(write_geon(tmp_path / "again.xml", [first, second], "refined <with> silicon"))
    assert again.panels == geometry.panels
    with pytest.raises(SteeringError, match=r"has no detector 2\. Allowed: 0, 1\."):
        read_panel(tmp_path / "geoN.xml", 2)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('<R unit="radian">-1.20', '<R unit="degree">-1.20', r"<R> of Detector 0 is in 'degree'\. Known units: radian"),
        ("28.0 3.0 513.0", "28.0 3.0", r"<P> of Detector 0 has 2 numbers\. Write 3"),
        ("28.0 3.0 513.0", "28.0 3.0 here", r"<P> of Detector 0 is .*\. Write 3 numbers"),
        ("28.0 3.0 513.0", "28.0 3.0 nan", r"translation is .* mm\. Allowed: three finite numbers"),
        ("28.0 3.0 513.0", "0 0 0", "its middle would be in the sample"),
        ("2048 1024", "2048 -3", r"rows and columns\. Allowed: 1 to 65536"),
        ("2048 1024", "2048 1.5", r"Allowed: whole numbers"),
        ("409.6 204.8", "409.6 0", r"Allowed: above 0 mm"),
        ('<size unit="mm">409.6 204.8</size>', "", "Detector 0 has no <size>"),
        ('N="1"', 'N="0"', "has no number of its own"),
        ('N="1"', 'N="x"', "has no number of its own"),
        ("Detectors", "Instruments", "it has no <Detectors>"),
        ("geoN", "poni", "a file of <poni>, not of <geoN>"),
        ("</geoN>", "", "cannot be read as a geometry of 34-ID-E"),
        ("<geoN", '<!DOCTYPE a [<!ENTITY b "c">]><geoN', "declares types or entities"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(before, after, said, tmp_path):
    (tmp_path / "geoN.xml").write_text(GEON.replace(before, after))
    with pytest.raises(SteeringError, match=said):
        read_geon(tmp_path / "geoN.xml")


def test_no_file_and_no_xml_are_said(tmp_path):
    with pytest.raises(SteeringError, match=r"No such file or directory\)\. Give its file geoN_"):
        read_geon(tmp_path / "none.xml")
    (tmp_path / "large.xml").write_bytes(b" " * (1 << 21))
    with pytest.raises(SteeringError, match="more than 1,048,576 bytes"):
        read_geon(tmp_path / "large.xml")


@pytest.mark.parametrize("angle", [0.0, 1e-9, 0.3, 2.0, 3.1, np.pi])
def test_turns_are_read_back_from_their_matrices(angle):
    for axis in np.random.default_rng(2).normal(size=(10, 3)):
        turn = axis / np.linalg.norm(axis) * angle
        back = turn_of(rotation_of(turn))
        assert rotation_of(back) == pytest.approx(rotation_of(turn), abs=1e-7)
        assert np.linalg.norm(back) == pytest.approx(angle, abs=1e-7)


def test_scipy_turns_the_panel_to_the_same_place():
    row, column = np.random.default_rng(3).uniform(0, 511, (2, 20))
    flat = np.stack([(column - 255.5) * 0.8, (row - 255.5) * 0.8, np.zeros(20)], axis=1) + PANEL.translation
    assert PANEL.places(row, column) == pytest.approx(Rotation.from_rotvec(PANEL.rotation).apply(flat), abs=1e-9)
