import asyncio
import sys
import textwrap
import threading

import pytest
from ophyd_async.core import AsyncStatus

from steering.core.errors import SteeringError
from steering.core.workspace import Workspace
from steering.description.description import read_description
from steering.devices.connecting import connect_instrument
from steering.devices.instrument import Instrument
from steering.plans.engine import Engine
from steering.scans.own import OwnEntry
from steering.service import ended, service
from steering.service.service import Beamline

NAME = "tests.beamline.halls.startup"


@pytest.fixture(scope="module")
def instrument():
    made = Instrument.start(NAME)
    yield made
    made.engine.close()
    sys.modules.pop(NAME)


def entry(call="rock", parameters=None, **more):
    return OwnEntry(name="a", title="A", plan="own", call=call, parameters=parameters or {}, **more)


def number(value=None, low=-10.0, high=10.0, units=""):
    return {"value": value, "low": low, "high": high, "units": units}


def test_its_own_plans_are_found_and_no_others(instrument):
    assert sorted(instrument.plans) == ["choose", "fails", "loose", "needs", "rock", "tell"]


def test_a_device_is_found_by_name_and_its_parts_too(instrument):
    assert instrument.find("stage").name == "stage"
    assert instrument.find("diode.Imax").get() == 1000.0
    with pytest.raises(SteeringError, match=r"has no device 'stag'\. .*Did you mean stage\?"):
        instrument.find("stag")
    with pytest.raises(SteeringError, match=r"has no device 'diode.Imx'"):
        instrument.find("diode.Imx")


def test_without_a_file_each_plan_is_offered_with_its_numbers(instrument):
    described = instrument.describe()
    assert described.name == "Hall of tests"
    scans = {scan.name: scan for scan in described.scans}
    assert sorted(scans) == ["choose", "fails", "loose", "rock", "tell"], (
        "one that needs more cannot be started without a file"
    )
    rock = scans["rock"]
    assert rock.title == "rock: Rock the stage about where it is"
    assert {name: one.value for name, one in rock.parameters.items()} == {"span": 2.0, "num": 11.0}
    assert (rock.parameters["num"].low, rock.parameters["num"].decimals) == (1, 0)


def test_an_argument_that_is_a_choice_is_offered_by_names_and_reaches_the_plan_as_what_it_means(instrument):
    (scan,) = [scan for scan in instrument.describe().scans if scan.name == "choose"]
    offered = {name: one.parameter(name) for name, one in scan.parameters.items()}
    assert {name: (one.choices, one.choice(one.value)) for name, one in offered.items()} == {
        "shape": (("line", "spiral"), "line"),
        "snake": (("no", "yes"), "yes"),
        "order": (("UP", "DOWN"), "DOWN"),
    }
    (message,) = instrument.plan(scan, {"shape": 1.0, "snake": 0.0, "order": 0.0})
    order = instrument.module.Order.UP
    assert message.kwargs == {"shape": "spiral", "snake": False, "order": order}
    # What a beamline's file names is what the plan is given, if the plan does not say otherwise.
    named = entry("loose", {"span": number(0.5), "mode": {"choices": ["fly", "step"]}})
    (message,) = instrument.plan(named, {"span": 0.5, "mode": 1.0})
    assert message.kwargs == {"span": 0.5, "mode": "step"}


def test_a_plan_is_made_with_devices_numbers_and_texts(instrument):
    made = entry("bp.scan", {"num": number(3.0, 1, 100)}, arguments={"detectors": ["diode"], "args": ["stage", -1, 1]})
    instrument.check(made, ())
    messages = list(instrument.plan(made, {"num": 3.0}))
    opened = next(message for message in messages if message.command == "open_run")
    assert opened.kwargs["num_points"] == 3
    assert opened.kwargs["motors"] == ("stage",)
    assert opened.kwargs["detectors"] == ["diode"]


def test_a_number_reaches_a_plan_as_it_is_shown(instrument):
    # Its default is 1, but nothing says that it is a number of something.
    loose = entry("loose", {"span": number(0.5), "gain": number(2.0)}, arguments={"sample": "Si"})
    instrument.check(loose, ())
    (message,) = instrument.plan(loose, {"span": 0.5, "gain": 2.0})
    assert message.kwargs == {"span": 0.5, "sample": "Si", "gain": 2.0}
    whole = entry("rock", {"num": number(2.5)})
    with pytest.raises(SteeringError, match=r"num = 2\.5 is no whole number, which the plan rock takes"):
        instrument.plan(whole, {"num": 2.5})


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (entry("rok"), r"has no plan 'rok'\. .*Did you mean rock\?"),
        (
            entry("rock", {"spam": number(1.0)}),
            r"'spam' to the plan rock, which has no such .*Did you mean span\?",
        ),
        (entry("needs"), r"The plan needs of the scan a needs detectors\."),
    ],
)
def test_a_scan_that_cannot_be_made_is_said_before_anything_runs(instrument, made, sentence):
    with pytest.raises(SteeringError, match=sentence):
        instrument.check(made, ())


def test_a_startup_folder_is_run_in_the_order_of_its_files(tmp_path):
    (tmp_path / "10-plans.py").write_text("def nothing():\n    yield from bps.null()\n")
    (tmp_path / "00-base.py").write_text(
        "from bluesky import RunEngine, plan_stubs as bps\nfrom ophyd.sim import motor\nRE = RunEngine()\n"
    )
    made = Instrument.start(str(tmp_path))
    try:
        assert list(made.plans) == ["nothing"]
        assert made.find("motor").name == "motor"
        done = made.engine.run(made.plans["nothing"]())
        done.result(10)
    finally:
        made.engine.close()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("import not_there_at_all", "needs not_there_at_all, which is not installed"),
        ("1 / 0", r"The startup of the instrument \S+ failed: division by zero"),
        ("number = 1", "makes no RunEngine"),
        ("def", "failed: .*syntax"),
    ],
)
def test_a_startup_that_fails_is_said_in_a_sentence(tmp_path, text, sentence):
    (tmp_path / "00.py").write_text(text)
    with pytest.raises(SteeringError, match=sentence):
        Instrument.start(str(tmp_path))


def test_an_instrument_that_is_not_there_is_named():
    with pytest.raises(SteeringError, match=r"There is no module or folder 'no_such_hall\.startup'\."):
        Instrument.start("no_such_hall.startup")


def described(tmp_path, text):
    file = tmp_path / "hall.yaml"
    file.write_text(textwrap.dedent(text))
    return read_description(file)


FILE = f"""
name: Hall
instrument: {NAME}
signals:
  brightness: {{device: diode.Imax, units: ct}}
scans:
- name: rock
  title: Rock
  plan: own
  call: rock
  parameters:
    num: {{value: 5, low: 2, high: 100, units: ""}}
    brightness: {{low: 1, high: 5000, units: ct}}
"""


def test_a_file_names_limits_and_signals_of_devices(instrument, tmp_path):
    found = described(tmp_path, FILE)
    devices = instrument.engine.call(connect_instrument(found, instrument))
    signal = devices.signals["brightness"]
    assert (signal.known, signal.units) == (1000.0, "ct")
    instrument.engine.call(signal.put(500.0))
    try:
        while not instrument.engine.call(signal.arrived(500.0)):
            # Classic ophyd sets in a thread of its own.
            continue
        assert instrument.find("diode.Imax").get() == 500.0
        assert instrument.engine.call(devices.present(["brightness"])) == {"brightness": 500.0}
    finally:
        instrument.find("diode.Imax").put(1000.0)


def test_what_a_device_says_is_what_a_person_hears(instrument, tmp_path, monkeypatch):
    devices = instrument.engine.call(connect_instrument(described(tmp_path, FILE), instrument))
    signal = devices.signals["brightness"]

    def refuse(value):
        message = f"{value} is outside of the limits (0, 5)"
        raise ValueError(message)

    monkeypatch.setattr(signal.device, "set", refuse)
    with pytest.raises(SteeringError, match=r"cannot be set to 7 ct: 7\.0 is outside of the limits \(0, 5\)"):
        instrument.engine.call(signal.put(7.0))

    async def fail(value):
        message = "the filter wheel is stuck"
        raise OSError(message)

    async def later():
        failed = AsyncStatus(fail(7.0))
        await asyncio.wait([failed.task])
        signal.device.set = lambda value: failed
        await signal.put(7.0)
        return await signal.arrived(7.0)

    with pytest.raises(SteeringError, match="the filter wheel is stuck"):
        instrument.engine.call(later())


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("diode.Imax", "diode.name", "cannot be set"),
        ("diode.Imax", "diode.noise", "has the choices none, poisson, uniform, but the scan .* says no choices"),
        ("diode.Imax", "label", "is no number"),
    ],
)
def test_a_signal_that_cannot_be_steered_is_said_at_the_start(instrument, tmp_path, old, new, sentence):
    found = described(tmp_path, FILE.replace(old, new))
    with pytest.raises(SteeringError, match=sentence):
        instrument.engine.call(connect_instrument(found, instrument))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (f"instrument: {NAME}\n", "", "'plan: own' is a plan of an instrument"),
        (f"instrument: {NAME}\n", "", "There is no motor"),
        ("name: Hall\n", "name: Hall\nmotors: {th: {prefix: 'IOC:m1'}}\n", "leave 'motors' out"),
        ("plan: own\n", "plan: series\n", "call"),
        ("device: diode.Imax", "device: diode.Imax, read: A:B", "is named twice"),
        ("call: rock\n", "call: rock\n  arguments: {num: 3}\n", "num is an argument and a parameter"),
    ],
)
def test_a_file_that_does_not_fit_its_instrument_is_refused(tmp_path, old, new, sentence):
    with pytest.raises(SteeringError, match=sentence):
        described(tmp_path, FILE.replace(old, new))


@pytest.fixture
def beamline(instrument, tmp_path):
    found = instrument.describe()
    devices = instrument.engine.call(connect_instrument(found, instrument))
    made = Beamline(found, devices, instrument.engine, Workspace(tmp_path / "workspace"))
    yield made
    made.finish()


def test_who_sees_that_nothing_runs_sees_how_the_last_scan_ended(beamline, monkeypatch):
    asked, go = threading.Event(), threading.Event()

    def slowly(*known):
        asked.set()
        assert go.wait(10)
        return ended.ended_run(*known)

    monkeypatch.setattr(service, "ended_run", slowly)
    run = beamline.start("rock", {"num": 2.0}, "ana")
    assert asked.wait(10)
    assert beamline.status().scanning
    with pytest.raises(SteeringError, match="A scan is running"):
        beamline.start("rock", {"num": 2.0}, "ana")
    go.set()
    while beamline.status().scanning:
        continue
    assert beamline.status().ended.run == run


def test_a_plan_that_cannot_be_made_leaves_the_beamline_as_it_was(beamline, instrument, monkeypatch):
    def broken(*_, **__):
        message = "no stage today"
        raise ValueError(message)

    with monkeypatch.context() as patched:
        patched.setattr(instrument.module, "rock", broken)
        with pytest.raises(SteeringError, match="The plan rock cannot be made: no stage today"):
            beamline.start("rock", {"num": 2.0}, "ana")
    assert beamline.status().state == "idle"
    assert beamline.start("rock", {"num": 2.0}, "ana")


def test_an_engine_that_is_taken_over_runs_from_any_thread(instrument):
    assert Engine.found({"number": 1}) is None
    assert isinstance(instrument.engine.loop, asyncio.AbstractEventLoop)
