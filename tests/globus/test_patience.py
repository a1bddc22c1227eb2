"""Refusals that pass are waited out, as long as Globus says, with the reason; what does not pass is said at once."""

import threading

import globus_sdk
import pytest

from steering.globus.errors import CancelledError, GlobusError, PassingError, cleaned
from steering.globus.patience import Pace, Patience
from steering.globus.transfer import Transfers
from tests.globus.test_transfer import in_thread

pytestmark = pytest.mark.system


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_refusal_that_passes_is_waited_out(login, raw, double, told, status):
    double.control.refuse("transfer", status, times=3)
    assert Transfers(login).list(raw.id)
    assert len(told) == 3
    assert f"({status})" in told[0]


def test_it_waits_as_long_as_globus_says(login, raw, double, patience, monkeypatch):
    rests = []
    monkeypatch.setattr(patience, "rest", lambda seconds, doing: rests.append(seconds))
    double.control.refuse("transfer", 429, times=1, retry_after=7)
    assert Transfers(login).list(raw.id)
    assert max(rests) == 7.0


def test_a_wait_can_be_given_up(login, raw, double):
    double.control.refuse("transfer", 503, times=1000)
    hasty = Patience(pace=Pace(first=0.01, longest=0.01, give_up=0.05))
    with pytest.raises(PassingError, match=r"not available \(503\)"):
        Transfers(login, hasty).list(raw.id)


def test_a_long_wait_is_cancelled_at_once(login, raw, double):
    double.control.refuse("transfer", 429, times=1000, retry_after=3600)
    waiting = threading.Event()
    patience = Patience(told=lambda _: waiting.set())
    outcome = in_thread(lambda: Transfers(login, patience).list(raw.id))
    assert waiting.wait(30)
    patience.cancelled.set()
    assert isinstance(outcome.exception(30), CancelledError)


def test_the_login_itself_is_waited_for(login, raw, double, told):
    double.control.refuse("auth", 503, times=2)
    assert Transfers(login).list(raw.id)
    assert len(told) == 2


def test_a_network_that_is_gone_is_waited_for(login, raw, double, told):
    transfers = Transfers(login)
    double.control.lose("transfer", times=2)
    assert transfers.list(raw.id)
    assert all("cannot be reached" in line for line in told)


class Counter:
    """Something that takes effect once, by a name."""

    def __init__(self, losses):
        self.done, self.losses, self.looks = [], losses, 0

    def submit(self):
        self.done.append("task")
        if self.losses:
            self.losses -= 1
            raise globus_sdk.NetworkError("gone", OSError())
        return self.done[0]

    def look(self, late=0):
        self.looks += 1
        return self.done[0] if self.done and self.looks > late else None


def test_what_was_submitted_is_found_and_not_submitted_again(patience):
    counter = Counter(losses=1)
    assert patience.submit("count", counter.submit, counter.look) == "task"
    assert len(counter.done) == 1


def test_it_is_found_also_if_it_takes_effect_late(patience):
    counter = Counter(losses=1)
    assert patience.submit("count", counter.submit, lambda: counter.look(late=3)) == "task"
    assert len(counter.done) == 1


def test_it_is_looked_up_first(patience):
    counter = Counter(losses=0)
    counter.done.append("task")
    assert patience.submit("count", counter.submit, counter.look) == "task"
    assert len(counter.done) == 1


def test_what_looks_like_a_token_is_withheld():
    token = "Ag" + "x1_Y-" * 9
    assert token not in cleaned(f"the header was Bearer {token}, and  more")
    assert "12345678-1234-1234-1234-123456789abc" in cleaned("no task 12345678-1234-1234-1234-123456789abc")


def test_an_error_holds_no_request(login, raw, double):
    with pytest.raises(GlobusError) as caught:
        Transfers(login).list(raw.id, "/nowhere/")
    error = caught.value
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None


def test_the_name_of_a_file_is_told_however_long_it_is():
    name = "A019_PorousGlass_att6_Lq0_270C_001_0001-1000.h5"
    assert cleaned(f"{name} is not in /gdata/run/") == f"{name} is not in /gdata/run/"
    token = f"Ag{'x1Y-' * 12}"
    for said in (f"{token}.", f"/{token}/", f"token={token}&x", f"{token}.{token}.{token}", f"({token})"):
        assert token[:20] not in cleaned(f"It was {said} then."), said
