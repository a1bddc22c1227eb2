"""Signals of a beamline are columns of its scans, and are steered: a sample's temperature, and the ring current."""

import pytest

from steering.core.errors import SteeringError
from tests.beamline.site import embedded, over, session_at, site

pytestmark = pytest.mark.system
SOON = 240.0


def heated():
    """The embedded beamline with a heater, whose set point a scan may change."""
    description = embedded()
    description["signals"] = {
        "temperature": {
            "set": "STEER:temperature", "read": "STEER:temperature:read", "units": "K",
            "tolerance": 0.2, "settle": 0.1, "timeout": 5,
        },
        "ring": {"read": "STEER:ring_current"},
        "filters": {"set": "STEER:filters"},
    }  # fmt: skip
    description["baseline"] = ["sx", "ring"]
    rocking, grid = description["scans"]
    rocking["read"] = ["ring"]
    rocking["parameters"]["temperature"] = {"units": "K", "low": 280.0, "high": 600.0, "largest_step": 400.0}
    grid["parameters"]["temperature"] = {"units": "K", "value": 300.0, "low": 299.0, "high": 310.0}
    rocking["parameters"]["filters"] = {"choices": ["out", "thin", "thick"], "value": "out"}
    return description


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    with session_at(tmp_path_factory.mktemp("heated"), heated()) as opened:
        yield opened


def test_a_scan_takes_what_a_signal_reads_and_steers_it_from_point_to_point(session):
    known = {item.name: item for item in session.board.scans.value[0].parameters}["temperature"]
    assert (known.value, known.units, known.as_read) == (295.0, "K", True)
    own = {item.name: item for item in session.board.scans.value[1].parameters}["temperature"]
    assert (own.value, own.as_read) == (300.0, False), "the file says with which it starts"
    run = session.start("rocking", step=0.02, exposure=0.5)
    session.board.status.wait(lambda status: status.points_done >= 5, SOON)
    ruling = session.set("temperature", 320.0)
    assert (ruling.verdict, ruling.old, ruling.new) == ("accepted", "295 K", "320 K")
    session.wait(SOON)
    primary = over(session, run)["primary"]
    assert primary["temperature"].attrs["units"] == "K"
    assert primary["ring"].attrs["units"] == "mA"
    assert set(primary["ring"].values) == {200.0}
    (decided,) = [one for one in session.board.rulings.value if one.kind == "set"]
    assert decided.outcome == ""
    before = decided.before_point - 1
    temperatures = primary["temperature"].values
    assert (abs(temperatures[:before] - 295.0) < 0.3).all()
    assert (abs(temperatures[before:] - 320.0) < 0.3).all()
    steering_stream = session.record[run]["steering"]
    assert steering_stream["new"].values.tolist() == ["320 K"]
    baseline = session.record[run]["baseline"]
    assert baseline["ring"].values.tolist() == [200.0, 200.0]
    assert baseline["sx"].values.tolist() == [0.0, 0.0]
    assert baseline["sx"].attrs["units"] == "um"
    assert session.exit_status(run) == "success"


def test_a_set_that_does_not_arrive_is_said_and_the_scan_goes_on(session):
    run = session.start("rocking", step=0.02, exposure=0.2, temperature=320.0)
    session.board.status.wait(lambda status: status.points_done >= 3, SOON)
    # The heater cannot do more than 500 K.
    session.set("temperature", 550.0)
    session.board.status.wait(lambda status: status.why == "The next point waits for temperature at 550 K.", SOON)
    session.wait(SOON)
    (decided,) = [one for one in session.board.rulings.value if one.kind == "set"]
    assert decided.outcome == "temperature did not arrive at 550 K within 5 s. It reads 500 K."
    assert session.exit_status(run) == "success"
    assert len(over(session, run)["primary"]["temperature"]) == 51
    values = {item.name: item.value for item in session.board.status.value.parameters}
    assert values["temperature"] == pytest.approx(500.0, abs=0.3)


def test_a_scan_is_not_started_at_a_value_that_it_does_not_allow(session):
    with pytest.raises(SteeringError, match=r"temperature = 700 K is outside the limits\. Allowed: 280 to 600 K"):
        session.start("rocking", temperature=700.0)


def test_a_scan_begins_at_the_value_that_the_file_gives(session):
    run = session.start("map", step=10.0, exposure=0.01)
    session.wait(SOON)
    assert (abs(over(session, run)["primary"]["temperature"].values - 300.0) < 0.3).all()
    # The other scan takes what it reads now.
    run = session.start("rocking", step=0.1, exposure=0.01)
    session.wait(SOON)
    assert (abs(over(session, run)["primary"]["temperature"].values - 300.0) < 0.3).all()


def test_a_choice_is_steered_by_its_name_and_recorded_as_what_it_is(session):
    """Which filters are in the beam is an EPICS enumeration."""
    none = r"filters = 'thik' is none of its choices\. Allowed: out, thin, thick\."
    with pytest.raises(SteeringError, match=none):
        session.start("rocking", filters="thik")
    run = session.start("rocking", step=0.02, exposure=0.3, filters="thin")
    session.board.status.wait(lambda status: status.points_done >= 25, SOON)
    with pytest.raises(SteeringError, match=none):
        session.set("filters", "thik")
    assert session.set("filters", 3).reason == "filters = 3 is none of its choices. Allowed: out, thin, thick."
    ruling = session.set("filters", "out")
    assert (ruling.verdict, ruling.old, ruling.new) == ("accepted", "thin", "out")
    session.wait(SOON)
    (decided,) = [one for one in session.board.rulings.value if one.kind == "set" and one.accepted]
    assert decided.outcome == ""
    primary = over(session, run)["primary"]
    before = decided.before_point - 1
    assert 25 <= before < 51
    assert set(primary["filters"].values[:before]) == {1.0}
    assert set(primary["filters"].values[before:]) == {0.0}
    start = session.record[run].start
    assert start["parameters"]["filters"] == {"value": 1.0, "units": "", "choices": ["out", "thin", "thick"]}
    assert session.exit_status(run) == "success"


def test_choices_that_are_not_those_of_the_record_are_refused_before_anything_runs(tmp_path):
    wrong = heated()
    wrong["scans"][0]["parameters"]["filters"]["choices"] = ["out", "thin", "fat"]
    with site(tmp_path) as place:
        assert not place.serve(wrong)
        assert "The signal filters has the choices out, thin, thick, but the scan rocking says" in place.log
        assert "Write choices: [out, thin, thick]." in place.log
