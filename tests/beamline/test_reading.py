"""What comes from outside is bounded, and text that can be kept."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.beamline.reading import BODY_BYTES, check_text, read_json
from steering.core.errors import SteeringError

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | st.text("abc \u00e4", max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("xyz", max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(PLAIN)
def test_what_is_allowed_is_read_as_it_is(content):
    assert read_json(json.dumps(content)) == content
    assert read_json(json.dumps(content).encode()) == content


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON|nested too deeply"),
        ("[" * 30 + "]" * 30, "nested too deeply. Allowed: 24 levels"),
        ('{"a":' * 30 + "1" + "}" * 30, "nested too deeply"),
        ('"' + "a" * 2001 + '"', "A text has 2001 characters. Allowed: at most 2000."),
        ('{"' + "a" * 101 + '": 1}', "A name has 101 characters. Allowed: at most 100."),
        ("[" + "1," * 20_000 + "1]", "too many values. Allowed: 20000"),
        ('"' + "a" * BODY_BYTES + '"', "bytes. Allowed: at most 262144"),
        (r'"\ud800"', r"holds the character U\+D800|is not JSON"),
        (r'{"\udfff": 1}', r"holds the character U\+DFFF|is not JSON"),
        (r'"a\u0000b"', r"A text holds the character U\+0000"),
        (r'{"id": "a\u0007"}', r"holds the character U\+0007"),
        (b"\xff\xfe", "is not JSON"),
    ],
)
def test_what_is_not_allowed_is_a_sentence(text, said):
    with pytest.raises(SteeringError, match=said):
        read_json(text)


@given(st.binary(max_size=200))
def test_whatever_comes_it_is_read_or_said(body):
    try:
        read_json(body)
    except SteeringError as error:
        assert str(error)  # noqa: PT017  (either outcome is right)


@given(st.text(max_size=50))
def test_a_text_that_passes_can_be_kept(text):
    try:
        check_text(text, "A text", 40)
    except SteeringError:
        return
    text.encode()
    assert "\x00" not in text
    assert len(text) <= 40


def test_not_a_number_is_read_since_the_guard_names_it():
    assert str(read_json('{"value": NaN}')) == "{'value': nan}"
