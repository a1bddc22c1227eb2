import asyncio
import contextlib
import threading

import pytest
from bluesky import plan_stubs as bps
from bluesky import plans as bp
from bluesky import preprocessors as bpp
from bluesky.utils import RequestAbort
from ophyd_async.core import soft_signal_rw

from steering.core.action import Abort, Finish, InsertRegion, Pause, ReplacePath, Resume, SetParameter, Skip
from steering.core.parameter import Parameter
from steering.plans.docket import Progress
from steering.plans.own import own
from steering.scans.own import OwnScan
from tests.plans.running import Run


class Soft:
    """A steered signal that arrives when it is asked the second time."""

    units, patience = "mA", 5.0

    def __init__(self):
        self.value, self.asked, self.puts = 1.0, 0, []

    def said(self, value):
        return f"{value:g} {self.units}"

    async def number(self):
        return self.value

    async def put(self, value):
        self.puts.append(value)
        self.asked = 0

    async def arrived(self, value):
        self.asked += 1
        if self.asked < 2:
            return False
        self.value = value
        return True


class OwnRun(Run):
    """A plan that is not ours, made steerable."""

    def __init__(self, engine, motors, plan, at=None, soft=None, **more):
        self.made = plan
        steered = (Parameter("current", "mA", 1.0, 0.0, 10.0), Parameter("num", "", 11.0, 1.0, 100.0, fixed=True))
        scan = OwnScan(name="plan", title="A plan", parameters=steered)
        super().__init__(engine, motors, scan, at, signals={"current": soft or Soft()}, **more)

    def plan(self):
        return own(self.docket, self.devices, {"operator": "ana"}, self.made)

    def stops(self):
        return [document for name, document in self.documents if name == "stop"]


@pytest.fixture
def counter(engine):
    async def make():
        made = soft_signal_rw(float, 1.0, name="counts")
        await made.connect()
        return made

    return engine.call(make())


def scan(motors, counter, num=11):
    return bp.rel_scan([counter], motors["th"], -1, 1, num=num)


def position(engine, motor):
    return engine.call(motor.user_readback.get_value())


def test_it_pauses_at_its_own_checkpoint_and_finishes_after_its_own_clean_up(engine, motors, counter):
    at = {3: [Pause()], 5: [Finish()]}
    run = OwnRun(engine, motors, scan(motors, counter), at)
    assert run.opened.wait(10)
    while not run.docket.paused:
        assert not run.future.done()
    assert run.propose(Resume()).accepted
    run.finish()
    (stop,) = run.stops()
    assert stop["exit_status"] == "success"
    assert len(run.events("primary")) == 5
    assert [event["kind"] for event in run.events("steering")] == ["pause", "resume", "finish"]
    assert run.docket.progress.done == 5
    assert position(engine, motors["th"]) == pytest.approx(0.0), "the plan went back to where it began"


def test_it_says_how_many_points_are_left_if_its_plan_does(engine, motors, counter):
    run = OwnRun(engine, motors, scan(motors, counter, 4), {1: [Pause()]})
    while not run.docket.paused or run.docket.progress.done != 1:
        assert not run.future.done()
    assert run.docket.progress.left == 3
    run.propose(Resume())
    run.finish()
    assert run.docket.progress.left == 0


def test_its_start_document_says_what_it_says_itself_and_what_is_bound_to_it(engine, motors, counter):
    run = OwnRun(engine, motors, scan(motors, counter, 2)).finish()
    start = next(document for name, document in run.documents if name == "start")
    assert start["plan_name"] == "rel_scan"
    assert start["scan_title"] == "A plan"
    assert start["axes"] == ["th"]
    assert start["operator"] == "ana"
    assert start["parameters"]["num"] == {"value": 11.0, "units": ""}


def test_a_signal_is_set_at_a_checkpoint_and_waited_for(engine, motors, counter):
    soft = Soft()
    run = OwnRun(engine, motors, scan(motors, counter), {2: [SetParameter("current", 4.0)]}, soft).finish()
    assert soft.puts == [4.0]
    assert soft.value == 4.0
    (event,) = run.events("steering")
    assert (event["kind"], event["subject"], event["before_point"]) == ("set", "current", 3)
    assert run.docket.progress.values["current"] == 4.0


def test_a_signal_that_the_plan_itself_has_set_is_known_from_the_first_point_on(engine, motors, counter):
    soft = Soft()

    def sets():
        soft.value = 7.0
        yield from scan(motors, counter, 3)

    run = OwnRun(engine, motors, sets(), soft=soft).finish()
    assert run.docket.progress.values["current"] == 7.0
    assert soft.puts == []


def test_what_only_plans_of_ours_can_is_refused_with_a_sentence(engine, motors, counter):
    said = {}

    def ask(run):
        said["skip"] = run.propose(Skip(2)).reason
        said["path"] = run.propose(ReplacePath({"type": "Linspace"})).reason
        said["region"] = run.propose(InsertRegion({"th": (0, 1)}, {"th": 0.5})).reason
        said["num"] = run.propose(SetParameter("num", 20.0)).reason

    made = scan(motors, counter)
    run = OwnRun(engine, motors, asked(made, lambda: ask(run)))
    run.finish()
    assert said["skip"] == "plan is a plan of the instrument, whose path cannot be changed. Finish or pause it."
    assert said["path"] == said["skip"]
    assert said["region"] == "This scan takes no regions."
    assert said["num"] == "num is chosen at the start and holds for the whole run. Finish this scan and start it again."
    assert len(run.events("primary")) == 11


def asked(plan, ask):
    """Ask something once the plan has measured a few points."""
    saved = 0
    answer = None
    while True:
        try:
            message = plan.send(answer)
        except StopIteration:
            return
        saved += message.command == "save"
        if saved == 3 and message.command == "checkpoint":
            saved += 1
            yield from bps.wait_for([lambda: asyncio.to_thread(ask)])
        answer = yield message


@pytest.mark.parametrize("paused", [False, True])
def test_an_abort_is_in_the_run_and_the_plan_cleans_up(engine, motors, counter, paused):
    at = {4: [*([Pause()] if paused else []), Abort("enough")]}
    cleaned = []

    def slow_clean_up():
        yield from bps.sleep(0.3)
        cleaned.append(1)

    run = OwnRun(engine, motors, bpp.finalize_wrapper(scan(motors, counter, 1000), slow_clean_up), at)
    while not run.docket.aborting:
        assert not run.future.done()
    asking = engine.insist("enough", lambda: run.docket.noticed)
    run.finish()
    asking.join(10)
    (stop,) = run.stops()
    assert stop["exit_status"] == "abort"
    kinds = [event["kind"] for event in run.events("steering")]
    assert kinds == (["pause", "abort"] if paused else ["abort"])
    assert cleaned == [1], "the engine's own abort does not end the plan's clean-up"
    assert len(run.events("primary")) <= 5


def aborted(run, at, echoed):
    """Accept an abort after the plan's message number ``at``; the engine says it again after so many messages more.

    As the engine does: the message was carried out, and instead of its answer the plan is given the abort.
    """
    plan, answer, failure, number = run.plan(), None, None, 0
    while True:
        try:
            message = plan.send(answer) if failure is None else plan.throw(failure)
        except StopIteration as end:
            return end.value
        answer = failure = None
        try:
            answer = yield message
        except Exception as error:  # noqa: BLE001  (it is the plan's)
            failure = error
            continue
        number += 1
        if number == at:
            assert run.propose(Abort("enough")).accepted
        elif number == at + echoed:
            failure = RequestAbort()


@pytest.mark.parametrize("echoed", range(1, 6))
def test_an_abort_that_is_said_again_in_the_plans_clean_up_changes_nothing(engine, motors, counter, echoed):
    """Also where that has just dropped an event, closed the run, or writes one of its own."""
    met = []

    def clean_up():
        met.append(1)
        yield from bps.null()

    def watched():
        yield from bpp.finalize_wrapper(bpp.baseline_wrapper(scan(motors, counter, 4), [counter]), clean_up)

    for at in range(4, 34, 2):
        run = OwnRun(engine, motors, watched(), begin=False)
        run.begin(aborted(run, at, echoed))
        with contextlib.suppress(RequestAbort):
            run.finish()
        assert [stop["exit_status"] for stop in run.stops()] == ["abort"], at
        assert [event["kind"] for event in run.events("steering")] == ["abort"], at
    assert len(met) == 15


def test_a_plan_that_fails_says_so_in_a_sentence_and_keeps_its_rulings(engine, motors, counter):
    def fails():
        yield from bps.open_run({})
        yield from bps.checkpoint()
        yield from bps.trigger_and_read([counter])
        yield from bps.checkpoint()
        message = "the furnace is cold"
        raise RuntimeError(message)

    plan = bpp.contingency_wrapper(fails(), except_plan=closes)
    run = OwnRun(engine, motors, plan, {1: [SetParameter("current", 2.0)]})
    with pytest.raises(Exception, match=r"the furnace is cold\."):
        run.finish()
    (stop,) = run.stops()
    assert stop["exit_status"] == "fail"
    assert [event["subject"] for event in run.events("steering")] == ["current"]


def closes(error):
    yield from bps.close_run(exit_status="fail", reason=str(error))


def test_each_ruling_is_in_the_run_that_was_open_when_it_was_carried_out(engine, motors, counter):
    def inner(key):
        yield from bps.open_run({"which": key})
        for _ in range(3):
            yield from bps.checkpoint()
            yield from bps.trigger_and_read([counter])
        yield from bps.close_run()

    def both():
        yield from bpp.set_run_key_wrapper(inner("one"), "one")
        yield from bpp.set_run_key_wrapper(inner("two"), "two")

    at = {1: [SetParameter("current", 2.0)], 3: [SetParameter("current", 3.0)], 5: [SetParameter("current", 4.0)]}
    run = OwnRun(engine, motors, both(), at).finish()
    starts = {document["uid"]: document["which"] for name, document in run.documents if name == "start"}
    streams = {document["uid"]: document for name, document in run.documents if name == "descriptor"}
    found = [
        (starts[streams[document["descriptor"]]["run_start"]], document["data"]["new"])
        for name, document in run.documents
        if name == "event" and streams[document["descriptor"]]["name"] == "steering"
    ]
    assert found == [("one", "2 mA"), ("two", "3 mA"), ("two", "4 mA")]
    assert run.docket.progress.done == 6


@pytest.mark.parametrize("within", [True, False])
def test_a_pause_of_the_plan_itself_waits_for_a_person(engine, motors, counter, within):
    def pauses():
        if not within:
            yield from bps.pause()
        yield from bps.open_run({})
        yield from bps.checkpoint()
        yield from bps.trigger_and_read([counter])
        if within:
            yield from bps.pause()
        yield from bps.checkpoint()
        yield from bps.close_run()

    run = OwnRun(engine, motors, pauses())
    while not run.docket.paused:
        assert not run.future.done()
    assert run.docket.pause.reason == "The plan itself asks for a pause."
    assert run.propose(Resume()).accepted
    run.finish()
    assert [event["kind"] for event in run.events("steering")] == ["pause", "resume"]


def test_a_pause_does_not_hold_the_engines_thread(engine, motors, counter):
    run = OwnRun(engine, motors, scan(motors, counter), {1: [Pause()]})
    while not run.docket.paused:
        assert not run.future.done()
    beat = threading.Event()
    engine.loop.call_soon_threadsafe(beat.set)
    assert beat.wait(10)
    assert run.propose(Finish()).accepted
    run.finish()
    assert len(run.events("primary")) == 1


def counts(counter, runs):
    for _ in range(runs):
        yield from bp.count([counter], num=1)


def test_what_comes_after_the_last_checkpoint_of_a_run_is_carried_out_before_the_next(engine, motors, counter):
    soft = Soft()
    run = OwnRun(engine, motors, counts(counter, 5), {1: [SetParameter("current", 3.0)], 3: [Finish()]}, soft).finish()
    assert soft.puts == [3.0]
    assert len(run.events("primary")) == 3
    assert [stop["exit_status"] for stop in run.stops()] == ["success"] * 3
    assert [event["kind"] for event in run.events("steering")] == ["set", "finish"]


def test_a_run_within_a_run_leaves_the_outer_one_steerable(engine, motors, counter):
    def point(key):
        yield from bpp.set_run_key_wrapper(bps.checkpoint(), key)
        yield from bpp.set_run_key_wrapper(bps.trigger_and_read([counter]), key)

    def nested():
        yield from bpp.set_run_key_wrapper(bps.open_run({"which": "out"}), "out")
        yield from point("out")
        yield from bpp.set_run_key_wrapper(bps.open_run({"which": "in"}), "in")
        yield from point("in")
        yield from bpp.set_run_key_wrapper(bps.close_run(), "in")
        for _ in range(10):
            yield from point("out")
        yield from bpp.set_run_key_wrapper(bps.close_run(), "out")

    plan = bpp.contingency_wrapper(nested(), final_plan=bps.null)
    run = OwnRun(engine, motors, plan, {3: [Pause()]})
    while not (run.docket.paused and run.events("steering")):
        assert not run.future.done()
    assert run.propose(Finish()).accepted
    run.finish()
    assert len(run.events("primary")) == 3
    assert [event["kind"] for event in run.events("steering")] == ["pause", "finish"]


def test_a_plan_under_a_run_key_may_pause(engine, motors, counter):
    def pauses():
        yield from bps.open_run({})
        yield from bps.checkpoint()
        yield from bps.trigger_and_read([counter])
        yield from bps.pause()
        yield from bps.close_run()

    run = OwnRun(engine, motors, bpp.set_run_key_wrapper(pauses(), "mine"))
    while not run.docket.paused:
        assert not run.future.done()
    assert run.propose(Resume()).accepted
    run.finish()
    assert [event["kind"] for event in run.events("steering")] == ["pause", "resume"]


def bare(counter):
    yield from bps.open_run({})
    for _ in range(1000):
        yield from bps.checkpoint()
        yield from bps.trigger_and_read([counter])
    yield from bps.close_run()


def test_a_plan_that_closes_no_run_of_its_own_after_an_abort_has_its_rulings_all_the_same(engine, motors, counter):
    run = OwnRun(engine, motors, bare(counter), {3: [SetParameter("current", 3.0), Abort("enough")]})
    while not (run.docket.aborting or run.future.done()):
        run.opened.wait(0.001)
    engine.insist("enough", lambda: run.docket.noticed).join(20)
    run.finish()
    (stop,) = run.stops()
    assert stop["exit_status"] == "abort"
    assert sorted(event["kind"] for event in run.events("steering")) == ["abort", "set"]
    assert all(ruling.applied_at for ruling in run.rulings if ruling.kind == "abort" and ruling.before_point)


class Told(OwnRun):
    """Its engine says of the abort so many messages after the plan knows of it."""

    after = 0

    def plan(self):
        plan, left, answer, failure = super().plan(), self.after, None, None
        while True:
            try:
                message = plan.send(answer) if failure is None else plan.throw(failure)
            except StopIteration as end:
                return end.value
            answer = failure = None
            try:
                answer = yield message
            except GeneratorExit:
                plan.close()
                raise
            except BaseException as error:  # noqa: BLE001  (whatever the engine throws is handed on)
                failure = error
            if self.docket.noticed:
                if left == 0:
                    failure = RequestAbort()
                left -= 1


@pytest.mark.parametrize("after", range(14))
def test_whenever_the_engine_says_of_an_abort_that_the_plan_knows_its_rulings_are_written_once(
    engine, motors, counter, after, monkeypatch
):
    monkeypatch.setattr(Told, "after", after)
    run = Told(engine, motors, bare(counter), {3: [SetParameter("current", 3.0), Abort("enough")]})
    with contextlib.suppress(RequestAbort):
        run.future.exception(20)
    engine.insist("enough", run.future.done).join(20)
    run.finish()
    assert sorted(event["kind"] for event in run.events("steering")) == ["abort", "set"]


def test_a_suspender_of_the_engine_that_trips_while_a_signal_is_on_its_way_loses_nothing(engine, motors, counter):
    class Slow(Soft):
        suspended = False

        async def arrived(self, value):
            self.asked += 1
            if self.asked == 2 and not self.suspended:
                self.suspended = True
                engine.loop.call_soon(engine._engine.request_suspend, lambda: asyncio.sleep(0.2))
            if self.asked > 5:
                self.value = value
            return self.value == value

    soft = Slow()
    run = OwnRun(engine, motors, scan(motors, counter, 6), {2: [SetParameter("current", 3.0)]}, soft).finish()
    (stop,) = run.stops()
    assert stop["exit_status"] == "success"
    assert set(soft.puts) == {3.0}
    assert len(run.events("primary")) == 6
    assert [event["kind"] for event in run.events("steering")] == ["set"]


def test_a_signal_that_is_sent_somewhere_at_the_start_is_known_to_be_there(engine, motors, counter):
    soft = Soft()
    run = OwnRun(engine, motors, scan(motors, counter, 3), soft=soft, begin=False)
    run.docket.begin_with = {"current": 4.0}
    run.docket._parameters["current"] = Parameter("current", "mA", 4.0, 0.0, 10.0)
    run.docket.advance(Progress(0, 0, {"current": 4.0, "num": 11.0}))
    run.begin(run.plan())
    run.finish()
    assert soft.puts == [4.0]
    assert run.docket.progress.values["current"] == 4.0
