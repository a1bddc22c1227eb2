"""Finished runs on Globus Compute as a facility: by name, once, and back in the session; and no running scan on it."""

import asyncio
import json
import subprocess
import sys

import pytest
import yaml

import steering
from steering.core import registry
from steering.core.errors import LostError, SteeringError
from steering.core.facility import WholeRuns
from steering.core.waiting import within
from steering.facilities.called import call_named, name_of, value_of
from steering.facilities.endpoint import Endpoint
from steering.facilities.globus_calls import Calls
from steering.facilities.globus_compute import GlobusComputeFacility
from steering.facilities.named import facility_names, live_facility, make_facility
from steering.globus.compute import QueueRefusedError
from steering.globus.errors import cleaned
from steering.machine.secret_file import write_secret
from steering.testing.waiting import until
from tests.surroundings import endpoint_of

CURVE = {"analysis": "rocking_curve", "label": "curve", "axes": ["th"]}


def total(values, extra=0):
    return sum(values) + extra


def spoilt():
    raise LostError("the disk \x1b[2Jis gone.")


def described(workspace, **sites):
    workspace.directory.mkdir(parents=True, exist_ok=True)
    (workspace.directory / "steering.yaml").write_text(yaml.safe_dump({"steering": {"sites": sites}}))


async def started(workspace, name="batch"):
    made = make_facility(name, workspace)
    await made.start()
    return made


def test_steering_yaml_names_as_many_endpoints_as_there_are(workspace):
    described(
        workspace,
        polaris_batch={"kind": "globus_compute", "endpoint": "A"},
        aurora_batch={"kind": "globus_compute", "endpoint": "B", "facility": "aurora"},
        polaris={"account": "demo"},
    )
    assert set(facility_names(workspace)) == {*registry.names("facilities"), "polaris_batch", "aurora_batch"}
    made = [make_facility(name, workspace) for name in ("polaris_batch", "aurora_batch")]
    assert [(one.name, one.endpoint.endpoint) for one in made] == [("polaris_batch", "A"), ("aurora_batch", "B")]
    assert [one.facility_there for one in made] == ["local", "aurora"]
    assert all(isinstance(one, WholeRuns) for one in made)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"kind": "globus_computer"}, "of the kind 'globus_computer'. Allowed: globus_compute."),
        ({"kind": "globus_compute", "colour": 3}, "facility x has no setting 'colour'. Settings: config, directory, "),
        ({"kind": "globus_compute", "config": 3}, "facility x is wrong: write config as names with values"),
        ({"kind": "globus_compute", "paths": "/raw"}, "setting of the facility x is wrong"),
        ({"kind": "globus_compute"}, "facility x has no endpoint. Write its id into "),
        ({}, "There is no 'x' among the facilities. Installed: "),
    ],
)
async def test_a_section_that_is_wrong_is_refused_with_what_is_allowed(workspace, section, words):
    described(workspace, x=section)
    with pytest.raises(SteeringError) as refused:
        await make_facility("x", workspace).start()
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/raw/8idi/a.h5", "/eagle/8idi/a.h5"),
        ("/raw", "/eagle"),
        ("/raw/fast/a.h5", "/scratch/a.h5"),
        ("/rawer/a.h5", "/rawer/a.h5"),
    ],
)
def test_the_longest_folder_says_where_a_path_is_seen(path, seen):
    assert Endpoint("x", paths={"/raw": "/eagle", "/raw/fast": "/scratch"}).seen(path) == seen


def test_a_running_scan_is_refused_in_one_sentence_with_what_can_follow_it(workspace):
    described(workspace, batch={"kind": "globus_compute", "endpoint": "A"})
    for ask in (
        lambda: live_facility("batch", workspace),
        lambda: steering.open(facility="batch", workspace=workspace),
        lambda: steering.open(facility=GlobusComputeFacility(workspace, "batch"), workspace=workspace),
    ):
        with pytest.raises(SteeringError) as refused:
            ask()
        said = str(refused.value)
        assert said.startswith("The facility batch cannot follow a running scan, because ")
        assert said.count(". ") == 0
        assert said.endswith(".")
        assert "facility='local'" in said
        assert "session.flows.analyse(..., facility='batch')" in said
    assert not (workspace.directory / "run").exists()


def test_functions_go_by_name_and_arguments_by_value():
    assert call_named(*name_of(total), [[1, 2], 3]) == {"value": 6}
    assert value_of({"value": None}, cleaned) is None
    for one in (lambda: 3, Endpoint("x").seen):
        with pytest.raises(SteeringError, match="cannot be found by its name"):
            name_of(one)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ({"error": ["ValueError", "on \x1b[2Jpurpose"]}, ValueError, "on [2Jpurpose"),
        ({"error": ["SteeringError", "No frames."]}, SteeringError, "No frames."),
        ({"error": ["SystemExit", "3"]}, SteeringError, "SystemExit: 3."),
        ({"error": ["exec", "3"]}, SteeringError, "exec: 3."),
        ({"error": ["a\x1b[2Jb", "3"]}, SteeringError, "a [2Jb: 3."),
        ({"error": ["ValueError"]}, SteeringError, "no answer of steering"),
        ({"error": 3}, SteeringError, "no answer of steering"),
        ([1], SteeringError, "no answer of steering"),
        (None, SteeringError, "no answer of steering"),
    ],
)
def test_what_comes_back_may_be_anything(answer, kind, words):
    with pytest.raises(kind) as raised:
        value_of(answer, cleaned)
    assert words in str(raised.value)


@pytest.mark.system
async def test_one_key_is_one_run_for_each_process_that_asks(workspace):
    with endpoint_of("batch", workspace) as double:
        first = await started(workspace)
        assert await first.submit("sum", total, [1, 2]).result() == 3
        await first.detach()
        again = await started(workspace)
        assert await again.submit("sum", total, [1, 2]).result() == 3
        assert double.control.effects()["functions_run"] == 1
        # One that has failed is asked anew, by the same name.
        for number in range(2):
            with pytest.raises(SteeringError, match=r"the disk \[2Jis gone\."):
                await again.submit("spoilt", spoilt).result()
            assert double.control.effects()["functions_run"] == 2 + number
        await again.close()
        assert (await again.status()).state == "stopped"
        assert len(json.loads((workspace.directory / "globus" / "functions.json").read_text())) == 1


@pytest.mark.system
async def test_a_lost_node_costs_a_run_and_a_refused_queue_is_followed_by_the_next(workspace):
    queues = [{"queue": name, "account": "aps", "walltime": "48:00:00"} for name in ("demand", "preemptable")]
    with endpoint_of("batch", workspace, config=queues) as double:
        made = await started(workspace)
        double.control.preempt_next(2)
        assert await made.submit("sum", total, [1, 2]).result() == 3
        assert double.control.effects()["functions_run"] == 1
        await made.close()


async def test_a_run_that_a_later_queue_has_taken_is_found_there_by_the_next_process(workspace, monkeypatch):
    queues = [{"queue": "demand"}, {"queue": "preemptable"}]
    described(workspace, batch={"kind": "globus_compute", "endpoint": "A", "config": queues})
    asked = []

    async def run(calls, key, config, arguments):
        asked.append(config["queue"])
        if len(asked) == 1:
            raise QueueRefusedError("The queue demand is full.")
        write_secret(calls._note(key), {"key": key, "group": "G"})
        await asyncio.Event().wait()

    monkeypatch.setattr(Calls, "run", run)
    for count in (2, 3):
        made = make_facility("batch", workspace)
        await made.launch()
        await made.attach()
        made.submit("sum", total, [1, 2])
        await until(lambda count=count: len(asked) == count, lambda: str(asked))
        await made.detach()
    assert asked == ["demand", "preemptable", "preemptable"]


async def test_a_call_is_not_written_down_any_longer_than_it_lasts(workspace, monkeypatch):
    described(workspace, batch={"kind": "globus_compute", "endpoint": "A"})

    async def run(calls, key, config, arguments):
        write_secret(calls._note(key), {"key": key, "group": "G"})
        return {"value": 3}

    monkeypatch.setattr(Calls, "run", run)
    monkeypatch.setattr(Calls, "online", lambda _: True)
    made = make_facility("batch", workspace)
    await made.start()
    assert await made.call(total, [1, 2], patience=1.0) == 3
    assert not list((workspace.directory / "compute" / "batch-calls").iterdir())
    status = await made.status()
    assert (status.tasks_waiting, status.tasks_done) == (0, 0)
    # What has a name is kept until it is forgotten.
    await made.submit("sum", total, [1, 2]).result()
    assert list((workspace.directory / "compute" / "batch-calls").iterdir())
    made.forget("sum")
    assert not list((workspace.directory / "compute" / "batch-calls").iterdir())
    await made.close()


@pytest.mark.system
async def test_an_endpoint_that_is_offline_is_waited_for_and_says_so(workspace):
    with endpoint_of("batch", workspace) as double:
        made = await started(workspace)
        endpoint = made.endpoint.endpoint
        double.control.offline(endpoint)
        remote = made.submit("sum", total, [1, 2])
        status = await made.status()
        assert (status.state, status.tasks_waiting) == ("lost", 1)
        assert "is offline. 1 runs wait or work there." in status.detail
        with pytest.raises(SteeringError, match="offline"):
            await made.call(total, [1], patience=1.0)
        double.control.online(endpoint)
        assert await within(60, remote.result()) == 3
        await made.close()


@pytest.mark.system
def test_commands_know_it(workspace, tmp_path):
    def said(*arguments):
        command = [sys.executable, "-m", "steering.cli", *arguments, "--workspace", str(workspace.directory)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout + done.stderr

    with endpoint_of("batch", workspace):
        asyncio.run((made := make_facility("batch", workspace)).start())
        code, words = said("compute", "status", "batch")
        assert code == 0
        assert words.startswith("batch: running, 0 workers. It has none of its own: runs are analysed there as a whole")
        code, words = said("compute", "start", "batch")
        assert (code, words.count("\n")) == (1, 1)
        assert words.startswith("The facility batch has nothing to start: it has no workers of its own. The facility ")
        assert "ready      facility batch     running, 0 workers. It has none of its own: " in said("check")[1]
        code, words = said("run", "rocking", "--facility", "batch")
        assert (code, words.count("\n")) == (1, 1)
        assert words.startswith("The facility batch cannot follow a running scan")
        asyncio.run(made.close())
    assert "facility batch     does not run" in said("check")[1]
