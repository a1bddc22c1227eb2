"""It stops when told, leaves its devices safe, and takes no point for measured that was not; with real IOCs."""

import asyncio
import json
import signal
import threading
import time
import uuid

import pytest

from steering.beamline.client import BeamlineClient
from steering.core.action import Abort, Pause, Resume
from steering.core.errors import SteeringError
from tests.beamline.site import embedded, site
from tests.thorough import rare

pytestmark = pytest.mark.system

FEW = {"range": 0.1, "step": 0.02, "exposure": 0.01}
WANTED = [0.170004, 0.190004, 0.210004, 0.230004, 0.250004, 0.270004]


class Caller:
    """Asks the service from a plain thread."""

    def __init__(self, place):
        self.connection = place.connection

    def ask(self, question):
        async def asked():
            client = BeamlineClient(self.connection["url"], self.connection["token"])
            try:
                return await question(client)
            finally:
                await client.close()

        return asyncio.run(asked())

    def status(self):
        return self.ask(lambda client: client.status())

    def start(self, **values):
        return self.ask(lambda client: client.start("rocking", values))

    def propose(self, action):
        return self.ask(
            lambda client: client.propose(action, id=uuid.uuid4().hex, basis="", agent="", proposed_at=time.time())
        )

    def until(self, condition, seconds=240.0):
        deadline = time.monotonic() + seconds
        while not condition(status := self.status()):
            assert time.monotonic() < deadline, status
            time.sleep(0.05)
        return status


def recorded(place):
    """Read the newest journal: documents by name, and rulings."""
    scans = [one for one in place.workspace.journal.glob("*.jsonl") if "-between-" not in one.name]
    path = max(scans, key=lambda one: one.name)
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    documents = [(entry["name"], entry["content"]) for entry in entries if entry["kind"] == "document"]
    return documents, [entry["content"] for entry in entries if entry["kind"] == "ruling"]


def primary(documents):
    streams = {document["uid"]: document["name"] for name, document in documents if name == "descriptor"}
    return [d["data"] for n, d in documents if n == "event" and streams[d["descriptor"]] == "primary"]


def shape(journal):
    keys = [document["data_keys"] for name, document in journal[0] if name == "descriptor"]
    return next(one["det"]["shape"] for one in keys if "det" in one)


@pytest.mark.parametrize("kind", [rare("halves"), "stuck", rare("far")])
def test_a_motor_that_does_not_arrive_is_never_taken_for_one_that_did(tmp_path, kind):
    with site(tmp_path, kind) as place:
        assert place.serve(embedded(), "--no-record"), place.log
        caller = Caller(place)
        caller.start(**FEW)
        status = caller.until(lambda status: not status.scanning)
        documents, rulings = recorded(place)
        assert "The motor th stands at" in rulings[0]["reason"]
        assert rulings[0]["who"] == "the beamline"
        measured = [round(data["th"], 6) for data in primary(documents)]
        if kind == "halves":
            assert status.ended.status == "success"
            assert sorted(measured) == pytest.approx(WANTED, abs=0.005)
        else:
            assert status.ended.status == "fail"
            assert status.ended.points == len(measured) == (1 if kind == "stuck" else 0), "coarse to fine"
            assert "The motor th stands at" in status.message
            assert documents[-1][1]["reason"] == status.ended.reason
            assert "deg instead of" in status.ended.reason


@pytest.mark.parametrize(("kind", "sentence"), [("millimetres", "counts in mm (its field EGU)"), ("spelt", "")])
def test_a_unit_that_is_not_the_records_is_refused_before_anything_moves(tmp_path, kind, sentence):
    with site(tmp_path, kind) as place:
        assert place.serve(embedded(), "--no-record") == (not sentence)
        assert sentence in place.log
        assert "Traceback" not in place.log


def test_a_record_without_a_unit_counts_in_the_described_one_and_needs_one(tmp_path):
    with site(tmp_path, "no unit") as place:
        lacking = embedded()
        lacking["motors"]["th"].pop("units")
        assert not place.serve(lacking, "--no-record")
        assert "has no unit (its field EGU is empty)" in place.log
        assert place.serve(embedded(), "--no-record")
        caller = Caller(place)
        caller.start(**FEW)
        caller.until(lambda status: not status.scanning)
        assert recorded(place)[0][0][1]["axis_units"] == {"th": "deg"}


@pytest.mark.parametrize("kind", [rare("unlimited"), "reversed"])
def test_limits_are_those_of_the_dial_and_of_its_direction(tmp_path, kind):
    with site(tmp_path, kind) as place:
        assert place.serve(embedded(), "--no-record"), place.log
        (scan,) = [one for one in Caller(place).ask(lambda client: client.scans()) if one.name == "rocking"]
        limits = scan.axes[0].low, scan.axes[0].high
        assert limits == ((-float("inf"), float("inf")) if kind == "unlimited" else (-0.4, 0.9))


def test_a_hung_ioc_pauses_the_scan_and_no_point_is_lost_or_doubled(tmp_path):
    with site(tmp_path) as place:
        assert place.serve(embedded(), "--no-record"), place.log
        caller = Caller(place)
        caller.start(step=0.02, exposure=2.0)
        caller.until(lambda status: status.points_done >= 5)
        place.hang()
        status = caller.until(lambda status: status.state == "paused", 40)
        assert "does not answer" in status.why
        assert "Paused by the beamline" in status.why
        assert len(caller.ask(lambda client: client.scans())) == 2, "what needs no device answers as ever"
        place.go_on()
        assert caller.propose(Resume()).accepted
        status = caller.until(lambda status: not status.scanning, 300)
        documents, _ = recorded(place)
        assert status.ended.status == "success", status
        assert status.ended.points == len(primary(documents)) == 51
        assert len({round(data["th"], 5) for data in primary(documents)}) == 51
        taken = [document["indices"] for name, document in documents if name == "stream_datum"]
        assert taken == [{"start": number, "stop": number + 1} for number in range(51)], "each point has its own frame"


def test_iocs_that_do_not_answer_at_the_start_are_named_and_nothing_runs(tmp_path):
    with site(tmp_path) as place:
        place.hang()
        assert not place.serve(embedded(), "--no-record")
        said = place.log.strip()
        assert said.startswith(
            "The detector, the motor th, the motor sx, the motor sy of Simulated APS beamline do not"
        )
        assert "answer within 20 s (STEER:det:cam1:PortName_RBV and " in said
        assert said.endswith("Check that the IOC runs and that EPICS_CA_ADDR_LIST reaches it.")
        assert len(said.splitlines()) == 1
        assert place.connection is None


def test_an_abort_of_a_hung_scan_is_over_in_seconds_and_says_what_may_not_be_safe(tmp_path):
    with site(tmp_path) as place:
        assert place.serve(embedded(), "--no-record"), place.log
        caller = Caller(place)
        caller.start(step=0.02, exposure=2.0)
        caller.until(lambda status: status.points_done >= 3)
        place.hang()
        assert caller.propose(Abort("it hangs")).accepted
        status = caller.until(lambda status: not status.scanning, 30)
        assert status.ended.status == "abort"
        assert "The motor th was told to stop, but does not say that it stands" in status.message
        assert "The detector was told to stop, but does not answer" in status.message
        with pytest.raises(SteeringError, match="The motor th does not answer within"):
            caller.start(**FEW)
        place.go_on()
        caller.start(**FEW)
        assert caller.until(lambda status: not status.scanning).ended.status == "success"


def test_a_second_abort_of_a_hung_scan_waits_for_nothing_and_says_so(tmp_path):
    with site(tmp_path) as place:
        assert place.serve(embedded(), "--no-record"), place.log
        caller = Caller(place)
        caller.start(step=0.02, exposure=2.0)
        caller.until(lambda status: status.points_done >= 2)
        place.hang()
        assert caller.propose(Abort("it hangs")).accepted
        caller.until(lambda status: status.state == "aborting")
        assert "is being aborted" in caller.propose(Pause()).reason
        assert caller.propose(Abort("at once")).accepted
        status = caller.until(lambda status: not status.scanning)
        assert status.ended.status == "abort"
        assert "The devices may not be safe: they were not waited for" in status.message


def test_a_motor_that_moves_for_minutes_stands_after_an_abort(tmp_path):
    with site(tmp_path, "slow") as place:
        assert place.serve(embedded(), "--no-record"), place.log
        caller = Caller(place)
        caller.start(**FEW)
        caller.until(lambda status: status.state == "running")
        assert caller.propose(Abort("too slow")).accepted
        status = caller.until(lambda status: not status.scanning, 30)
        assert (status.ended.status, status.ended.points, status.message) == ("abort", 0, "")
        assert status.ended.who == caller.status().lease.holder
        documents, rulings = recorded(place)
        assert documents[-1][1]["exit_status"] == "abort"
        assert rulings[-1]["kind"] == "abort"


def test_what_the_file_calls_safe_is_set_after_an_abort_and_not_after_a_success(tmp_path):
    with site(tmp_path) as place:
        described = embedded()
        described["safe"] = {"STEER:det:sample": "map", "STEER:nowhere": 1}
        described["scans"][0].pop("before")
        assert place.serve(described, "--no-record"), place.log
        caller = Caller(place)
        caller.start(**FEW)
        assert caller.until(lambda status: not status.scanning).message == ""
        first = recorded(place)
        caller.start(step=0.02, exposure=2.0)
        caller.until(lambda status: status.points_done >= 2)
        caller.propose(Abort(""))
        status = caller.until(lambda status: not status.scanning)
        assert status.message.startswith("STEER:nowhere could not be set to 1")
        caller.start(**FEW)
        caller.until(lambda status: not status.scanning)
        assert shape(recorded(place)) != shape(first), "the map's sample is in the beam"


def test_an_abort_while_the_scan_opens_leaves_nothing_that_runs(tmp_path):
    with site(tmp_path) as place:
        described = embedded()
        described["scans"][0]["before"] = {"STEER:nowhere": 1}
        assert place.serve(described, "--no-record"), place.log
        caller = Caller(place)
        answer = []

        def start():
            try:
                caller.start(**FEW)
            except SteeringError as error:
                answer.append(str(error))

        starting = threading.Thread(target=start)
        starting.start()
        caller.until(lambda status: status.state == "opening")
        assert caller.propose(Abort("not today")).accepted
        starting.join(20)
        assert "was aborted before its run was open" in answer[0]
        assert "not today" in answer[0]
        status = caller.status()
        assert (status.state, status.ended.status, status.ended.run) == ("idle", "abort", "")
        for action in (Pause(), Abort("again")):
            assert "No scan is running" in caller.propose(action).reason


@pytest.mark.parametrize("state", ["running", "paused"])
def test_a_service_that_is_terminated_ends_its_scan_first(tmp_path, state):
    with site(tmp_path) as place:
        assert place.serve(embedded(), "--no-record"), place.log
        caller = Caller(place)
        caller.start(step=0.02, exposure=2.0)
        caller.until(lambda status: status.points_done >= 2)
        if state == "paused":
            caller.propose(Pause())
            caller.until(lambda status: status.state == "paused")
        place.service.send_signal(signal.SIGTERM)
        assert place.service.wait(30) == 0
        documents, rulings = recorded(place)
        assert documents[-1][0] == "stop"
        assert documents[-1][1]["exit_status"] == "abort"
        assert rulings[-1]["new"] == "the beamline service is closing"
