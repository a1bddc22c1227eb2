"""Conditions: a small grammar with units, and nothing else."""

import math
import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.core.errors import SteeringError
from steering.core.result import Feature
from steering.flows.condition import UnknownFeatureError, read_condition
from steering.flows.facts import Facts
from steering.flows.units import ratio

FACTS = Facts(
    {},
    {"status": "success", "sample": "WSe2 flake", "scan": "map"},
    {
        "tau0": Feature(0.9, 0.1, "s"),
        "curve.peak": Feature(250.0, 1.0, "mdeg"),
        "frames": Feature(81, math.nan, "frames"),
        "failed": Feature(math.nan, math.nan, "s"),
    },
)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("tau0 < 1 s", True),
        ("tau0 < 1000 ms", True),
        ("tau0 < 800 ms", False),
        ("tau0 > 0.01 min", True),
        ("tau0<1s", True),
        ("curve.peak >= 0.25 deg", True),
        ("curve.peak == 0.25 deg", True),
        ("frames > 80 frames and status == success", True),
        ("status != success or tau0 < 0.5 s", False),
        ('sample == "WSe2 flake"', True),
        ("not (status == success)", False),
        ("not status == fail and (scan == map or scan == rocking)", True),
        ("tau0 < -1e-3 s", False),
        ("tau0 > 0 s and tau0 < 1 s or unknown < 1", True),
        ("unknown < 1 and status == fail", False),
        # A fit that has failed is neither below nor above a limit, nor other than it.
        ("failed < 1 s", False),
        ("not failed < 1 s", False),
        ("failed != 1 s", False),
        ("not (status == success and failed > 1 s)", False),
        ("not (failed < 1 s or tau0 > 1 s)", False),
        ("failed < 1 s or tau0 < 1 s", True),
        ("not (failed < 1 s and tau0 > 1 s)", True),
    ],
)
def test_a_condition_is_judged_on_what_is_known_with_its_units(text, holds):
    assert read_condition(text).holds(FACTS) is holds


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "There should be a name"),
        ("tau0", "one of < <= > >="),
        ("tau0 < ", "a number with its unit"),
        ("tau0 < nan s", "a number with its unit"),
        ("tau0 < 1e999 s", "finite"),
        ("status < success", "since status is a text"),
        ("tau0 < 1 s tau0", "'and', 'or' or the end"),
        ("(tau0 < 1 s", "')'"),
        ("__import__('os').system('x')", "one of <"),
        ("tau0 < 1 s; rm", "'and', 'or' or the end"),
        ("(" * 30 + "tau0 < 1 s" + ")" * 30, "nested"),
        ("not " * 30 + "tau0 < 1 s", "nested"),
        ("tau0 < 1 s or " * 40, "at most 400 characters"),
    ],
)
def test_what_is_no_condition_is_refused_with_what_may_stand_there(text, said):
    with pytest.raises(SteeringError, match=re.escape(said)):
        read_condition(text)


def test_a_feature_that_nobody_has_is_named_with_those_that_are_there():
    with pytest.raises(UnknownFeatureError, match=r"No result has a feature 'tau'.*Did you mean tau0\?"):
        read_condition("tau < 1 s").holds(FACTS)


def test_units_of_another_kind_are_refused_and_never_converted():
    with pytest.raises(SteeringError, match="tau0: the unit 's' cannot be compared with the unit 'm'"):
        read_condition("tau0 < 1 m").holds(FACTS)
    with pytest.raises(SteeringError, match="cannot be compared with a number without a unit"):
        read_condition("tau0 < 1").holds(FACTS)


@pytest.mark.parametrize(
    ("units", "wanted", "factor"),
    [
        ("um^2/s", "m^2/s", 1e-12),
        ("1/nm", "1/angstrom", 0.1),
        ("counts/s", "cts/ms", 1e-3),
        ("deg", "rad", math.pi / 180),
        ("%", "1", 0.01),
        ("kHz", "1/s", 1e3),
        ("arbitrary", "arbitrary", 1.0),
        ("r.l.u.", "r.l.u.", 1.0),
        ("", "1", 1.0),
    ],
)
def test_units_are_products_of_powers(units, wanted, factor):
    assert ratio(units, wanted) == pytest.approx(factor)


@pytest.mark.parametrize("unit", ["Gm^99", "fs^99", "1/fs^99", "km^40/fs^40"])
def test_a_unit_that_no_number_has_room_for_is_compared_with_itself_only(unit):
    odd = Facts({}, {}, {"tau0": Feature(2.0, 0.1, unit)})
    assert read_condition(f"tau0 > 1 {unit}").holds(odd)
    with pytest.raises(SteeringError, match="cannot be compared"):
        read_condition("tau0 < 1 s").holds(odd)
    with pytest.raises(SteeringError, match="cannot be compared"):
        read_condition(f"tau0 < 1 {unit}").holds(FACTS)


@given(st.text(max_size=60))
def test_any_text_is_a_condition_or_a_sentence(text):
    with suppress(SteeringError):
        read_condition(text)
