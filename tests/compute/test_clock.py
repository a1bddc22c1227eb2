import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.compute.clock import duration, moment, seconds, walltime

TIMES = {"01:00:00": 3600, "72:00:00": 259200, "3-00:00:00": 259200, "1-02:30": 95400, "10:30": 630, "90": 90,
         " 00:05:00 ": 300, "unlimited": math.inf, "INFINITE": math.inf}  # fmt: skip


@pytest.mark.parametrize(("text", "value"), TIMES.items(), ids=TIMES)
def test_a_walltime_is_read_as_batch_systems_write_it(text, value):
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "soon", "1:2:3:4", "-5", "one-00:00:00", "01:00:00x"])
def test_what_is_no_walltime_is_not_guessed(text):
    assert math.isnan(seconds(text))


@given(st.integers(0, 10**7))
def test_what_is_written_is_read(value):
    assert seconds(walltime(value)) == value


def test_a_part_of_a_second_is_not_lost():
    assert walltime(59.2) == "00:01:00"


DURATIONS = {45: "45 s", 119: "119 s", 1800: "30 min", 3600: "1 h", 9000: "2 h 30 min", 3599: "1 h", 7199: "2 h",
             math.inf: "an unlimited time"}  # fmt: skip


@pytest.mark.parametrize(("value", "text"), DURATIONS.items())
def test_a_duration_reads_well(value, text):
    assert duration(value) == text


def test_a_moment_is_read_in_this_machine_s_time_zone():
    text = "Sun Nov 22 22:22:59 2026"
    assert time.strftime("%a %b %d %H:%M:%S %Y", time.localtime(moment(text))) == text
    assert math.isnan(moment("None"))
