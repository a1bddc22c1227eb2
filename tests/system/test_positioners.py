"""A beamline whose axis is a pseudo-axis of a diffractometer of classic ophyd, and one whose class is its own."""

import pytest

from steering.core.errors import SteeringError
from steering.session.session import Session
from tests.beamline.site import embedded, over, session_at, site

pytestmark = pytest.mark.system

# As a beamline writes it: the real axis is a motor record of its IOC.
_DEVICES = """
from ophyd import Component, EpicsMotor, PseudoPositioner, PseudoSingle
from ophyd.pseudopos import pseudo_position_argument, real_position_argument


class Bragg(PseudoPositioner):
    two = Component(PseudoSingle, limits=(-0.5, 1.0), egu="deg")
    th = Component(EpicsMotor, "th")

    @pseudo_position_argument
    def forward(self, pseudo):
        return self.RealPosition(th=pseudo.two / 2)

    @real_position_argument
    def inverse(self, real):
        return self.PseudoPosition(two=2 * real.th)
"""


def described():
    """The embedded beamline, whose rocking scan moves twice the angle."""
    description = embedded()
    motors = description["motors"]
    description["devices"] = {"bragg": {"class": "beamline_devices:Bragg", "arguments": {"prefix": "STEER:"}}}
    description["motors"] = {
        "two": {"device": "bragg.two", "tolerance": 0.01},
        "x": {"class": "ophyd:EpicsMotor", "arguments": {"prefix": motors["sx"]["prefix"]}},
        "y": motors["sy"],
    }
    rocking, grid = description["scans"]
    rocking["axis"] = "two"
    grid["area"] = {"y": [-2.0, 2.0], "x": [-5.0, 5.0]}
    return description


@pytest.fixture(scope="module", autouse=True)
def devices(tmp_path_factory):
    folder = tmp_path_factory.mktemp("devices")
    (folder / "beamline_devices.py").write_text(_DEVICES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        yield


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    with session_at(tmp_path_factory.mktemp("positioners"), described()) as opened:
        yield opened


def test_a_curve_along_a_pseudo_axis_has_its_peak_at_twice_the_angle_and_is_steered_there(session: Session):
    run = session.start("rocking", step=0.04, exposure=0.01)
    session.board.status.wait(lambda status: status.points_done >= 3, 180)
    ruling = session.set("step", 0.08)
    assert ruling.accepted, ruling.reason
    session.wait(300)
    assert over(session, run).stop["exit_status"] == "success"
    result = session.board.result.value
    assert result.provenance.parameters["axis"] == "two"
    assert result.outcome.features["peak"].units == "deg"
    assert abs(result.outcome.features["peak"].value - 0.44) < 0.1


def test_beyond_the_limits_of_the_pseudo_axis_nothing_starts(session: Session):
    with pytest.raises(SteeringError, match=r"two.*-0.5 to 1 deg"):
        session.start("rocking", centre=0.8)


def test_an_abort_stops_a_pseudo_axis_and_a_classic_motor(session: Session):
    for scan in ("rocking", "map"):
        run = session.start(scan, exposure=0.2)
        session.board.status.wait(lambda status: status.points_done >= 2, 180)
        assert session.abort().accepted
        assert over(session, run).stop["exit_status"] == "abort"
        assert "does not say that it stands" not in session.board.status.value.message


@pytest.mark.parametrize(
    ("motor", "sentence"),
    [
        ({"device": "bragg.three"}, "The device bragg has no part 'three'. It has: two, th."),
        ({"device": "bragg.two", "units": "rad"}, "counts in deg (its device's own unit)"),
        ({"class": "ophyd:Nothing"}, "cannot be made from ophyd:Nothing"),
    ],
)
def test_an_axis_that_is_none_is_said_at_the_start(tmp_path, motor, sentence):
    description = described()
    description["motors"]["two"] = motor
    for parameter in description["scans"][0]["parameters"].values():
        if parameter["units"] == "deg" and "units" in motor:
            parameter["units"] = motor["units"]
    with site(tmp_path) as place:
        assert not place.serve(description)
        assert sentence in place.log
