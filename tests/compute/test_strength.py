"""A pool grows with its backlog and shrinks late."""

from hypothesis import given
from hypothesis import strategies as st

from steering.pools.strength import Limits, Load, Strength

LIMITS = Limits(least=1, most=4, threads_per_job=2)


def after(strength, seconds, begin, steps):
    return [strength.follow(Load(seconds, 2, 1), begin + step) for step in range(steps)]


def test_a_short_peak_changes_nothing_and_a_lasting_backlog_does():
    strength = Strength(LIMITS)
    assert after(strength, 60.0, 0.0, 2) == [1, 1]
    assert after(strength, 0.0, 2.0, 1) == [1]
    assert after(strength, 60.0, 3.0, 3) == [1, 1, 3]


def test_it_never_leaves_its_limits():
    strength = Strength(LIMITS)
    assert after(strength, 1e6, 0.0, 4)[-1] == 4
    assert strength.follow(Load(0.0, 2, 0), 1e6) == 4
    assert strength.follow(Load(0.0, 2, 0), 2e6) == 3


def test_it_shrinks_by_one_and_only_after_its_patience():
    strength = Strength(LIMITS, jobs=3)
    assert strength.follow(Load(0.0, 2, 0), 0.0) == 3
    assert strength.follow(Load(0.0, 2, 0), 299.0) == 3
    assert strength.follow(Load(0.0, 2, 0), 300.0) == 2
    assert strength.follow(Load(0.0, 2, 0), 301.0) == 2


def test_work_in_between_keeps_a_job():
    strength = Strength(LIMITS, jobs=3)
    strength.follow(Load(0.0, 2, 0), 0.0)
    strength.follow(Load(60.0, 2, 9), 200.0)
    assert strength.follow(Load(0.0, 2, 0), 320.0) == 3


@given(st.lists(st.tuples(st.floats(0, 1e5), st.floats(0.1, 400)), max_size=40))
def test_whatever_the_load_it_stays_within_its_limits_and_shrinks_by_one(loads):
    strength, now, before = Strength(LIMITS), 0.0, 1
    for seconds, passed in loads:
        now += passed
        jobs = strength.follow(Load(seconds, 2, 1), now)
        assert 1 <= jobs <= 4
        assert jobs >= before - 1
        before = jobs
