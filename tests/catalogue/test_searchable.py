"""Each entry fits the fields of an index of Globus Search, whatever was written before it and is called how."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.catalogue.searchable import as_written, marked, searchable, unmarked
from steering.globus_double_data.field_types import FieldTypeError, fitting
from tests.catalogue.entries import entry

DATES = [
    "2026-11-30", "2026-11-30 10:00:00", "2026/11/30 10:00:00 +0000", "2026-11-30T10:00:00.123+01:00", "'2026-11-30",
]  # fmt: skip
WORDS = st.sampled_from([*DATES, "", "WSe2 flake", "7", "true", "'x"]) | st.text(max_size=8)
NUMBERS = st.integers(-10, 10**6) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = WORDS | NUMBERS | st.none() | st.booleans() | st.lists(NUMBERS, max_size=2) | st.dictionaries(WORDS, NUMBERS)


@st.composite
def contents(draw):
    """Make what is published of a run, or of a result."""
    said = {
        "sample": draw(WORDS), "scan": draw(WORDS), "experiment": draw(WORDS), "operator": draw(WORDS),
        "points": draw(st.integers(-1, 99)), "day": draw(st.sampled_from(["", DATES[0]])),
        "parameters": draw(st.dictionaries(WORDS, VALUES, max_size=3)), "duration": draw(NUMBERS),
        "analysis_parameters": draw(st.dictionaries(WORDS, VALUES, max_size=3)),
        "decisions": {
            "count": 1, "by": draw(st.dictionaries(WORDS, st.integers(0, 9), max_size=2)),
            "told": [{"at": draw(WORDS), "why": draw(WORDS)}],
        },
        "cycle": draw(NUMBERS),
    }  # fmt: skip
    features = draw(st.dictionaries(st.sampled_from(["peak", "tau0"]), st.tuples(NUMBERS, WORDS)))
    made = entry(1, features, label=draw(st.sampled_from(["", "curve"])), began=draw(NUMBERS), **said).content
    made["project_metadata"]["number"] = draw(st.none() | st.integers(0, 99))
    return made


@given(st.lists(contents(), min_size=1, max_size=4))
def test_each_entry_fits_after_any_others(given_contents):
    known = {}
    for one in given_contents:
        # As it travels.
        known = fitting(known, json.loads(json.dumps(searchable(one))))
    assert len(known) < 60


@given(contents())
def test_what_is_read_is_what_was_written(content):
    read = as_written(json.loads(json.dumps(searchable(content))))
    wanted = json.loads(json.dumps(content))
    if wanted["project_metadata"]["day"] == "":
        del wanted["project_metadata"]["day"]
    assert read == wanted


@given(WORDS)
def test_a_word_is_never_a_date(word):
    assert unmarked(marked(word)) == word
    assert fitting({"a": "string"}, {"a": marked(word)}) == fitting({}, {"a": marked(word)}) == {"a": "string"}


@pytest.mark.parametrize(
    ("first", "later", "refused"),
    [
        (1, "bar", "field 'foo' is of type integer, and a value of type string"),
        ("bar", 1, ""),
        ("bar", True, ""),
        ("bar", "2026-11-30", ""),
        (1.5, 1, ""),
        (1, 1.5, "is of type integer, and a value of type float"),
        (True, 1, "is of type boolean"),
        ("2026-11-30", "gel", "is of type date, and a value of type string"),
        ("2026-11-30", "2026-11-30T10:00:00Z", ""),
        ({"a": 1}, 1, "is of type object"),
        ([1, 2], 3, ""),
        (None, "bar", ""),
        (1, "x" * 33_000, "longer than 32768 bytes"),
    ],
)
def test_the_double_takes_the_type_of_a_field_from_what_comes_first(first, later, refused):
    known = fitting({}, {"foo": first})
    if not refused:
        fitting(known, {"foo": later})
        return
    with pytest.raises(FieldTypeError, match=refused):
        fitting(known, {"foo": later})


def test_the_double_has_a_limit_of_fields_and_of_depth():
    with pytest.raises(FieldTypeError, match="1000 fields at most"):
        fitting({}, {f"field{number}": 1 for number in range(1001)})
    deep = 1
    for _ in range(21):
        deep = {"a": deep}
    with pytest.raises(FieldTypeError, match="nested 20 deep"):
        fitting({}, deep)
