"""Transfers: once, verified, watched, held up, failed and cancelled."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from steering.globus.errors import CancelledError, GlobusError, MissingError
from steering.globus.transfer import Files, TransferOrder, Transfers

pytestmark = pytest.mark.system

RUN = Files("/run/", "/2026-3/run/", folder=True)


@pytest.fixture
def transfers(login):
    return Transfers(login)


@pytest.fixture
def order(transfers, raw, eagle):
    return TransferOrder(transfers.new_submission(), raw.id, eagle.id, (RUN,), "run 7")


def in_thread(work):
    """Do something beside; return a future of its outcome."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(work)
    pool.shutdown(wait=False)
    return future


def test_files_arrive_and_are_counted(transfers, order, raw, eagle, double):
    seen = []
    status = transfers.wait(transfers.submit(order), seen.append)
    assert (status.state, status.files, status.files_done, status.reason) == ("done", 2, 2, "")
    assert status.bytes == double.control.effects()["bytes_moved"] == (1 << 20) + 4
    assert seen[-1] == status
    for name in ("frames.h5", "notes.txt"):
        assert (eagle.folder / "2026-3/run" / name).read_bytes() == (raw.folder / "run" / name).read_bytes()


def test_one_submission_is_one_transfer(transfers, order, double):
    tasks = {transfers.submit(order) for _ in range(3)}
    transfers.wait(*tasks)
    assert double.control.effects()["transfer_tasks"] == 1


def test_a_lost_answer_makes_no_second_transfer(transfers, order, double, told):
    double.control.lose("transfer", times=2, path="/v0.10/transfer")
    transfers.wait(transfers.submit(order))
    assert double.control.effects()["transfer_tasks"] == 1
    assert "cannot be reached" in told[0]


def test_what_is_there_is_not_sent_again(transfers, order, double):
    transfers.wait(transfers.submit(order))
    sent = double.control.effects()["bytes_moved"]
    again = replace(order, submission=transfers.new_submission())
    assert transfers.wait(transfers.submit(again)).files_done == 2
    assert double.control.effects()["bytes_moved"] == sent


def test_a_wrong_checksum_is_sent_again(transfers, order, raw, eagle, double):
    double.control.spoil_files(1)
    status = transfers.wait(transfers.submit(order))
    assert (status.state, status.faults) == ("done", 1)
    assert (eagle.folder / "2026-3/run/frames.h5").read_bytes() == (raw.folder / "run/frames.h5").read_bytes()


def test_a_checksum_that_stays_wrong_fails_the_transfer(transfers, order, eagle, double):
    double.control.spoil_files(3)
    with pytest.raises(GlobusError, match=r"frames.h5 arrived with a wrong checksum 3 times.*Of 2 files 0 are there"):
        transfers.wait(transfers.submit(order))
    assert not (eagle.folder / "2026-3/run/frames.h5").exists()


def test_a_checksum_of_ones_own_is_compared(transfers, raw, eagle):
    files = (Files("/run/notes.txt", "/notes.txt", sha256="0" * 64),)
    order = TransferOrder(transfers.new_submission(), raw.id, eagle.id, files)
    with pytest.raises(GlobusError, match="wrong checksum"):
        transfers.wait(transfers.submit(order))


@pytest.mark.parametrize(
    ("fault", "mend", "state", "reason"),
    [
        ("stall_transfers", lambda control, _: control.stall_transfers(""), "active", "no data came for 60 s"),
        ("pause_transfers", lambda control, _: control.pause_transfers(""), "paused", "maintenance"),
        ("offline", lambda control, place: control.online(place), "active", "eagle is offline"),
    ],
)
def test_what_holds_it_up_is_said_and_it_goes_on(transfers, order, eagle, double, fault, mend, state, reason):
    getattr(double.control, fault)(*((eagle.id,) if fault == "offline" else ()))
    seen, held = [], threading.Event()

    def told(status):
        seen.append(status)
        if status.reason:
            held.set()

    outcome = in_thread(lambda: transfers.wait(transfers.submit(order), told))
    assert held.wait(30)
    assert (seen[-1].state, seen[-1].reason) == (state, reason)
    mend(double.control, eagle.id)
    assert outcome.result(30).state == "done"
    assert double.control.effects()["files_moved"] == 2


def test_a_failed_transfer_goes_on_with_a_new_one(transfers, order, double):
    double.control.fail_transfers(1, "the quota is used up")
    with pytest.raises(GlobusError, match=r"failed: the quota is used up\."):
        transfers.wait(transfers.submit(order))
    again = replace(order, submission=transfers.new_submission())
    assert transfers.wait(transfers.submit(again)).state == "done"
    assert double.control.effects()["files_moved"] == 2


def test_a_transfer_is_cancelled(transfers, order, double):
    double.control.stall_transfers()
    task = transfers.submit(order)
    transfers.cancel(task)
    with pytest.raises(GlobusError, match="failed: CANCELED"):
        transfers.wait(task)
    transfers.cancel(task)


def test_a_wait_ends_when_it_is_cancelled_and_the_transfer_goes_on(transfers, order, patience, double):
    double.control.stall_transfers()
    task = transfers.submit(order)
    waiting = threading.Event()
    outcome = in_thread(lambda: transfers.wait(task, lambda _: waiting.set()))
    assert waiting.wait(30)
    patience.cancelled.set()
    assert isinstance(outcome.exception(30), CancelledError)
    patience.cancelled.clear()
    double.control.stall_transfers("")
    assert transfers.wait(task).state == "done"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ((), "names no file"),
        ((Files("/missing", "/x"),), "missing is not in raw"),
        ((Files("/../../etc", "/x"),), "leads out"),
    ],
)
def test_what_cannot_be_sent_is_said(transfers, raw, eagle, files, message):
    order = TransferOrder(transfers.new_submission(), raw.id, eagle.id, files)
    with pytest.raises(GlobusError, match=message):
        transfers.wait(transfers.submit(order))


def test_what_is_not_there_is_said(transfers, raw):
    with pytest.raises(MissingError, match="not found"):
        transfers.list(raw.id, "/nowhere/")
    with pytest.raises(MissingError, match="No such endpoint"):
        transfers.list("00000000-0000-0000-0000-000000000000")
    with pytest.raises(MissingError, match="No task found"):
        transfers.wait("00000000-0000-0000-0000-000000000000")


def test_a_folder_is_made_once(transfers, eagle):
    transfers.make_folder(eagle.id, "/new/")
    transfers.make_folder(eagle.id, "/new/")
    assert [(one.name, one.folder) for one in transfers.list(eagle.id)] == [("new", True)]


def test_a_folder_is_shared_once_and_only_that_folder(transfers, person, eagle, double):
    transfers.make_folder(eagle.id, "/theirs/")
    double.control.lose("transfer", path="/access", method="POST")
    rules = {transfers.share(eagle.id, "/theirs/", double.auth.person.identity) for _ in range(2)}
    assert len(rules) == double.control.effects()["rules_made"] == 1
    theirs = Transfers(person)
    assert theirs.list(eagle.id, "/theirs/") == ()
    with pytest.raises(GlobusError, match=r"may not list / .*Ask the owner"):
        theirs.list(eagle.id, "/")
    with pytest.raises(GlobusError, match="Only an access manager"):
        theirs.share(eagle.id, "/", double.auth.person.identity)


def test_who_may_write_is_not_given_a_second_rule_to_read(transfers, eagle, double):
    rule = transfers.share(eagle.id, "/", double.auth.person.identity, write=True)
    assert transfers.share(eagle.id, "/", double.auth.person.identity) == rule
    assert double.control.effects()["rules_made"] == 1


def test_a_group_is_shared_with(transfers, person, eagle, double):
    transfers.share(eagle.id, "/", double.auth.person.groups[0], group=True)
    assert Transfers(person).list(eagle.id) == ()
