"""Acceptance: by one command a scan, its flow, and the next scan, which is steered on what the flow has found.

On Globus' double and between folders. The analysis runs on a Slurm whose nodes are taken away twice meanwhile.
"""

import json
import os
import subprocess
import sys
import time
from importlib.resources import files

import pytest
import yaml

import steering
from steering.catalogue.catalogue import Catalogue
from steering.flow_steps.copying import sha256_of
from steering.flow_steps.flow_journal import journals
from steering.testing.globus import DoubleGlobus
from tests.processes import left_behind, of_workspace
from tests.system import gated
from tests.thorough import rare

pytestmark = pytest.mark.system

SITE = {
    "workers_per_node": 1,
    "memory_per_node": "2 GB",
    "poll": 0.5,
    "death_timeout": 20,
    "queues": {"preemptable": {"nodes_per_job": 1, "source": "this test"}},
    "preference": {"live": ["preemptable"], "soon": ["preemptable"], "batch": ["preemptable"]},
}
ONCE = {"flow_runs": 2, "transfer_tasks": 6, "functions_run": 2, "entries_written": 4, "flows_made": 1}
SECONDS = 420
STEPS = ["transfer", "compute", "catalogue", "distribute"]


def flow(facility, analysis):
    """Make a flow of all steps."""
    return {
        "steps": {
            "transfer": {"to": "store/{run.uid}", "when": "status == success"},
            "compute": {"facility": facility, "analyses": [{"analysis": analysis, "label": "deep", "axes": ["th"]}]},
            "catalogue": {"visible_to": ["public"]},
            "distribute": {"to": "out/{run.short}", "when": "deep.fwhm < 1 deg"},
        }
    }


def beamline(folder, made):
    """Write a beamline's file: the simulated one, whose agent ``again`` looks at what the flow finds."""
    text = files("steering.beamline").joinpath("embedded.yaml").read_text().partition("flows:")[0]
    path = folder / "beamline.yaml"
    agent = "agents: [{agent: recentre, label: again, of: deep}]"
    path.write_text(text.replace("agents: [recentre]", agent) + yaml.safe_dump({"flows": {"back": made}}))
    return path


def command(workspace, file):
    """Write the one command: two scans with their flows. Their range has the peak at one side."""
    words = [sys.executable, "-m", "steering.cli", "run", "rocking", "--beamline", str(file), "--flow", "back"]
    words += ["--times", "2", "--agent", "again=automatic", "--json", "--workspace", str(workspace.directory)]
    return [*words, "--set", "centre=0.3", "--set", "range=0.4", "--speed", "20"]


def told(process):
    """Wait for a command's end; return the two scans."""
    out, complaint = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, (complaint, out)
    first, second = json.loads(out)["scans"]
    return first, second


def steered(first, second, analysis):
    """See that both flows are done, and that the second scan was steered on what the first flow has found."""
    for one in (first, second):
        assert (one["status"], one["flow"]["status"], one["flow"]["run"]) == ("success", "succeeded", one["run"])
        assert [(step["step"], step["status"]) for step in one["flow"]["steps"]] == [(name, "done") for name in STEPS]
    assert not [ruling for ruling in first["rulings"] if ruling["who"].startswith("again")]
    rulings = [ruling for ruling in second["rulings"] if ruling["who"].startswith("again")]
    assert rulings
    assert rulings[0]["verdict"] == "accepted"
    assert rulings[0]["basis"].startswith(f"{analysis}@")


def catalogued(workspace, first, second):
    """See that each run and each result has one entry, which was written once, and leads back to its run."""
    found = Catalogue(workspace)
    wanted = {
        f"{kind}:{one['run']}{end}" for one in (first, second) for kind, end in (("run", ""), ("result", ":deep"))
    }
    assert found.writes() == dict.fromkeys(wanted, 1)
    assert len(found.find("deep.fwhm < 1 deg", kind="result")) == 2
    assert found.entry(f"run:{second['run']}").decisions["accepted"] >= 1


def given_out(top, first, second):
    """See that raw files and results are where they were sent, whole."""
    for one in (first, second):
        out = top / "out" / one["run"][:8]
        wanted = {
            entry["name"].rpartition("/")[2]: entry["sha256"] for entry in one["flow"]["steps"][3]["outcome"]["files"]
        }
        there = {path.name: sha256_of(path) for path in out.rglob("*.*") if not path.name.startswith("MANIFEST")}
        assert there == wanted
        assert len(there) == 3


@pytest.mark.parametrize("where", ["globus", rare("here")])
def test_one_command_on_a_slurm_whose_nodes_are_taken_twice(slurm, workspace, tmp_path, monkeypatch, where):
    gate, home = tmp_path / "gate", tmp_path / "home"
    gate.mkdir()
    monkeypatch.setenv(gated.VARIABLE, str(gate))
    for name, value in gated.installed(tmp_path / "site").items():
        monkeypatch.setenv(name, value)
    # The endpoint has a workspace of its own, as on another machine.
    monkeypatch.setenv("STEERING_HOME", str(home))
    owner = home if where == "globus" else workspace.directory
    owner.mkdir(parents=True)
    (owner / "steering.yaml").write_text(yaml.safe_dump({"steering": {"sites": {"slurm": SITE}}}))
    workspace.directory.mkdir(parents=True, exist_ok=True)
    made = flow("slurm", "gated")
    made["steps"]["compute"]["urgency"] = "soon"
    with DoubleGlobus(time_scale=0.1) as double:
        source, eagle, experiment = (
            double.collection(name, folder)
            for name, folder in (("raw", workspace.directory), ("eagle", tmp_path / "eagle"), ("exp", tmp_path / "exp"))
        )
        if where == "globus":
            made["runs_on"] = "globus"
            made["globus"] = {
                "source": source.id, "destination": eagle.id, "experiment": experiment.id,
                "compute_endpoint": double.compute.endpoint("polaris").id, "compute_folder": str(eagle.folder),
                "compute_config": {"queue": "debug", "account": "aps", "walltime": "10:00:00"},
                "index": double.search.make("runs"),
            }  # fmt: skip
        for name, value in double.environment().items():
            monkeypatch.setenv(name, value)
        ours = subprocess.Popen(command(workspace, beamline(tmp_path, made)), stdout=-1, stderr=-1, text=True)
        with ours:
            try:
                taken_twice(slurm, gate, ours)
                first, second = told(ours)
                if where == "globus":
                    leads_back(workspace, first)
            finally:
                ours.terminate()
                stop(owner)
        effects = double.control.effects()
    steered(first, second, "gated")
    for one in (first, second):
        assert "preemptable: one job of 1 node" in one["flow"]["steps"][1]["outcome"]["queue"]
    catalogued(workspace, first, second)
    given_out(experiment.folder if where == "globus" else workspace.directory, first, second)
    counted = ONCE if where == "globus" else dict.fromkeys(ONCE, 0)
    assert {name: effects[name] for name in ONCE} == counted
    for one in journals(workspace):
        did = [line["key"] for line in one.lines() if line["kind"] == "did"]
        assert len(did) == len(set(did))
    assert slurm.ask("squeue", "-h", "-t", "R,PD") == ""
    assert not left_behind(of_workspace(workspace))


def leads_back(workspace, first):
    """See that a result that is found in the index leads to its run in Tiled, in another session."""
    with steering.open(workspace=workspace, speed=20) as session:
        found = session.catalogue.on("runs").find(
            "deep.fwhm < 1000 mdeg", kind="result", sample="Bragg coherent crystal"
        )
        assert len(found) == 2
        (entry,) = (one for one in found if one.run == first["run"])
        assert session.record[entry.run].start["uid"] == first["run"]
        assert entry.decisions["count"] == len(first["rulings"])
        session.shutdown()


def taken_twice(slurm, gate, ours):
    """Take all nodes away from the analysis while it works, twice; then let it go on."""
    for number in (1, 2, 3):
        while len(list(gate.glob("begun-*"))) < number:
            assert ours.poll() is None, ours.communicate()
            time.sleep(0.05)
        if number < 3:
            demand = slurm.occupy("demand", 3)
            while slurm.ask("squeue", "-h", "-j", demand, "-o", "%t").strip() != "R":
                assert ours.poll() is None, ours.communicate()
                time.sleep(0.05)
            slurm.ask("scancel", demand)
    (gate / "open").touch()


def stop(folder):
    """End what computes."""
    words = [sys.executable, "-m", "steering.cli", "stop", "--workspace", str(folder)]
    subprocess.run(words, capture_output=True, timeout=120, check=True)


def test_one_command_with_what_every_installation_has(workspace, tmp_path):
    # It is started by the end of the run besides, and done once all the same.
    made = {**flow("local", "rocking_curve"), "trigger": "end"}
    words = command(workspace, beamline(tmp_path, made))
    with subprocess.Popen(words, stdout=-1, stderr=-1, text=True, env=dict(os.environ)) as ours:
        first, second = told(ours)
    steered(first, second, "rocking_curve")
    catalogued(workspace, first, second)
    given_out(workspace.directory, first, second)
    assert not left_behind(of_workspace(workspace))
