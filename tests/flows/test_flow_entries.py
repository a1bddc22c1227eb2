"""Flows in a beamline's file: read, and refused with what is allowed."""

import re

import pytest

from steering.core.errors import SteeringError
from steering.description.description import read_description
from steering.flows.condition import read_condition
from steering.flows.entries import FlowEntry
from steering.flows.facts import WORDS
from steering.flows.templates import check_template, fill_path, result_name
from tests.flows.beamline import BEAMLINE


def beamline(tmp_path, flows):
    path = tmp_path / "beamline.yaml"
    path.write_text(BEAMLINE + flows)
    return path


def test_a_flow_is_read_with_its_steps_in_order_whatever_the_order_of_the_file(tmp_path):
    flows = """
flows:
  keep:
    trigger: {at: end, scans: [rocking]}
    steps:
      distribute: {to: "out/{run.sample}", mode: 0640, when: "peak > 0.1 deg"}
      compute: {analyses: [centre_of_mass, {analysis: rocking_curve, label: curve}]}
      transfer: {to: "store/{run.uid}"}
"""
    flow = read_description(beamline(tmp_path, flows)).flows["keep"]
    assert list(flow.named_steps) == ["transfer", "compute", "distribute"]
    assert flow.steps.distribute.mode == "640"
    assert [one.analysis for one in flow.steps.compute.analyses] == ["centre_of_mass", "rocking_curve"]
    assert FlowEntry.model_validate(flow.model_dump(mode="json")) == flow


@pytest.mark.parametrize(
    ("flow", "said"),
    [
        (
            "steps: {transfer: {to: 'a/{run.uis}'}}",
            r"There is no \{run.uis\} to fill in. Known are: .*mean \{run.uid\}",
        ),
        ("steps: {transfer: {to: 'a/{run.uid'}}", "is not closed"),
        ("steps: {transfer: {to: a, when: 'tau0 << 1 s'}}", "is not understood"),
        ("steps: {transfer: {too: a}}", "There is no key 'too' here. Allowed: when, to. Did you mean to"),
        ("steps: {}", "It has no step"),
        ("{trigger: {at: end, scans: [rockin]}, steps: {compute: {}}}", "There is no scan 'rockin'.*mean rocking"),
        ("{trigger: frames, steps: {compute: {}}}", "Say after how many frames"),
        ("{trigger: {at: frames, frames: 9}, steps: {transfer: {to: a}}}", "cannot copy its files"),
        ("{trigger: bytes, steps: {compute: {}}}", "Say after how many bytes"),
        ("{trigger: {at: bytes, bytes: much}, steps: {compute: {}}}", "much is no size. Write bytes, or 500 MB"),
        ("{trigger: {at: bytes, bytes: 1 GB}, steps: {distribute: {to: a}}}", "cannot copy its files"),
        ("{trigger: feature, steps: {compute: {}}}", "Say on what it starts"),
        ("{trigger: alarm, steps: {compute: {}}}", "Say whose alarm starts it: agent: watch"),
        ("{trigger: {at: alarm, agent: wach}, steps: {compute: {}}}", "No scan has an agent 'wach'. Allowed: none"),
        ("steps: {compute: {analyses: [rocking_curv]}}", "There is no analysis 'rocking_curv'.*mean rocking_curve"),
        ("steps: {distribute: {to: a, mode: '0999'}}", "mode"),
        ("steps: {distribute: {to: a, what: []}}", "It distributes nothing"),
        ("steps: {distribute: {to: a, readers: [staff]}}", "'staff' is nobody at Globus. Write urn:globus:groups"),
        (
            "steps: {distribute: {to: a, readers: ['urn:globus:groups:id:11111111-1111-1111-1111-111111111111']}}",
            "Readers are of Globus. Between folders write the group",
        ),
        ("{runs_on: globus, steps: {transfer: {to: a}}}", "Globus writes over a file of the same name"),
        ("steps: {distribute: {to: a/b, shared: b}}", "It is no begin of 'a/b'"),
        ("steps: {distribute: {to: /ab/c, shared: /a}}", "It is no begin of '/ab/c'"),
        ("{runs_on: globus, steps: {distribute: {to: a, group: staff}}}", "Globus knows no group of this machine"),
        ("steps: {compute: {wait_seconds: .nan}}", "wait_seconds"),
        ("[1, 2]", "must be keys with values"),
    ],
)
def test_what_is_wrong_with_a_flow_is_said_with_its_line(tmp_path, flow, said):
    with pytest.raises(SteeringError) as error:
        read_description(beamline(tmp_path, f"flows:\n  keep:\n    {flow}\n"))
    assert re.search(said, str(error.value)), error.value
    assert "  line 1" in str(error.value)


def test_an_alarm_that_an_analysis_of_a_scan_declares_may_start_a_flow(tmp_path):
    file = beamline(
        tmp_path, "flows:\n  keep:\n    {trigger: {at: alarm, agent: damage-alarms}, steps: {compute: {}}}\n"
    )
    with pytest.raises(SteeringError, match="No scan has an agent 'damage-alarms'"):
        read_description(file)
    analyses = (
        "    analyses: [{analysis: rocking_curve}, {analysis: xpcs, label: damage, parameters: {exposure: exposure}}]\n"
    )
    file.write_text(file.read_text().replace("    parameters:\n", f"{analyses}    parameters:\n", 1))
    assert read_description(file).flows["keep"].trigger.agent == "damage-alarms"


def test_a_flow_of_an_odd_name_is_refused(tmp_path):
    with pytest.raises(SteeringError, match="letters, digits and underscores"):
        read_description(beamline(tmp_path, "flows:\n  ../up: {steps: {compute: {}}}\n"))


@pytest.mark.parametrize(
    ("steps", "conditions"),
    [
        # With any run: the files of one that was aborted are data too.
        ({"transfer": {"to": "a"}}, [""]),
        ({"compute": {"when": "peak < 1 deg"}}, ["peak < 1 deg"]),
        # As a result only where it is one, or where that was asked for.
        ({"distribute": {"to": "a"}}, ["status == success"]),
        (
            {"catalogue": {"when": "peak < 1 deg or frames > 3"}},
            ["status != abort and status != fail and (peak < 1 deg or frames > 3)"],
        ),
        (
            {"distribute": {"to": "a", "when": "frames > 3 and not status == fail"}},
            ["frames > 3 and not status == fail"],
        ),
    ],
)
def test_a_run_that_did_not_succeed_is_a_result_only_where_that_is_asked_for(steps, conditions):
    flow = FlowEntry.model_validate({"steps": steps})
    read = [step.condition for step in flow.named_steps.values()]
    assert [one.text if one is not None else "" for one in read] == conditions
    # What is written down is read again where the flow runs, and asks for the same.
    again = [read_condition(one.text) for one in read if one is not None]
    assert [(one.names, one.texts) for one in again] == [(one.names, one.texts) for one in read if one is not None]


@pytest.mark.parametrize("sample", ["../../etc", "a/b", "..", "~root", "x\0y", "", "å ø"])
def test_no_sample_leads_out_of_a_folder(tmp_path, sample):
    path = tmp_path / fill_path("store/{run.sample}/x", {"run.sample": sample})
    assert path.resolve().is_relative_to(tmp_path.resolve() / "store")
    assert path.parent.parent == tmp_path / "store"


def test_results_of_two_labels_are_two_files(tmp_path):
    labels = ["a-b", "a b", "a/b", "a\\b", "å", "ø", "../a", "--a"]
    names = {result_name("3f2a9c1b-07", label) for label in labels}
    assert len(names) == len(labels)
    assert "3f2a9c1b_a-b.nxs" in names, "what a path can have stays as it is"
    assert all((tmp_path / name).resolve().parent == tmp_path.resolve() for name in names)


def test_each_name_of_the_list_is_known():
    check_template("".join(f"{{{name}}}" for name in WORDS))
