"""What Globus Flows asks of a definition: each that is made of a flow has it, and one that is broken is refused.

The rules are those of the schema that Globus published (globus-automate-client 0.16, ``flows_schema.json``) and of its
pages on definitions (docs.globus.org/api/flows/authoring-flows), written anew.
"""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.flows.entries import FlowEntry
from steering.flows.globus_definition import definition_of
from steering.globus_double.definition import problems

CONDITIONS = st.sampled_from(["", "status == success", "tau0 < 1 s", "points > 3 and tau0 < 1 s", "sample == gel"])
NAMES = st.text("abcxyz_", min_size=1, max_size=8)


@st.composite
def flows(draw):
    """Make a flow of any steps, conditions, analyses, and texts as people write them."""
    text = st.text(st.characters(exclude_characters="{}", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
    steps = {
        "transfer": {"to": "store/{run.uid}"},
        "compute": {"analyses": draw(st.lists(NAMES, min_size=1, max_size=12, unique=True))},
        "catalogue": {"visible_to": ["public"], "title": draw(text), "subjects": draw(st.lists(text, max_size=3))},
        "distribute": {"to": "out/{run.short}", "what": draw(st.sampled_from([["raw"], ["results"]]))},
    }
    chosen = draw(st.lists(st.sampled_from(list(steps)), unique=True))
    made = {name: {**steps[name], "when": draw(CONDITIONS)} for name in chosen}
    return FlowEntry.model_validate({"title": draw(text), "steps": made})


@given(NAMES, flows())
def test_what_is_made_of_any_flow_is_valid(name, flow):
    definition = json.loads(json.dumps(definition_of(name, flow)))
    assert problems(definition) == []


# What each part of a definition may not be: a state's type by the key in it, and what is put there.
NOTHING = object()
BROKEN = {
    "no type": ("Action", "Type", NOTHING, "is no type of a state"),
    "a type that is none": ("Action", "Type", "Task", "'Task' is no type of a state"),
    "a type in lower case": ("Pass", "Type", "pass", "'pass' is no type of a state"),
    "a key that is none": ("Action", "Retry", [], "Extra inputs are not permitted"),
    "a key of another type": ("Choice", "End", True, "Extra inputs are not permitted"),
    "no url": ("Action", "ActionUrl", NOTHING, "Field required"),
    "no url but a word": ("Action", "ActionUrl", "transfer", "is no URL"),
    "a url that is a number": ("Action", "ActionUrl", 3, "valid string"),
    "a scope that is a word": ("Action", "ActionScope", "all", "is no URI"),
    "a wait that is a text": ("Action", "WaitTime", "60", "is no number of seconds"),
    "a wait that is a truth": ("Action", "WaitTime", True, "is no number of seconds"),
    "a wait below zero": ("Action", "WaitTime", -1, "is no number of seconds"),
    "no parameters": ("Action", "Parameters", NOTHING, "either Parameters or InputPath"),
    "both": ("Action", "InputPath", "$.a", "either Parameters or InputPath"),
    "parameters that are a list": ("Action", "Parameters", [], "valid dictionary"),
    "a parameter that is no path": ("Action", "Parameters", {"a.$": "b"}, "does not begin with $"),
    "a parameter that is no path, within": ("Action", "Parameters", {"a": [{"b.$": 3}]}, "does not begin with $"),
    "an expression that is none": ("Action", "Parameters", {"a.=": "b +"}, ""),
    "a result that is no path": ("Action", "ResultPath", "Transfer", "does not begin with $"),
    "neither next nor end": ("Action", "Next", NOTHING, "either Next or End"),
    "next and end": ("Action", "End", True, "either Next or End"),
    "next and no end": ("Action", "End", False, "either Next or End"),
    "a next that is no state": ("Action", "Next", "Nowhere", "'Nowhere' is no state"),
    "a next that is a list": ("Action", "Next", ["Done"], "is no state"),
    "no catch": ("Action", "Catch", [], "at least one rule"),
    "a catch of nothing": ("Action", "Catch", [{"ErrorEquals": [], "Next": "Done"}], "Field required"),
    "a catch of numbers": ("Action", "Catch", [{"ErrorEquals": [3], "Next": "Done"}], "names of errors"),
    "a catch that leads nowhere": ("Action", "Catch", [{"ErrorEquals": ["States.ALL"]}], "is no state"),
    "a catch with more": ("Action", "Catch", [{"ErrorEquals": ["a"], "Next": "Done", "x": 1}], "Extra inputs"),
    "an exception that is a text": ("Action", "ExceptionOnActionFailure", "yes", "valid boolean"),
    "who runs that is none": ("Action", "RunAs", None, "valid string"),
    "no choices": ("Choice", "Choices", NOTHING, "Field required"),
    "choices that are none": ("Choice", "Choices", [], "at least one rule"),
    "a choice of nothing": ("Choice", "Choices", [{"Variable": "$.a", "Next": "Done"}], "A rule has one comparison"),
    "a choice of two": (
        "Choice", "Choices", [{"Variable": "$.a", "IsNull": True, "IsPresent": True, "Next": "Done"}],
        "A rule has one comparison",
    ),
    "a choice of no variable": ("Choice", "Choices", [{"IsPresent": True, "Next": "Done"}], "does not begin with $"),
    "a choice without an end": ("Choice", "Choices", [{"Variable": "$.a", "IsPresent": True}], "Field required"),
    "a truth that is a text": (
        "Choice", "Choices", [{"Variable": "$.a", "BooleanEquals": "true", "Next": "Done"}],
        "is nothing that BooleanEquals compares with",
    ),
    "a number that is a truth": (
        "Choice", "Choices", [{"Variable": "$.a", "NumericEquals": True, "Next": "Done"}],
        "is nothing that NumericEquals compares with",
    ),
    "a time that is a day": (
        "Choice", "Choices", [{"Variable": "$.a", "TimestampEquals": "2026-01-01", "Next": "Done"}],
        "is nothing that TimestampEquals compares with",
    ),
    "a path that is none": (
        "Choice", "Choices", [{"Variable": "$.a", "StringEqualsPath": "b", "Next": "Done"}], "does not begin with $",
    ),
    "a not of many": ("Choice", "Choices", [{"Not": [], "Next": "Done"}], "Not has one"),
    "an and of one": (
        "Choice", "Choices", [{"And": {"Variable": "$.a", "IsNull": True}, "Next": "Done"}], "have a list of rules",
    ),
    "an or of what is none": ("Choice", "Choices", [{"Or": [{"Variable": "$.a"}], "Next": "Done"}], "one comparison"),
    "a default that is no state": ("Choice", "Default", "Nowhere", "'Nowhere' is no state"),
    "a comment that is a list": ("Choice", "Comment", [], "valid string"),
    "a result that is no object": ("Pass", "Result", 3, "valid dictionary"),
    "an input that is no path": ("Pass", "InputPath", 3, "valid string"),
}  # fmt: skip
WHOLE = FlowEntry.model_validate(
    {
        "steps": {
            "transfer": {"to": "store/{run.uid}"},
            "compute": {"analyses": ["xpcs", "radial"]},
            "catalogue": {"visible_to": ["public"], "when": "tau0 < 1 s"},
            "distribute": {"to": "out/{run.short}"},
        }
    }
)


def broken_by(what):
    """Yield the whole flow's definition with each state broken in turn, and that state's name."""
    kind, key, value, _ = BROKEN[what]
    whole = definition_of("keep", WHOLE)
    for name, state in whole["States"].items():
        if state["Type"] != kind:
            continue
        broken = copy.deepcopy(whole)
        broken["States"][name].pop(key, None)
        if value is not NOTHING:
            broken["States"][name][key] = value
        yield name, broken


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_in_any_state_is_refused_in_words(what):
    words = BROKEN[what][-1]
    for name, broken in broken_by(what):
        found = problems(broken)
        assert found, name
        assert any(where[:2] == ["States", name] and words in said for where, said in found), found


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"StartAt": "Nowhere"}, "'Nowhere' is no state"),
        ({"StartAt": None}, "is no state"),
        ({"States": {}}, "at least one state"),
        ({"States": []}, "at least one state"),
        ({"Comment": 3}, "valid string"),
        ({"Version": "1.0"}, "Extra inputs are not permitted"),
    ],
)
def test_what_is_broken_at_the_top_is_refused(change, words):
    assert any(words in said for _, said in problems({**definition_of("keep", WHOLE), **change}))


KEYS = ["Type", "Next", "End", "Choices", "Catch", "Parameters", "Variable", "And", "Not", "IsNull", "a.$", "a.="]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda one: st.lists(one) | st.dictionaries(st.sampled_from(KEYS), one),
    max_leaves=8,
)


@given(ANYTHING, st.sampled_from(["Action", "Choice", "Pass", "Wait", "ExpressionEval", "Fail"]), st.text(max_size=9))
def test_whatever_stands_in_a_definition_is_answered(value, kind, key):
    # Refused or not, never with an error of ours.
    state = {"Type": kind, **(value if isinstance(value, dict) else {key: value})}
    assert isinstance(problems({"StartAt": "A", "States": {"A": state, "B": value}}), list)
