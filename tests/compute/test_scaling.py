"""A pool grows with its backlog and shrinks late."""

from hypothesis import given
from hypothesis import strategies as st

from steering.pools.scaling import Limits, Load, Scaling

LIMITS = Limits(least=1, most=4, threads_per_job=2)


def after(scaling, seconds, begin, steps):
    return [scaling.follow(Load(seconds, 2, 1), begin + step) for step in range(steps)]


def test_a_short_peak_changes_nothing_and_a_lasting_backlog_does():
    scaling = Scaling(LIMITS)
    assert after(scaling, 60.0, 0.0, 2) == [1, 1]
    assert after(scaling, 0.0, 2.0, 1) == [1]
    assert after(scaling, 60.0, 3.0, 3) == [1, 1, 3]


def test_it_never_leaves_its_limits():
    scaling = Scaling(LIMITS)
    assert after(scaling, 1e6, 0.0, 4)[-1] == 4
    assert scaling.follow(Load(0.0, 2, 0), 1e6) == 4
    assert scaling.follow(Load(0.0, 2, 0), 2e6) == 3


def test_it_shrinks_by_one_and_only_after_its_patience():
    scaling = Scaling(LIMITS, jobs=3)
    assert scaling.follow(Load(0.0, 2, 0), 0.0) == 3
    assert scaling.follow(Load(0.0, 2, 0), 299.0) == 3
    assert scaling.follow(Load(0.0, 2, 0), 300.0) == 2
    assert scaling.follow(Load(0.0, 2, 0), 301.0) == 2


def test_work_in_between_keeps_a_job():
    scaling = Scaling(LIMITS, jobs=3)
    scaling.follow(Load(0.0, 2, 0), 0.0)
    scaling.follow(Load(60.0, 2, 9), 200.0)
    assert scaling.follow(Load(0.0, 2, 0), 320.0) == 3


@given(st.lists(st.tuples(st.floats(0, 1e5), st.floats(0.1, 400)), max_size=40))
def test_whatever_the_load_it_stays_within_its_limits_and_shrinks_by_one(loads):
    scaling, now, before = Scaling(LIMITS), 0.0, 1
    for seconds, passed in loads:
        now += passed
        jobs = scaling.follow(Load(seconds, 2, 1), now)
        assert 1 <= jobs <= 4
        assert jobs >= before - 1
        before = jobs
