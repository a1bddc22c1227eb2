"""The instrument strip: what the beamline's file may list, and what is said of each signal."""

import math
import time

import numpy as np
import pytest

from steering.core.instrument import Reading
from steering.description.description import read_description
from steering.description.description_entries import SignalEntry, SuspenderEntry
from steering.devices.signals import BeamlineSignal
from steering.devices.strip import Gauge, Strip
from steering.devices.suspenders import Suspender, watch


class Heard(float):
    """A value as a monitor gives it."""

    ok, units, enums = True, "", ()


class Choice(Heard):
    enums = ("out", "thin")


class WithUnit(Heard):
    units = "K"


class Gone:
    ok = False


def said(gauge, suspenders=None):
    (reading,) = Strip([gauge], suspenders).instrument().readings
    return reading


@pytest.mark.parametrize(
    ("value", "units", "text"),
    [
        (199.8432, "mA", "199.8 mA"),
        (0.2200041, "deg", "0.22 deg"),
        (1e-17, "deg", "0 deg"),
        (2.345678e-8, "mbar", "2.346e-08 mbar"),
        (-1.2e-12, "A", "-1.2e-12 A"),
        (-12345.6, "um", "-1.235e+04 um"),
        (3.0, "1", "3"),
    ],
)
def test_a_value_is_rounded_to_what_a_person_reads(value, units, text):
    gauge = Gauge("x", "X", units)
    gauge.heard(Heard(value))
    assert said(gauge) == Reading("x", text)


def test_noise_in_the_last_digits_is_no_news():
    gauge = Gauge("ring", "RING", "mA")
    gauge.heard(Heard(199.8432))
    before = Strip([gauge]).instrument()
    gauge.heard(Heard(199.8399))
    assert Strip([gauge]).instrument() == before


def test_a_choice_is_said_by_its_name_and_a_number_that_is_none_of_them_as_it_is():
    gauge = Gauge("filters", "F")
    gauge.heard(Choice(1.0))
    assert said(gauge).text == "thin"
    gauge.heard(Choice(7.0))
    assert said(gauge).text == "7"


def test_the_unit_is_the_file_s_or_the_record_s_own():
    own, told = Gauge("t", "T"), Gauge("t", "T", "mK")
    for gauge in (own, told):
        gauge.heard(WithUnit(295.0))
    assert (said(own).text, said(told).text) == ("295 K", "295 mK")


def test_what_does_not_answer_says_so_before_and_after_it_did():
    gauge = Gauge("ring", "RING", "mA")
    assert said(gauge) == Reading("ring", "does not answer", well=False)
    gauge.heard(Heard(1.0))
    gauge.heard(Gone())
    assert said(gauge).well is False
    gauge.heard(Heard(math.nan))
    assert said(gauge).text == "does not answer"


def test_what_a_scan_waits_for_is_unwell_outside_its_limits():
    entry = SuspenderEntry(signal="ring", low=50.0, settle=0.0)
    suspender = Suspender(entry, BeamlineSignal("ring", SignalEntry(read="RING"), "mA"))
    gauge = Gauge("ring", "RING", "mA")
    for one in (gauge, suspender):
        one.heard(Heard(20.0))
    reading = said(gauge, {"ring": suspender})
    assert (reading.well, reading.wanted) == (False, "wanted are 50 mA or more")
    for one in (gauge, suspender):
        one.heard(Heard(100.0))
    assert said(gauge, {"ring": suspender}).well is True


BASE = """
name: Test
motors:
  th: {prefix: "X:th", units: deg}
  h: {class: "ophyd.sim:SynAxis", units: deg}
detector: {prefix: "X:det:", image: "X:det:Pva1:Image"}
signals:
  ring: {read: "X:ring"}
scans:
  - plan: rocking
    name: rocking
    title: Rocking
    axis: th
    parameters:
      centre: {units: deg, value: 0.2, low: -0.5, high: 1.0}
      range: {units: deg, value: 1.0, low: 0.01, high: 1.5}
      step: {units: deg, value: 0.01, low: 0.0005, high: 0.1}
      exposure: {units: s, value: 0.25, low: 0.01, high: 5.0}
"""


def test_motors_and_signals_can_be_listed(tmp_path):
    file = tmp_path / "beamline.yaml"
    file.write_text(BASE + "strip: [ring, {name: hutch, read: 'X:hutch', units: C}, th]\n")
    first, hutch, last = read_description(file).strip
    assert (first.name, first.read, last.name, last.read) == ("ring", "", "th", "")
    assert (hutch.name, hutch.read, hutch.units) == ("hutch", "X:hutch", "C")


@pytest.mark.parametrize(
    ("strip", "sentence"),
    [
        ("[rong]", "There is no motor or signal 'rong'."),
        ("[h]", "h has no EPICS name of its own, which the strip needs."),
        ("[ring, ring]", "ring stands in the strip twice."),
        ("[ring, {name: ring, read: X}]", "ring stands in the strip twice."),
        ("[{name: hutch, read: 'X Y'}]", "'X Y' is not the name of a PV."),
    ],
)
def test_what_cannot_be_shown_is_said_with_its_line(tmp_path, strip, sentence):
    from steering.core.errors import SteeringError

    file = tmp_path / "beamline.yaml"
    file.write_text(BASE + f"strip: {strip}\n")
    with pytest.raises(SteeringError, match="mistake") as caught:
        read_description(file)
    assert sentence in str(caught.value)


async def test_a_signal_that_says_no_number_has_not_arrived(monkeypatch):
    signal = BeamlineSignal("cryo", SignalEntry(set="C", read="R", tolerance=0.5, settle=0.0), "K")
    values = iter([100.0, math.nan, 100.2])

    async def reading(_):
        return {"value": next(values)}

    monkeypatch.setattr(BeamlineSignal, "reading", reading)
    assert [await signal.arrived(100.0) for _ in range(3)] == [True, False, True]


def test_a_text_on_the_strip_is_shown_as_it_is():
    class Text(str):
        __slots__ = ()
        ok = True

    gauge = Gauge("sample", "SAMPLE")
    gauge.heard(Text("LaB6  no. 3"))
    assert said(gauge) == Reading("sample", "LaB6 no. 3")
    gauge.heard(Text("x" * 200))
    assert len(said(gauge).text) <= 40
    gauge.heard(Gone())
    assert not said(gauge).well


class Wave(np.ndarray):
    ok, units = True, "V"


def test_what_is_neither_number_nor_text_is_said_and_ends_no_monitor():
    gauge = Gauge("wave", "WAVE")
    gauge.heard(np.zeros(3).view(Wave))
    assert said(gauge) == Reading("wave", "is no number", well=False)
    gauge.heard(Heard(3.0))
    assert said(gauge) == Reading("wave", "3 V")


async def test_of_a_suspenders_signal_each_value_is_heard(monkeypatch):
    monitored = {}

    def camonitor(channel, heard, **settings):
        monitored[channel] = settings

    monkeypatch.setattr("aioca.camonitor", camonitor)
    signal = BeamlineSignal("ring", SignalEntry(read="RING"), "mA")
    watch((SuspenderEntry(signal="ring", low=50.0),), {"ring": signal})
    # Of values that come together only the newest would be heard: a shutter that was closed for a moment would be none.
    assert monitored["RING"]["all_updates"]


class Invalid(Heard):
    """What a record holds that cannot be read any more: the value of before, marked as invalid."""

    severity = 3


def test_a_value_that_its_record_marks_as_invalid_is_none():
    entry = SuspenderEntry(signal="ring", low=50.0, settle=0.0)
    suspender = Suspender(entry, BeamlineSignal("ring", SignalEntry(read="RING"), "mA"))
    suspender.heard(Heard(102.0))
    before = time.monotonic()
    assert suspender.why() == ""
    suspender.heard(Invalid(102.0))
    assert suspender.lost_since(before)
    assert "ring is marked as invalid by its record; wanted are 50 mA or more" in suspender.why()
    suspender.heard(Gone())
    assert "ring does not answer" in suspender.why()
    suspender.heard(Heard(102.0))
    assert suspender.why() == ""


async def test_a_signal_has_not_arrived_at_a_value_that_its_record_marks_as_invalid(monkeypatch):
    signal = BeamlineSignal("cryo", SignalEntry(set="C", read="R", tolerance=0.5, settle=0.0), "K")
    severities = iter([0, 3, 2])

    async def reading(_):
        return {"value": 100.0, "timestamp": 1.0, "alarm_severity": next(severities)}

    monkeypatch.setattr(BeamlineSignal, "reading", reading)
    assert [await signal.arrived(100.0) for _ in range(3)] == [True, False, True]
