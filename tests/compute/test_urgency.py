"""The policy, on the sites that we ship."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.compute.batch import QueueState
from steering.compute.site import Queue, read_site
from steering.compute.urgency import choose
from steering.core.errors import SteeringError
from steering.core.pool import URGENCIES, PoolRequest
from tests.compute.facility_files import section

AURORA, POLARIS = read_site("aurora", section("aurora")), read_site("polaris", section("polaris"))
SITES = {"aurora": AURORA, "polaris": POLARIS}

# (site, urgency, nodes): queue, jobs, nodes of a job
CHOICES = {
    ("aurora", "live", 1): ("debug", 1, 1),
    ("aurora", "live", 2): ("debug", 1, 2),
    ("aurora", "live", 4): ("debug-scaling", 1, 4),
    ("aurora", "live", 11): ("debug-scaling", 1, 11),
    ("aurora", "soon", 1): ("capacity", 1, 1),
    ("aurora", "soon", 4): ("capacity", 1, 4),
    ("aurora", "soon", 20): ("capacity", 2, 10),
    ("aurora", "batch", 11): ("capacity", 1, 11),
    ("aurora", "batch", 300): ("prod", 1, 300),
    ("polaris", "live", 1): ("demand", 1, 1),
    ("polaris", "live", 4): ("demand", 1, 4),
    ("polaris", "soon", 1): ("preemptable", 1, 1),
    ("polaris", "soon", 4): ("preemptable", 4, 1),
    ("polaris", "soon", 11): ("preemptable", 11, 1),
    ("polaris", "batch", 300): ("prod", 1, 300),
}


@pytest.mark.parametrize(("asked", "chosen"), CHOICES.items(), ids=lambda item: "-".join(map(str, item)))
def test_a_request_comes_to_its_queue(asked, chosen):
    name, urgency, nodes = asked
    choice = choose(SITES[name], PoolRequest("p", urgency, nodes), {})
    assert (choice.queue.name, choice.jobs, choice.nodes) == chosen
    assert choice.why.startswith(f"{chosen[0]}: ")
    limits = choice.queue
    assert limits.walltime_least <= choice.walltime <= limits.walltime_most


def test_a_live_request_takes_the_first_queue_that_can_start_now():
    busy = {"demand": QueueState("demand", queued=4), "debug": QueueState("debug", queued=1)}
    free = busy | {"preemptable": QueueState("preemptable")}
    request = PoolRequest("p", "live", 1)
    assert choose(POLARIS, request, busy).queue.name == "demand"
    choice = choose(POLARIS, request, free)
    assert choice.queue.name == "preemptable"
    assert "can start now (before it come demand, debug, debug-scaling, which cannot)" in choice.why
    assert choose(POLARIS, replace(request, urgency="soon"), busy).queue.name == "preemptable"


def test_free_nodes_decide_where_the_batch_system_tells_them():
    states = {"demand": QueueState("demand", nodes_free=1), "debug": QueueState("debug", nodes_free=2)}
    assert choose(POLARIS, PoolRequest("p", "live", 2), states).queue.name == "debug"
    assert choose(POLARIS, PoolRequest("p", "live", 1), states).queue.name == "demand"


def test_a_queue_that_takes_no_jobs_and_one_that_refused_are_passed_over_with_the_reason():
    states = {"demand": QueueState("demand", takes=False)}
    choice = choose(POLARIS, PoolRequest("p", "live", 1), states, {"debug": "qsub: Unauthorized Request"})
    assert choice.queue.name == "debug-scaling"
    assert "not demand: takes no jobs now" in choice.why
    assert "not debug: refused the last job: qsub: Unauthorized Request" in choice.why


def test_the_batch_system_s_own_limits_count_too():
    states = {"capacity": QueueState("capacity", nodes_most=2, walltime_most=1800.0, jobs_most=1)}
    assert choose(AURORA, PoolRequest("p", "soon", 2), states).walltime == 1800.0
    assert choose(AURORA, PoolRequest("p", "soon", 4), states).queue.name == "debug-scaling"


@pytest.mark.parametrize("walltime", [60.0, 7200.0])
def test_a_walltime_outside_of_a_queue_s_limits_passes_it_over(walltime):
    with pytest.raises(SteeringError, match=r"debug: .* is outside its 5 min to 1 h"):
        choose(
            AURORA, PoolRequest("p", "live", 1, walltime=walltime), {"capacity": QueueState("capacity", takes=False)}
        )


def test_an_explicit_walltime_within_the_limits_is_taken():
    assert choose(AURORA, PoolRequest("p", "live", 1, walltime=900.0), {}).walltime == 900.0


def test_where_nothing_fits_each_queue_says_why():
    with pytest.raises(SteeringError) as told:
        choose(AURORA, PoolRequest("p", "batch", 100), {})
    assert "capacity: 100 nodes, of which it gives 32 to a user" in str(told.value)
    assert "prod: 100 nodes, it wants 256 at least" in str(told.value)
    assert "Ask for fewer nodes or another urgency." in str(told.value)


def test_a_larger_pool_adds_jobs_of_the_shape_that_it_has():
    choice = choose(AURORA, PoolRequest("p", "soon", 4), {}, nodes_per_job=2)
    assert (choice.queue.name, choice.jobs, choice.nodes) == ("capacity", 2, 2)


@given(
    site=st.sampled_from(list(SITES.values())),
    urgency=st.sampled_from(URGENCIES),
    nodes=st.integers(1, 700),
    usual=st.integers(0, 20),
)
def test_a_choice_keeps_every_limit_and_gives_what_was_asked_for(site, urgency, nodes, usual):
    _keeps_limits(site, PoolRequest("p", urgency, nodes), usual)


@given(least=st.integers(1, 12), more=st.integers(0, 12), jobs=st.integers(0, 4), nodes=st.integers(1, 60),
       usual=st.integers(0, 12))  # fmt: skip
def test_a_choice_keeps_the_limits_of_any_queue(least, more, jobs, nodes, usual):
    queue = Queue("q", nodes_least=least, nodes_most=least + more, jobs_most=jobs)
    site = replace(POLARIS, queues={"q": queue}, preference={"live": ("q",)})
    _keeps_limits(site, PoolRequest("p", "live", nodes), usual)


def _keeps_limits(site, request, usual):
    try:
        choice = choose(site, request, {}, nodes_per_job=usual)
    except SteeringError:
        return
    queue = choice.queue
    assert choice.jobs * choice.nodes >= request.nodes
    assert (choice.jobs - 1) * max(choice.nodes, queue.nodes_least) < request.nodes or choice.jobs == 1
    assert queue.nodes_least <= choice.nodes <= (queue.nodes_most or math.inf)
    assert choice.jobs <= (queue.jobs_most or math.inf)
