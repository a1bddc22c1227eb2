"""Functions that Globus Compute runs: as text, once, refused, pre-empted, and in JSON only."""

import math
import threading
from concurrent.futures import Executor

import pytest

from steering.globus.compute import (
    Compute,
    ComputeOrder,
    PreemptedError,
    QueueRefusedError,
    new_group,
    outcome,
)
from steering.globus.errors import GlobusError, MissingError
from steering.globus.executor import ComputeExecutor
from steering.globus.payload import Source, source_of
from tests.globus.test_transfer import in_thread

pytestmark = pytest.mark.system

CONFIG = {"queue": "preemptable", "account": "APSDataAnalysis", "walltime": "1:00:00", "nodes_per_block": 1}


def decay(taus, *, factor=1.0):
    import statistics

    print("this does not disturb the answer")
    return {"tau0": statistics.mean(taus) * factor, "n": len(taus)}


def until_there(file):
    """Run until a file is there; say so by another."""
    import pathlib
    import time

    pathlib.Path(file + ".begun").touch()
    while not pathlib.Path(file).exists():
        time.sleep(0.01)
    return "there"


def fail():
    raise ValueError("the beam was off")


def large():
    return "x" * (11 << 20)


@pytest.fixture
def polaris(double):
    return double.compute.endpoint("polaris")


@pytest.fixture
def compute(login):
    return Compute(login)


@pytest.fixture
def ordered(compute, polaris):
    def make(function, *arguments, queue="preemptable", **keywords):
        config = CONFIG | {"queue": queue}
        registered = compute.register(source_of(function))
        return ComputeOrder(new_group(), polaris.id, registered, arguments, keywords, config)

    return make


@pytest.fixture
def executor(login, polaris):
    with ComputeExecutor(login, polaris.id, CONFIG) as made:
        yield made


def begun(file):
    """Wait until a function runs."""
    mark = file.with_name(file.name + ".begun")
    tick = threading.Event()
    while not mark.exists():
        tick.wait(0.01)
    mark.unlink()


def test_a_function_runs_and_answers(compute, ordered, double):
    seen = []
    task = compute.submit(ordered(decay, [1.0, 3.0], factor=2.0))
    assert compute.wait(task, seen.append) == {"tau0": 4.0, "n": 2}
    assert seen[-1].state == "done"
    assert double.control.effects()["functions_run"] == 1


def test_one_group_is_one_run(compute, ordered, double):
    order = ordered(decay, [1.0])
    assert compute.find(order.group) is None
    tasks = {compute.submit(order) for _ in range(3)}
    assert tasks == {compute.find(order.group)}
    compute.wait(*tasks)
    assert double.control.effects()["functions_started"] == 1


def test_a_lost_answer_starts_no_second_run(compute, ordered, double):
    order = ordered(decay, [1.0])
    double.control.lose("compute", times=2, path="/submit")
    compute.wait(compute.submit(order))
    assert double.control.effects()["functions_started"] == 1


def test_what_a_function_raises_is_said(compute, ordered):
    with pytest.raises(GlobusError, match=r"failed: ValueError: the beam was off\. Mend it"):
        compute.wait(compute.submit(ordered(fail)))


def test_an_endpoint_that_is_offline_is_waited_for(compute, ordered, polaris, double):
    double.control.offline(polaris.id)
    assert not compute.online(polaris.id)
    waits = threading.Event()
    task = compute.submit(ordered(decay, [1.0]))
    outcome_ = in_thread(lambda: compute.wait(task, lambda status: status.state == "waiting" and waits.set()))
    assert waits.wait(30)
    double.control.online(polaris.id)
    assert outcome_.result(30)["n"] == 1


def test_a_queue_that_is_refused_is_said(compute, ordered):
    with pytest.raises(QueueRefusedError, match=r"access to the queue demand is denied\. Choose another queue"):
        compute.wait(compute.submit(ordered(decay, [1.0], queue="demand")))


def test_a_run_that_loses_its_node_says_so(compute, ordered, double, tmp_path):
    file = tmp_path / "go"
    task = compute.submit(ordered(until_there, str(file)))
    begun(file)
    assert double.control.preempt() == 1
    with pytest.raises(PreemptedError, match="went away"):
        compute.wait(task)


def test_only_a_preemptible_queue_loses_nodes(compute, ordered, double, tmp_path):
    file = tmp_path / "go"
    task = compute.submit(ordered(until_there, str(file), queue="debug"))
    begun(file)
    assert double.control.preempt() == 0
    file.touch()
    assert compute.wait(task) == "there"


def test_a_run_ends_with_its_walltime(compute, polaris, tmp_path):
    function = compute.register(source_of(until_there))
    config = CONFIG | {"walltime": "0:00:10"}  # 0.1 s by the double's clock
    order = ComputeOrder(new_group(), polaris.id, function, (str(tmp_path / "never"),), config=config)
    with pytest.raises(PreemptedError, match="walltime"):
        compute.wait(compute.submit(order))


def test_a_result_that_is_too_large_is_said(compute, ordered):
    with pytest.raises(GlobusError, match=r"exceeded current maximum of 10485760"):
        compute.wait(compute.submit(ordered(large)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"queue": "prod"}, "There is no queue 'prod'"),
        ({"account": ""}, "needs 'account'"),
        ({"walltime": "an hour"}, "Allowed: H:MM:SS"),
        ({"nodes_per_block": 0}, "Allowed: 1 and more"),
        ({"queues": "x"}, "not in the endpoint's user_config_schema"),
    ],
)
def test_a_configuration_that_is_refused_is_said(compute, polaris, change, message):
    function = compute.register(source_of(decay))
    order = ComputeOrder(new_group(), polaris.id, function, ([1.0],), config=CONFIG | change)
    with pytest.raises(GlobusError, match=message):
        compute.submit(order)


@pytest.mark.parametrize("argument", [math.nan, math.inf, {1, 2}, b"x", object(), 2j])
def test_what_is_no_json_is_not_sent(executor, argument):
    with pytest.raises(GlobusError, match="Allowed: what JSON can say"):
        executor.submit(decay, argument)


def test_what_is_too_large_is_not_sent(executor):
    with pytest.raises(GlobusError, match=r"have 11.\d MB. Allowed: 10.5 MB"):
        executor.submit(decay, "x" * (11 << 20))


def test_what_is_not_there_is_said(compute, ordered, polaris):
    with pytest.raises(MissingError, match="There is no task"):
        compute.wait("nothing")
    with pytest.raises(MissingError, match="There is no function"):
        compute.submit(ComputeOrder(new_group(), polaris.id, "nothing", config=CONFIG))
    with pytest.raises(MissingError, match="There is no endpoint"):
        compute.online("nothing")


def test_the_executor_is_an_executor(executor, double):
    assert isinstance(executor, Executor)
    assert [one["tau0"] for one in executor.map(decay, [[1.0], [2.0], [3.0]])] == [1.0, 2.0, 3.0]
    assert double.control.effects()["functions_registered"] == 1
    assert double.control.effects()["functions_run"] == 3


def test_a_function_that_globus_has_forgotten_is_registered_anew(login, polaris, double):
    source = source_of(decay)
    functions = {source.checksum: "5a4f8a7e-0000-4000-8000-000000000000"}
    with ComputeExecutor(login, polaris.id, CONFIG, functions=functions) as executor:
        assert executor.submit(decay, [1.0, 3.0]).result(60) == {"tau0": 2.0, "n": 2}
        assert executor.submit(decay, [2.0]).result(60) == {"tau0": 2.0, "n": 1}
    assert functions[source.checksum] != "5a4f8a7e-0000-4000-8000-000000000000"
    assert double.control.effects()["functions_registered"] == 1


def test_an_endpoint_that_is_gone_is_no_forgotten_function(login, double):
    functions = {source_of(decay).checksum: "5a4f8a7e-0000-4000-8000-000000000000"}
    with ComputeExecutor(login, new_group(), CONFIG, functions=functions) as executor:
        future = executor.submit(decay, [1.0])
        with pytest.raises(MissingError, match="Check the id"):
            future.result(60)
    assert double.control.effects()["functions_registered"] <= 1


def test_the_executor_runs_again_what_lost_its_node(executor, double):
    double.control.preempt_next(2)
    assert executor.submit(decay, [1.0]).result(60)["n"] == 1
    effects = double.control.effects()
    assert (effects["functions_started"], effects["functions_run"]) == (3, 1)


def test_the_executor_gives_up_at_last(login, polaris, double):
    double.control.preempt_next(100)
    with ComputeExecutor(login, polaris.id, CONFIG, tries=3) as executor, pytest.raises(PreemptedError):
        executor.submit(decay, [1.0]).result(60)
    assert double.control.effects()["functions_started"] == 3


def test_the_executor_writes_down_before_it_submits(login, polaris, double):
    noted = []

    def written(group, task):
        noted.append((group, task, double.control.effects()["functions_started"]))

    with ComputeExecutor(login, polaris.id, CONFIG, written=written) as executor:
        executor.submit(decay, [1.0]).result(60)
    (group, none, before), (same, task, _) = noted
    assert (none, before, group) == ("", 0, same)
    assert task


def test_the_executor_goes_on_with_what_was_written_down(login, compute, ordered, polaris, double):
    order = ordered(decay, [1.0])
    compute.submit(order)
    with ComputeExecutor(login, polaris.id, CONFIG) as executor:
        assert executor.find(order.group, decay, [1.0]).result(60)["n"] == 1
        assert executor.find(new_group(), decay, [1.0, 2.0]).result(60)["n"] == 2
    assert double.control.effects()["functions_started"] == 2


def test_the_executor_says_what_went_wrong(executor):
    with pytest.raises(GlobusError, match="the beam was off"):
        executor.submit(fail).result(60)
    assert executor.submit(decay, [1.0]).result(60)["n"] == 1


def test_what_cannot_be_written_down_is_not_submitted(login, polaris, double):
    def written(group, task):
        raise OSError(28, "No space left on device")

    with (
        ComputeExecutor(login, polaris.id, CONFIG, written=written) as executor,
        pytest.raises(OSError, match="No space"),
    ):
        executor.submit(decay, [1.0]).result(60)
    assert double.control.effects()["functions_started"] == 0


def test_the_executor_ends_without_waiting(login, polaris, tmp_path, double):
    executor = ComputeExecutor(login, polaris.id, CONFIG)
    future = executor.submit(until_there, str(tmp_path / "never"))
    begun(tmp_path / "never")
    executor.shutdown(cancel_futures=True)
    with pytest.raises(GlobusError, match="Cancelled"):
        future.result(30)
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(decay, [1.0])
    assert not any(thread.name == "globus-compute" for thread in threading.enumerate())


def test_a_run_whose_answer_may_be_a_pickle_is_not_read():
    from steering.globus.compute import _status

    status = _status("t", {"status": "success", "result": "00\ngASV"})
    with pytest.raises(GlobusError, match="may hold pickles, and is not read"):
        outcome(status)


def test_a_source_is_checked_before_it_is_sent(executor):
    for source in (Source("f", "def g(): pass"), Source("f", "def f(:"), Source("f", "\0")):
        with pytest.raises(GlobusError, match=r"does not define|no Python"):
            executor.submit(source)
