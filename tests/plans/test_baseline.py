"""The baseline is read before the first point and after the last; a device of it that fails costs the scan nothing."""

import time

from steering.core.action import Abort, Finish
from steering.core.errors import SteeringError
from steering.core.parameter import Parameter
from steering.scans.rocking import RockingScan
from tests.plans.running import Run


class Hutch:
    """A temperature that drifts from reading to reading."""

    name, parent = "hutch", None

    def __init__(self, silent=()):
        self.readings, self.silent = 0, silent

    async def read(self):
        self.readings += 1
        if self.readings in self.silent:
            raise SteeringError("The signal hutch (ioc:hutch) does not answer within 4 s.")
        return {"hutch": {"value": 294.0 + self.readings, "timestamp": time.time()}}

    async def describe(self):
        return {"hutch": {"source": "test", "dtype": "number", "dtype_numpy": "<f8", "shape": [], "units": "K"}}


def scan():
    values = {"centre": ("deg", 0.0, -5, 5), "range": ("deg", 1.0, 0.1, 20), "step": ("deg", 0.1, 0.001, 1)}
    made = tuple(Parameter(name, *entry) for name, entry in values.items())
    exposure = Parameter("exposure", "s", 0.1, 0.01, 5)
    return RockingScan(name="rocking", title="t", axis="th", parameters=(*made, exposure), first_stride=4)


def ended(engine, motors, hutch, at=None):
    run = Run(engine, motors, scan(), at, baseline=(hutch, motors["sx"]))
    error = run.future.exception(30)
    (stop,) = [document for name, document in run.documents if name == "stop"]
    return run, stop, error


def test_it_is_read_before_the_first_point_and_after_the_last(engine, motors):
    run, stop, error = ended(engine, motors, Hutch())
    assert (stop["exit_status"], error) == ("success", None)
    assert [event["hutch"] for event in run.events("baseline")] == [295.0, 296.0]
    assert all("sx" in event for event in run.events("baseline"))
    order = [run.streams[document["descriptor"]] for name, document in run.documents if name == "event"]
    assert order == ["baseline", *["primary"] * 11, "baseline"]
    assert run.docket.remarks == ()


def test_a_device_that_does_not_answer_before_the_scan_is_named_and_the_others_are_read(engine, motors):
    run, stop, error = ended(engine, motors, Hutch(range(1, 9)))
    assert (stop["exit_status"], error) == ("success", None)
    assert len(run.events("primary")) == 11
    assert len(run.events("baseline")) == 2
    assert all("sx" in event and "hutch" not in event for event in run.events("baseline"))
    assert run.docket.remarks == (
        "The baseline lacks a device: The signal hutch (ioc:hutch) does not answer within 4 s.",
    )


def test_one_that_answers_when_it_is_asked_again_is_in_the_baseline(engine, motors):
    run, _, error = ended(engine, motors, Hutch((1,)))
    assert error is None
    assert [event["hutch"] for event in run.events("baseline")] == [297.0, 298.0]
    assert run.docket.remarks == ()


def test_one_that_does_not_answer_after_the_scan_costs_the_second_event(engine, motors):
    run, stop, error = ended(engine, motors, Hutch((2,)))
    assert (stop["exit_status"], error) == ("success", None)
    assert len(run.events("primary")) == 11
    assert len(run.events("baseline")) == 1
    assert run.docket.remarks == (
        "The baseline after the scan is not in the run: The signal hutch (ioc:hutch) does not answer within 4 s.",
    )


def test_where_none_answers_there_is_no_baseline_and_every_point_is_measured(engine, motors):
    run = Run(engine, motors, scan(), baseline=(Hutch(range(1, 20)),))
    assert run.future.exception(30) is None
    assert len(run.events("primary")) == 11
    assert run.events("baseline") == []
    assert [one[:36] for one in run.docket.remarks] == [
        "The baseline before the scan is not ",
        "The baseline after the scan is not i",
    ]


def test_a_scan_that_is_finished_early_has_both_and_one_that_is_aborted_the_first(engine, motors):
    run, stop, _ = ended(engine, motors, Hutch(), {3: [Finish()]})
    assert (stop["exit_status"], len(run.events("baseline"))) == ("success", 2)
    run, stop, _ = ended(engine, motors, Hutch(), {3: [Abort()]})
    assert (stop["exit_status"], len(run.events("baseline"))) == ("abort", 1)
