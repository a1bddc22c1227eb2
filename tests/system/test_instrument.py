"""A beamline's own Bluesky instrument, served as it is: through the service, a session and its record."""

import pytest

import steering
from steering.core.action import Abort, Finish, Pause, Resume, SetParameter
from steering.core.errors import SteeringError
from tests.beamline.site import instrument_site, over
from tests.system.test_stops import Caller, primary, recorded

NAME = "tests.beamline.halls.startup"
FILE = {
    "name": "Hall",
    "instrument": NAME,
    "signals": {"brightness": {"device": "diode.Imax", "units": "ct"}},
    "scans": [
        {
            "name": "rock",
            "title": "Rock the stage",
            "plan": "own",
            "call": "rock",
            "arguments": {"note": "from the file"},
            "parameters": {
                "span": {"units": "deg", "value": 2, "low": 0.1, "high": 10},
                "num": {"units": "", "value": 21, "low": 2, "high": 1001, "decimals": 0},
                "brightness": {"units": "ct", "low": 1, "high": 5000},
            },
        }
    ],
}

pytestmark = pytest.mark.system


class Hall(Caller):
    def start(self, name="rock", **values):
        return self.ask(lambda client: client.start(name, values))


def stop_of(documents):
    return next(document for name, document in documents if name == "stop")


def test_its_plan_is_paused_has_a_signal_changed_and_is_finished(tmp_path):
    lines = tmp_path / "spec.dat"
    with instrument_site(tmp_path, HALLS_FILE=str(lines)) as place:
        assert place.serve(FILE), place.log
        opened = steering.open(workspace=place.workspace)
        try:
            assert [scan.title for scan in opened.board.scans.value] == ["Rock the stage"]
            run = opened.start("rock", num=201)
            opened.board.status.wait(lambda status: status.points_done >= 3, 180)
            assert opened.propose(Pause()).accepted
            refused = opened.propose(SetParameter("num", 50.0))
            assert refused.reason.startswith("num is chosen at the start")
            assert opened.propose(SetParameter("brightness", 500.0)).accepted
            assert opened.propose(Resume()).accepted
            status = opened.board.status.wait(lambda status: status.points_done >= 8, 180)
            assert {item.name: item.value for item in status.parameters} == {
                "span": 2.0,
                "num": 201.0,
                "brightness": 500.0,
            }
            assert status.points_left > 150
            assert opened.propose(Finish()).accepted
            assert opened.wait(300) == run
            assert opened.board.status.value.ended.status == "success"
            points = opened.board.status.value.ended.points
            outcome = opened.results["scalars"].outcome
            assert outcome.features["events"].value == points
            assert len(outcome.data["diode"]) == points
            assert over(opened, run).start["plan_name"] == "rel_scan"
        finally:
            opened.shutdown()
    documents, rulings = recorded(place)
    start = documents[0][1]
    assert (start["uid"], start["plan_name"], start["proposal_id"]) == (run, "rel_scan", "p-17")
    assert (start["axes"], start["beamline"]) == (["stage"], "Hall")
    assert "baseline" in {document["name"] for name, document in documents if name == "descriptor"}
    assert stop_of(documents)["exit_status"] == "success"
    assert len(primary(documents)) == points
    streams = {document["uid"]: document["name"] for name, document in documents if name == "descriptor"}
    kinds = [d["data"]["kind"] for n, d in documents if n == "event" and streams[d["descriptor"]] == "steering"]
    assert sorted(kinds) == ["finish", "pause", "resume", "set", "set"]
    assert len({ruling["id"] for ruling in rulings}) == 5
    assert lines.read_text().splitlines() == ["#S 1 rel_scan", "#C success"], "its own file is written as ever"


def test_without_a_file_its_plans_are_offered_and_an_abort_ends_them(tmp_path):
    with instrument_site(tmp_path) as place:
        assert place.serve(None, "--instrument", NAME, "--no-record"), place.log
        hall = Hall(place)
        scans = hall.ask(lambda client: client.scans())
        assert [scan.name for scan in scans] == ["rock", "choose", "tell", "loose", "fails"]
        hall.start(num=1000)
        hall.until(lambda status: status.points_done >= 2)
        assert hall.propose(Abort("enough")).accepted
        ended = hall.until(lambda status: not status.scanning).ended
        assert (ended.status, ended.reason) == ("abort", "enough")
        with pytest.raises(SteeringError, match="Its plan opened none"):
            hall.start("tell")
        with pytest.raises(SteeringError, match="the hutch is open"):
            hall.start("fails")
        hall.start(num=3)
        assert hall.until(lambda status: not status.scanning).ended.status == "success"


@pytest.mark.parametrize(
    ("content", "arguments", "sentence"),
    [
        (None, ["--instrument", "no_such_hall"], "There is no module or folder 'no_such_hall'"),
        (FILE, ["--instrument", "another.startup"], f"is of the instrument {NAME}, not of another.startup"),
        (FILE | {"scans": [FILE["scans"][0] | {"call": "rok"}]}, [], "has no plan 'rok'"),
    ],
)
def test_what_cannot_be_served_is_said_in_one_line(tmp_path, content, arguments, sentence):
    with instrument_site(tmp_path) as place:
        assert not place.serve(content, "--no-record", *arguments)
        assert sentence in place.log
        assert len(place.log.strip().splitlines()) == 1
