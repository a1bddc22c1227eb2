"""What a person is told of an error."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from steering.core.errors import SteeringError, cause, own_text, said

ROOT = Path(__file__).parents[2]
CODE = [path for room in ("steering", "widgets/steering_widgets") for path in (ROOT / room).rglob("*.py")]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (SteeringError("No room."), "No room."),
        (ValueError("x is\n none"), "x is none (value error)"),
        (TimeoutError(), "timeout error"),
        (KeyError("name"), "'name' (key error)"),
    ],
)
def test_an_error_is_put_into_words(error, words):
    assert said(error) == words


def test_a_model_that_was_not_met_is_put_into_words_without_its_hints_to_programmers():
    class Exposure(BaseModel):
        seconds: float
        frames: int

    with pytest.raises(ValidationError) as raised:
        Exposure.model_validate({"seconds": "long", "frames": 1.5})
    assert said(raised.value).startswith(
        "seconds: Input should be a valid number, unable to parse string as a number; "
    )
    for words in (own_text(raised.value), cause(raised.value)):
        assert "errors.pydantic.dev" not in words
        assert "frames: Input should be a valid integer" in words


def test_no_sentence_shows_the_representation_of_an_exception():
    assert len(CODE) > 300
    shown = [path.relative_to(ROOT) for path in CODE if re.search(r"\{(error|raised|exc)!r", path.read_text())]
    assert not shown, "say it by steering.core.errors.said"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(2, "No such file or directory"), "No such file or directory"),
        # What a library raises has no words of the system.
        (OSError("truncated at byte 12"), "truncated at byte 12"),
        (OSError(), "os error"),
        (ValueError("no number: x"), "no number: x"),
    ],
)
def test_why_a_file_cannot_be_used_is_never_none(error, words):
    assert cause(error) == words


def test_no_sentence_ends_with_a_reason_that_may_be_none():
    shown = [path.relative_to(ROOT) for path in CODE if re.search(r"strerror\)?[.)}]", path.read_text())]
    assert not shown, "say it by steering.core.errors.cause"
