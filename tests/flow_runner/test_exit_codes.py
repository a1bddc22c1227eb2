"""Each exit code that the how-to lists, from the command as cron runs it; and no other is listed."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from steering.commands import run as run_command
from steering.description.description import read_description
from steering.flow_runner.orders import order
from steering.flow_steps.flow_journal import FlowJournal, flows_folder
from steering.flow_steps.hold import VARIABLE
from tests.flow_runner.workspaces import UID, installed, measured
from tests.flows.beamline import BEAMLINE

pytestmark = pytest.mark.system

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "automate-an-experiment.md"
FLOWS = """
flows:
  keep: {steps: {transfer: {to: "store/{run.uid}"}, compute: {facility: inline}, catalogue: {}, distribute: {to: out}}}
"""
ID = f"keep-{UID[:8]}"


@pytest.fixture
def cron(workspace, tmp_path, forks):
    """Call the command as a process of its own."""
    path = tmp_path / "beamline.yaml"
    path.write_text(BEAMLINE + FLOWS)
    measured(workspace)
    environment = installed(tmp_path / "site")
    entry = read_description(path).flows["keep"]

    def words(*given):
        file = ["--beamline", str(path)] if "run" in given else []
        return ["flow", *given, "--workspace", str(workspace.directory), *file]

    return SimpleNamespace(
        words=words,
        run=lambda *given: forks.run(*words(*given), **environment),
        start=lambda *given, **more: forks.start(*words(*given), **environment, **more),
        order=lambda: order(workspace, "keep", entry, UID)[0],
        frames=workspace.frames / f"{UID}.h5",
        held=tmp_path / "held",
        journal=FlowJournal(flows_folder(workspace) / ID),
    )


def succeeded(cron):
    done = cron.run("run", "keep", "--json")
    assert json.loads(done.stdout)["status"] == "succeeded"
    return done


def wrong(cron):
    cron.frames.unlink()
    return cron.run("run", "keep")


def elsewhere(cron):
    with cron.order() as journal:
        journal.write("running")
        return cron.run("run", "keep")


def cancelled(cron):
    cron.order()
    return cron.run("cancel", ID)


def told_to_end(cron, number=signal.SIGINT):
    with cron.start("run", "keep", **{VARIABLE: f"compute.began={cron.held}"}) as process:
        while not cron.held.exists():
            assert process.runs, process.said()
            time.sleep(0.02)
        os.kill(process.pid, number)
        code, said = process.wait(), process.said()
    assert cron.journal.state.status == "interrupted"
    cron.held.unlink()
    assert cron.run("status").returncode == 3
    assert cron.run("resume").returncode == 0
    return SimpleNamespace(returncode=code, stdout=said[0], stderr=said[1])


def unread(cron):
    command = [sys.executable, "-m", "steering.cli", *cron.words("status")]
    with subprocess.Popen(command, stdout=-1, stderr=-1, text=True) as process:
        process.stdout.close()
        complaint = process.stderr.read()
    assert complaint == ""
    return SimpleNamespace(returncode=process.returncode, stdout="nobody", stderr="")


WAYS = {
    0: [succeeded],
    1: [wrong],
    2: [lambda cron: cron.run("run", "keep", "--nonsense")],
    3: [elsewhere],
    4: [cancelled],
    130: [told_to_end, lambda cron: told_to_end(cron, signal.SIGTERM), lambda cron: told_to_end(cron, signal.SIGHUP)],
    141: [unread],
}


def test_the_page_lists_the_codes_that_are_tried():
    table = PAGE.read_text().partition("| exit code | |")[2].partition("\n\n")[0]
    assert [int(one) for one in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)] == list(WAYS)


@pytest.mark.parametrize(("code", "way"), [(code, way) for code, ways in WAYS.items() for way in ways])
def test_it_ends_with_the_code_and_a_sentence(cron, code, way):
    done = way(cron)
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    assert "Traceback" not in said
    assert said.strip()


@pytest.mark.parametrize(
    ("scan", "flow", "code"),
    [("success", 0, 0), ("success", 1, 1), ("success", 3, 3), ("success", 4, 4), ("abort", 0, 1), ("fail", 4, 1)],
)
def test_a_scan_with_its_flow_ends_with_the_code_of_what_went_wrong_first(monkeypatch, scan, flow, code):
    monkeypatch.setattr(run_command, "_scan", lambda _session, _asked: {"status": scan, "run": UID})
    monkeypatch.setattr(run_command, "_do_flow", lambda _session, _asked, _run: ({}, flow))
    reports, found = run_command._scans(None, SimpleNamespace(flow="keep"), 3, None)
    # The first that does not go well is the last.
    assert (found, len(reports)) == (code, 1 if code else 3)
