"""A flow as Globus takes it."""

import json

import jsonschema
import pytest

from steering.core.result import Feature
from steering.flows.entries import FlowEntry
from steering.flows.explanation import as_text, explain_flow
from steering.flows.facts import Facts
from steering.flows.globus_definition import definition_of, input_of, lacking, schema_of

FLOW = FlowEntry.model_validate(
    {
        "title": "All of it",
        "steps": {
            "transfer": {"to": "store/{run.uid}", "when": "status == success"},
            "compute": {"analyses": ["xpcs"]},
            "catalogue": {"visible_to": ["urn:globus:groups:id:g"]},
            "distribute": {"to": "out/{run.sample}", "when": "tau0 < 1 s"},
        },
        "globus": {
            "source": "a",
            "destination": "b",
            "experiment": "c",
            "compute_endpoint": "e",
            "compute_function": "f",
        },
    }
)
FACTS = Facts({"run.uid": "abcdef0123", "run.sample": "silica"}, {"status": "success"})
FILES = [{"path": "/data/run.h5", "name": "run.h5", "size": 5_000_000}]


def walked(definition, told):
    """Walk the states as Globus would, with these outcomes of conditions; return the actions that were done."""
    done, name = [], definition["StartAt"]
    while True:
        state = definition["States"][name]
        if state["Type"] == "Action":
            done.append(name)
        if state["Type"] == "Choice":
            (choice,) = state["Choices"]
            path = choice["And"][1]["Variable"]
            name = choice["Next"] if told.get(path) else state["Default"]
            continue
        if state.get("End"):
            return done
        name = state["Next"]


def test_each_step_is_an_action_and_each_condition_a_choice_before_it():
    definition = definition_of("keep", FLOW)
    when, later = "$.input.when.transfer", "$.Compute.details.results[0].output.when.distribute"
    assert walked(definition, {when: True, later: True}) == ["Transfer", "Compute", "Catalogue", "Distribute"]
    assert walked(definition, {when: False, later: False}) == ["Compute", "Catalogue"]
    for state in definition["States"].values():
        if state["Type"] == "Action":
            assert state["ActionUrl"].startswith("https://")
            assert state["ResultPath"].startswith("$.")
            assert state["WaitTime"] > 0
    assert json.loads(json.dumps(definition)) == definition


def test_the_input_is_filled_from_the_run_and_fits_its_schema():
    given = input_of("keep", FLOW, FACTS, FILES)
    jsonschema.validate(given, schema_of(FLOW))
    asked = given["input"]
    assert asked["when"] == {"transfer": True}
    (item,) = asked["transfer"]["transfer_items"]
    assert item == {"source_path": "/data/run.h5", "destination_path": "store/abcdef0123/run.h5"}
    assert asked["compute"]["kwargs"]["when"] == {"distribute": "tau0 < 1 s"}
    # Whatever the definition names is in the input.
    for state in definition_of("keep", FLOW)["States"].values():
        for path in json.dumps(state.get("Parameters", {})).split('"'):
            if path.startswith("$.input."):
                found = asked
                for key in path.removeprefix("$.input.").split("."):
                    found = found[key]
    del given["input"]["compute"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(given, schema_of(FLOW))


def test_what_globus_still_needs_is_named():
    assert lacking(FLOW) == ["index"]


def test_an_existing_flow_is_used_with_its_input_filled_by_a_template():
    gladier = FlowEntry.model_validate(
        {
            "steps": {},
            "globus": {
                "flow": "id-1",
                "input": {"input": {"boost_corr": {"raw": "/x/{run.uid}.bin"}, "n": [1, "{run.sample}"]}},
            },
        }
    )
    assert input_of("x", gladier, FACTS) == {"input": {"boost_corr": {"raw": "/x/abcdef0123.bin"}, "n": [1, "silica"]}}
    assert lacking(gladier) == []
    assert "the existing flow id-1" in as_text(explain_flow("x", gladier, FACTS))


def test_an_explanation_says_what_is_done_and_why():
    said = as_text(explain_flow("keep", FLOW, FACTS, FILES))
    assert "1. transfer: copy 1 files, 5.0 MB to store/abcdef0123" in said
    assert "Done: status == success holds." in said
    assert "Judged after compute: tau0 < 1 s." in said
    assert "say under 'globus:' of this flow: index" in said
    known = FACTS.with_features("xpcs", {"tau0": Feature(1.5, 0.1, "s")})
    assert "Left out: tau0 < 1 s does not hold, as tau0 is 1.5 s." in as_text(explain_flow("keep", FLOW, known, FILES))
