"""Units as people read and write them; data keep theirs."""

import math

import pytest

from steering.core.errors import SteeringError
from steering.core.parameter import Parameter
from steering_widgets.drawing.plot import axis_label
from steering_widgets.parts.entry import NumberEntry
from steering_widgets.parts.units import read_number, shown_unit, unit_text, with_shown_units, without_unit
from tests.widgets.fake import FakeDesk


@pytest.mark.parametrize(
    ("units", "shown"),
    [
        ("um", "µm"), ("deg", "°"), ("degrees", "°"), ("degC", "°C"), ("counts/um", "counts/µm"), ("deg/s", "°/s"),
        ("1/angstrom", "1/Å"), ("um^2", "µm^2"), ("s", "s"), ("mm", "mm"), ("counts/s", "counts/s"), ("1", ""),
        ("", ""), ("degauss", "degauss"), ("unknown", "unit unknown"),
    ],
)  # fmt: skip
def test_a_unit_is_shown_as_people_write_it(units, shown):
    assert shown_unit(units) == shown


def test_an_unknown_unit_stands_in_brackets_behind_a_number():
    assert unit_text("unknown") == "(unit unknown)"
    assert axis_label("th", "deg") == "th (°)"
    assert axis_label("n", "1") == "n"


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("centre = 5.5 deg is outside", "centre = 5.5 ° is outside"),
        ("from -3 to 4 um.", "from \N{MINUS SIGN}3 to 4 µm."),
        ("-0.2 deg (-.5 deg), x=-1", "\N{MINUS SIGN}0.2 ° (\N{MINUS SIGN}.5 °), x=\N{MINUS SIGN}1"),
        ("on 2026-11-30 of sample-3, 1-2, - 5, 1e-5", "on 2026-11-30 of sample-3, 1-2, - 5, 1e-5"),
        ("2um and 3 um step 0.5 um", "2µm and 3 µm step 0.5 µm"),
        ("along th in deg", "along th in °"),
        ("nan um: both must be finite numbers of um", "nan µm: both must be finite numbers of µm"),
        ("column um_3 of 3 umbrellas, deg", "column um_3 of 3 umbrellas, deg"),
        ("", ""),
    ],
)
def test_units_in_a_sentence_are_shown_too(sentence, shown):
    assert with_shown_units(sentence) == shown


@pytest.mark.parametrize(
    "text", ["0.25", " 0.25 um", "0.25um", "0.25 µm", "0.25 \N{GREEK SMALL LETTER MU}m", "0,25 µm"]
)
def test_a_number_is_read_with_either_unit_or_none(text):
    assert read_number("step", text, "um") == 0.25


@pytest.mark.parametrize("text", ["1,000", "12,500 um", "-3,125um"])
def test_a_comma_that_may_mean_two_things_is_asked_about(text):
    with pytest.raises(SteeringError, match=r"may be a fraction or thousands\. Write a point for the comma, or none\."):
        read_number("step", text, "um")
    assert [read_number("step", one, "um") for one in ("0,125", "1,25", "1,2500")] == [0.125, 1.25, 1.25]


def test_other_numbers_are_read_too():
    assert read_number("centre", "\N{MINUS SIGN}1.5e-3 °", "deg") == -0.0015
    assert read_number("centre", "2 deg", "deg") == 2.0
    assert read_number("count", "7", "1") == 7.0
    assert math.isnan(read_number("centre", "nan", "deg"))
    assert read_number("centre", "-inf", "deg") == -math.inf


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "step: no number is given. Write one such as 0.5."),
        ("two", "step: “two” is not a number. Write one such as 0.5."),
        ("3 mm", "step: “3 mm” is not in µm. This field is in µm: write the number alone, or with µm."),
        ("1 2", "step: “1 2” is not a number. This field is in µm"),
        ("1.2.3", "step: “1.2.3” is not a number. This field is in µm"),
        ("<b>", "step: “<b>” is not a number."),
    ],
)
def test_what_is_no_number_in_this_unit_is_refused_in_a_sentence(text, why):
    with pytest.raises(SteeringError, match="step") as caught:
        read_number("step", text, "um")
    assert why in str(caught.value)


def test_a_unit_behind_a_pure_number_is_refused():
    with pytest.raises(SteeringError, match="Write it without unit"):
        read_number("count", "3 um", "1")


def test_a_unit_is_taken_off_what_was_typed():
    assert without_unit("3 µm", "um") == "3"
    assert without_unit("3 mm", "um") == "3 mm"
    assert without_unit("half", "um") == "half"


def test_a_field_shows_its_unit_and_takes_both():
    entry = NumberEntry("st-x", "centre", "deg")
    assert entry.children[1].value == "°"
    assert entry.field.tooltip == "centre in °"
    for text in ("0.3", "0.3 deg", "0.3°"):
        entry.write(text)
        assert entry.number() == 0.3


def test_data_keep_their_units():
    desk = FakeDesk()
    desk.start("map")
    desk.advance(3)
    assert desk.board.result.value.outcome.data["sx"].attrs["units"] == "um"
    assert Parameter("step", "um", 1.0, 0.1, 2.0).units == "um"
