"""What a person is told of an error."""

import re
from pathlib import Path

import pytest

from steering.core.errors import SteeringError, said

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


def test_no_sentence_shows_the_representation_of_an_exception():
    assert len(CODE) > 300
    shown = [path.relative_to(ROOT) for path in CODE if re.search(r"\{(error|raised|exc)!r", path.read_text())]
    assert not shown, "say it by steering.core.errors.said"
