"""A flow as Globus takes it."""

import json
from itertools import combinations

import jsonschema
import pytest

from steering.core.result import Feature
from steering.flows.entries import FlowEntry
from steering.flows.explanation import as_text, explain_flow
from steering.flows.facts import Facts
from steering.flows.globus_definition import definition_of, lacking, schema_of
from steering.flows.globus_input import input_of
from steering.globus_double.definition import problems

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
    """Walk the states as Globus would, with what is there by path; return the actions that were done."""
    done, name = [], definition["StartAt"]
    while True:
        state = definition["States"][name]
        if state["Type"] == "Action":
            done.append(name)
        if state["Type"] == "Choice":
            name = next((one["Next"] for one in state["Choices"] if fits(one, told)), state["Default"])
            continue
        if state.get("End"):
            return done
        name = state["Next"]


def fits(rule, told):
    path = rule["Variable"]
    return path in told if "IsPresent" in rule else told[path] is rule["BooleanEquals"]


def when(**steps):
    return {f"$.input.when.{step}": done for step, done in steps.items()}


OUTPUT = "$.Compute.details.results[0].output"


def test_each_step_is_an_action_behind_a_choice():
    definition = definition_of("keep", FLOW)
    all_of_them = when(transfer=True, compute=True, catalogue=True, distribute=False)
    later = {f"{OUTPUT}.when.distribute": True, f"{OUTPUT}.entries": [], "$.entries[1]": {}}
    whole = ["Transfer", "Compute", "Catalogue", "Catalogue1", "Distribute"]
    assert walked(definition, {**all_of_them, **later}) == whole
    assert walked(definition, all_of_them) == ["Transfer", "Compute", "Catalogue"]
    # What another try has done is left out, and a condition that it has judged holds.
    assert walked(definition, when(transfer=False, compute=False, catalogue=False, distribute=True)) == ["Distribute"]
    for state in definition["States"].values():
        if state["Type"] == "Action":
            assert state["ActionUrl"].startswith("https://")
            assert state["ResultPath"].startswith("$.")
            assert state["WaitTime"] > 0
    assert json.loads(json.dumps(definition)) == definition


@pytest.mark.parametrize("chosen", [one for size in range(1, 5) for one in combinations(FLOW.order, size)])
@pytest.mark.parametrize("conditions", [False, True])
def test_each_combination_of_steps_is_by_globus_rules(chosen, conditions):
    steps = {name: FLOW.model_dump()["steps"][name] | {"when": "tau0 < 1 s" if conditions else ""} for name in chosen}
    flow = FlowEntry.model_validate({"steps": steps, "globus": FLOW.globus.model_dump()})
    definition = definition_of("keep", flow)
    assert problems(definition) == []
    actions = walked(definition, {**when(**dict.fromkeys(chosen, True)), "$.entries[1]": {}})
    assert {one.rstrip("1").lower() for one in actions} == set(chosen)
    jsonschema.validate(input_of("keep", flow, FACTS, FILES), schema_of(flow))
    # What is read is there, or asked for before: no path of the definition names another step's input.
    text = json.dumps(definition)
    assert all(f"$.input.{step}." not in text for step in FLOW.order if step not in chosen)


def test_the_input_is_filled_from_the_run_and_fits_its_schema():
    given = input_of("keep", FLOW, FACTS, FILES)
    jsonschema.validate(given, schema_of(FLOW))
    asked = given["input"]
    assert asked["when"] == {"transfer": True, "compute": True, "catalogue": True, "distribute": False}
    (item,) = asked["transfer"]["transfer_items"]
    assert item == {"source_path": "/data/run.h5", "destination_path": "/store/abcdef0123/run.h5"}
    assert asked["compute"]["kwargs"]["when"] == {"distribute": "status == success and (tau0 < 1 s)"}
    # Whatever the definition names is in the input, but for a condition that the function judges.
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
    assert "1. transfer: copy 1 file, 5.0 MB to store/abcdef0123" in said
    assert "Done: status == success holds." in said
    assert "Judged after compute: status == success and (tau0 < 1 s)." in said
    assert "Globus would be told, as JSON: steering flow explain keep --definition" in said
    assert len(said.splitlines()) < 15, said
    more = as_text(explain_flow("keep", FLOW, FACTS, FILES), definition=True)
    assert '"StartAt": "TransferWhen"' in more
    assert "say under 'globus:' of this flow: index" in more
    there = FLOW.model_copy(update={"runs_on": "globus"})
    for wanted in (
        "to store/abcdef0123 of the collection b, and verify",
        "xpcs, on local of the endpoint e",
        "to out/silica of the collection c, and give nobody a permission",
    ):
        assert wanted in as_text(explain_flow("keep", there, FACTS, FILES)), wanted
    known = FACTS.with_features("xpcs", {"tau0": Feature(1.5, 0.1, "s")})
    assert "(tau0 < 1 s) does not hold, as tau0 is 1.5 s." in as_text(explain_flow("keep", FLOW, known, FILES))
