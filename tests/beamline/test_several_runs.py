"""What the service says of a plan that is not ours: it may open several runs, one inside another."""

from collections import deque
from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from steering.core.proposal import Ruling
from steering.service.ended import ended_run
from steering.service.feed import Feed
from steering.service.files import NamedFiles
from steering.service.service import Beamline


@pytest.fixture
def beamline():
    made = Beamline.__new__(Beamline)
    made._run, made._open, made._streams, made._times, made._stopped = "", [], {}, deque(), {}
    made._opened, made._feed = Future(), SimpleNamespace(publish=lambda _: None)
    return made


def start(run):
    return "start", {"uid": run}


def stop(run, status="success"):
    return "stop", {"run_start": run, "exit_status": status, "time": 10.0}


@pytest.mark.parametrize(
    ("documents", "shown"),
    [
        ([start("outer"), start("inner")], "inner"),
        ([start("outer"), start("inner"), stop("inner")], "outer"),
        ([start("outer"), start("inner"), stop("inner"), stop("outer", "fail")], "outer"),
        ([start("one"), start("two"), stop("one")], "two"),
        ([start("one"), start("two"), stop("one"), stop("two")], "two"),
        ([start("one"), stop("one"), start("two")], "two"),
    ],
)
def test_the_run_that_is_shown_is_the_newest_that_is_open_or_that_ended_last(beamline, documents, shown):
    for document in documents:
        beamline._document(*document)
    assert beamline._run == shown
    ended = [document["run_start"] for name, document in documents if name == "stop"]
    assert beamline._stopped.get("run_start") == (ended[-1] if ended else None)
    assert beamline._opened.result() == documents[0][1]["uid"]


def test_a_burst_in_parts_is_one_point_of_which_the_time_is_told(beamline):
    beamline._document("descriptor", {"uid": "d", "name": "primary"})
    for number in range(12):
        data = {"burst_part": number % 4}
        beamline._document("event", {"descriptor": "d", "time": float(number), "data": data})
    assert beamline._seconds_a_point() == 4.0


def docket(abort=None, noticed=True):
    scan, progress = SimpleNamespace(name="plan"), SimpleNamespace(done=3)
    return SimpleNamespace(scan=scan, progress=progress, abort=abort, noticed=noticed)


def ruling(at):
    return Ruling("id", "ana", "abort", "", "", "enough", "accepted", "", "", at, at)


def over(error=None):
    future = Future()
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
    return future


@pytest.mark.parametrize(
    ("abort", "noticed", "error", "ended", "status", "reason"),
    [
        (None, True, None, stop("a")[1], "success", ""),
        (None, True, RuntimeError("It broke."), stop("a")[1], "fail", "It broke."),
        (None, True, RuntimeError("It broke."), {}, "fail", "It broke."),
        (None, True, None, stop("a", "fail")[1], "fail", ""),
        (ruling(11.0), True, None, stop("a")[1], "abort", "enough"),
        (ruling(11.0), False, None, stop("a")[1], "success", ""),
        (ruling(9.0), True, None, stop("a")[1], "success", ""),
        (ruling(9.0), True, None, stop("a", "abort")[1], "abort", "enough"),
        (ruling(9.0), True, None, {}, "abort", "enough"),
    ],
)
def test_a_plan_that_fails_after_its_run_has_ended_has_failed(abort, noticed, error, ended, status, reason):
    told = ended_run("a", docket(abort, noticed), over(error), ended)
    assert (told.status, told.reason) == (status, reason)


@pytest.mark.parametrize("uri", ["file://[x/y.h5", "http://[::1", ""])
def test_an_address_that_is_none_ends_no_scan(uri):
    NamedFiles().note("stream_resource", {"uri": uri})


def test_a_journal_that_cannot_be_begun_is_a_sentence_and_what_was_shown_stays(tmp_path, monkeypatch):
    from steering.core.errors import SteeringError
    from steering.core.workspace import Workspace

    feed = Feed(Workspace(tmp_path))
    epoch, _ = feed.hub.since(0, 0)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("steering.service.feed.Journal", full)
    with pytest.raises(SteeringError, match="No space left on device"):
        feed.begin("scan")
    assert feed.hub.since(0, 0)[0] == epoch
