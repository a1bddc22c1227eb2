"""Who holds the lease: acting keeps it, silence loses it, and whoever asks is next."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.core.errors import SteeringError
from steering.service import tenancy as module
from steering.service.tenancy import LEASE_SECONDS, Tenancy

WISHES = ("take", "release", "ask", "give", "keep")


class Clock:
    """Stands still until it is told to go on."""

    now = 1_000.0

    def time(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(module, "steady", made.time)
    return made


def test_only_one_holds_it_and_the_other_is_told_for_how_long(clock):
    tenancy = Tenancy()
    tenancy.take("ana")
    clock.now += 20
    with pytest.raises(SteeringError, match=r"held by ana\. It runs out in 100 s unless ana acts\. Ask for it"):
        tenancy.take("ben")


def test_it_runs_out_after_the_last_act_however_long_somebody_looks_on(clock):
    tenancy = Tenancy()
    tenancy.take("ana")
    clock.now += LEASE_SECONDS - 1
    tenancy.acted("ana")
    clock.now += LEASE_SECONDS - 1
    assert tenancy.lease.holder == "ana"
    clock.now += 2
    assert tenancy.lease.holder == ""


def test_what_another_does_extends_nothing(clock):
    tenancy = Tenancy()
    tenancy.take("ana")
    clock.now += LEASE_SECONDS - 1
    tenancy.acted("ben")
    clock.now += 2
    assert tenancy.lease.holder == ""


def test_it_goes_to_whoever_asked_when_it_runs_out(clock):
    tenancy = Tenancy()
    tenancy.take("ana")
    assert tenancy.ask("ben").asked == "ben"
    clock.now += LEASE_SECONDS + 1
    assert tenancy.lease.holder == "ben"
    assert tenancy.lease.asked == ""
    assert tenancy.lease.until > clock.now


def test_an_agent_of_the_holder_does_not_keep_it_from_whoever_asks(clock):
    tenancy = Tenancy()
    tenancy.take("ana")
    tenancy.ask("ben")
    for _ in range(5):
        clock.now += LEASE_SECONDS / 4
        tenancy.acted("ana", agent=True)
    assert tenancy.lease.holder == "ben"


def test_an_agent_keeps_it_while_nobody_asks(clock):
    tenancy = Tenancy()
    tenancy.take("ana")
    for _ in range(9):
        clock.now += LEASE_SECONDS / 2
        tenancy.acted("ana", agent=True)
    assert tenancy.lease.holder == "ana"


def test_the_holder_hands_it_over_or_turns_the_other_down(clock):
    tenancy = Tenancy()
    tenancy.take("ana")
    with pytest.raises(SteeringError, match="Nobody asks"):
        tenancy.give("ana")
    tenancy.ask("ben")
    with pytest.raises(SteeringError, match="ben has asked ana"):
        tenancy.ask("cleo")
    assert tenancy.keep("ana") == tenancy.lease
    assert (tenancy.lease.holder, tenancy.lease.asked) == ("ana", "")
    tenancy.ask("cleo")
    with pytest.raises(SteeringError, match="held by ana, not by ben"):
        tenancy.give("ben")
    assert tenancy.give("ana").holder == "cleo"


def test_a_free_one_is_had_by_asking_and_goes_on_by_releasing(clock):
    tenancy = Tenancy()
    assert tenancy.ask("ana").holder == "ana"
    tenancy.ask("ben")
    assert tenancy.release("ana").holder == "ben"
    assert tenancy.release("ana").holder == "ben"
    assert tenancy.release("ben").holder == ""


def test_who_acts_again_after_it_has_run_out_has_it_again_unless_another_took_it(clock):
    tenancy = Tenancy()
    tenancy.take("ana")
    clock.now += LEASE_SECONDS + 1
    tenancy.acted("ben")
    assert tenancy.lease.holder == ""
    tenancy.acted("ana")
    assert tenancy.lease.holder == "ana"
    clock.now += LEASE_SECONDS + 1
    tenancy.take("ben")
    tenancy.acted("ana")
    assert tenancy.lease.holder == "ben"


def test_what_was_released_must_be_taken(clock):
    tenancy = Tenancy()
    tenancy.take("ana")
    tenancy.release("ana")
    tenancy.acted("ana")
    assert tenancy.lease.holder == ""


@given(st.lists(st.tuples(st.sampled_from(WISHES), st.sampled_from("abc"), st.floats(0, 200))))
def test_whatever_is_wished_one_holds_it_nobody_asks_themselves_and_a_free_one_is_asked_by_nobody(steps):
    clock, tenancy = Clock(), Tenancy()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "steady", clock.time)
        for wish, name, seconds in steps:
            clock.now += seconds
            before = tenancy.lease
            try:
                tenancy.wish(wish, name)
            except SteeringError:
                assert tenancy.lease == before
            lease = tenancy.lease
            if not lease.holder:
                assert not lease.asked
            assert not lease.asked or lease.asked != lease.holder
            # Nobody loses it to another who did not wait for it.
            if before.holder not in ("", name):
                assert lease.holder == before.holder
