"""A parameter is a number within limits, or one of a few named choices."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.core.errors import SteeringError
from steering.core.parameter import Parameter
from steering.guard import judge_value

FILTERS = Parameter("filters", "", 0.0, 0.0, 2.0, choices=("out", "thin", "thick"))
EXPOSURE = Parameter("exposure", "s", 0.5, 0.01, 5.0)


def test_a_choice_has_a_name_and_a_number():
    assert [FILTERS.choice(value) for value in (0.0, 1.0, 2.0)] == ["out", "thin", "thick"]
    assert [FILTERS.value_of(name) for name in FILTERS.choices] == [0.0, 1.0, 2.0]
    assert EXPOSURE.choice(1.0) == ""
    assert (FILTERS.allowed, EXPOSURE.allowed) == ("out, thin, thick", "0.01 to 5 s")


@pytest.mark.parametrize(
    ("parameter", "text", "sentence"),
    [
        (FILTERS, "thik", "filters = 'thik' is none of its choices. Allowed: out, thin, thick."),
        (FILTERS, "1", "filters = '1' is none of its choices. Allowed: out, thin, thick."),
        (EXPOSURE, "long", "exposure = 'long' is not a number. Allowed: 0.01 to 5 s."),
    ],
)
def test_a_text_that_names_no_choice_is_refused_with_what_is_allowed(parameter, text, sentence):
    with pytest.raises(SteeringError) as caught:
        parameter.value_of(text)
    assert str(caught.value) == sentence


@given(value=st.floats() | st.integers(-9, 9).map(float))
def test_the_guard_takes_the_numbers_of_choices_and_no_others(value):
    refusal = judge_value("filters", value, {"filters": FILTERS})
    if value in (0.0, 1.0, 2.0):
        assert refusal == ""
    else:
        assert refusal == f"filters = {value:g} is none of its choices. Allowed: out, thin, thick."


def test_choices_are_numbered_from_0_on():
    with pytest.raises(ValueError, match="3 choices are numbered from 0 on, not 0 to 5"):
        Parameter("filters", "", 0.0, 0.0, 5.0, choices=("out", "thin", "thick"))
