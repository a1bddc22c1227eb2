"""What a rule of the pages' style sheets may not ask, since a page changes twenty times a second."""

from pathlib import Path

import pytest

import steering_widgets

SHEETS = sorted(Path(steering_widgets.__file__).parent.rglob("*.css"))


def test_there_are_sheets():
    assert len(SHEETS) >= 3


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_no_rule_has_the_whole_page_styled_anew_when_a_word_of_it_changes(sheet):
    """Rules that look below an element, or at what a widget writes into its style, did: 900 elements each time."""
    text = sheet.read_text(encoding="utf-8")
    assert ":has(" not in text, "give the element a class instead"
    assert "[style" not in text, "give the element a class instead"
