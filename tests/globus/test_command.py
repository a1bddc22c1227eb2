"""``steering globus``, as people and cron call it: each command, its words, its exit code."""

import os
import re
import signal
import subprocess
import sys

import pytest

from steering.globus.flow import Flows
from steering.globus.search import SearchIndex
from tests.globus.test_flow import asking
from tests.globus.test_search import entry

pytestmark = pytest.mark.system

CLI = [sys.executable, "-m", "steering.cli", "globus"]


@pytest.fixture
def steering(double, workspace):
    """Run the command; return exit code, what it said, and what it said to standard error."""
    environment = {**os.environ, "STEERING_HOME": str(workspace.directory)}

    def run(*arguments, **more):
        given = {name: value for name, value in {**environment, **more}.items() if value}
        command = [*CLI, *arguments]
        done = subprocess.run(command, env=given, capture_output=True, text=True, timeout=60, input="", check=False)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout, done.stderr

    return run


def test_a_service_account_logs_in_looks_and_logs_out(steering, raw):
    assert steering("login")[:2] == (0, steering("login")[1])
    assert "is logged in, and Globus answers" in steering("check")[1]
    assert steering("ls", f"{raw.id}:/run/")[:2] == (0, "frames.h5  1048576 bytes\nnotes.txt  4 bytes\n")
    assert "taken back and removed" in steering("logout")[1]


def test_a_person_logs_in_with_a_code(steering, double, workspace, helpers):
    environment = {name: value for name, value in os.environ.items() if "CLIENT" not in name}
    environment |= {"STEERING_HOME": str(workspace.directory)}
    pipe = subprocess.PIPE
    with subprocess.Popen([*CLI, "login"], env=environment, stdin=pipe, stdout=pipe, text=True) as process:
        process.stdout.readline()
        url = process.stdout.readline().strip()
        said, _ = process.communicate(f"{helpers.code_of(url)}\n", timeout=60)
    assert process.returncode == 0
    assert "Logged in" in said
    nobody = {"STEERING_GLOBUS_CLIENT_ID": "", "STEERING_GLOBUS_CLIENT_SECRET": ""}
    assert "A person" in steering("check", **nobody)[1]


def test_a_person_without_a_terminal_is_told(steering):
    nobody = {"STEERING_GLOBUS_CLIENT_ID": "", "STEERING_GLOBUS_CLIENT_SECRET": ""}
    code, said, wrong = steering("login", **nobody)
    assert code == 4
    assert "Open this page" in said
    assert "No code came in" in wrong


def test_another_workspace_is_named_before_or_behind_the_command_and_in_what_it_says(steering, raw, double, tmp_path):
    other = tmp_path / "other place"
    assert str(other) in steering("login", "--workspace", str(other))[1]
    assert steering("--workspace", str(other), "check")[0] == 0
    double.control.need_consent(raw.id)
    hint = f"This is not your usual workspace: add --workspace '{other}'\n"
    assert steering("ls", f"{raw.id}:/", "--workspace", str(other))[2].endswith(hint)
    assert hint not in steering("ls", f"{raw.id}:/")[2]


def test_a_consent_is_asked_for_and_given_by_the_printed_command(steering, raw, double):
    double.control.need_consent(raw.id)
    code, _, wrong = steering("ls", f"{raw.id}:/")
    assert code == 4
    scope = re.search(r"steering globus login --consent '(.*)'", wrong).group(1)
    assert steering("login", "--consent", scope)[0] == 0
    assert steering("ls", f"{raw.id}:/")[0] == 0


def test_files_are_sent_once_by_a_note(steering, raw, eagle, double, tmp_path):
    send = ("send", f"{raw.id}:/run/", f"{eagle.id}:/runs/7/", "--note", str(tmp_path / "note.json"))
    for _ in range(2):
        code, said, _ = steering(*send)
        assert code == 0
        assert "Done: 2 files are there, verified" in said
    assert (eagle.folder / "runs/7/notes.txt").read_text() == "cold"
    assert double.control.effects()["transfer_tasks"] == 1
    other = ("send", f"{raw.id}:/other/", f"{eagle.id}:/runs/7/", "--note", str(tmp_path / "note.json"))
    code, _, wrong = steering(*other)
    assert (code, "is of another transfer" in wrong) == (1, True)


def test_a_failed_transfer_is_sent_anew(steering, raw, eagle, double, tmp_path):
    send = ("send", f"{raw.id}:/run/", f"{eagle.id}:/runs/7/", "--note", str(tmp_path / "note.json"))
    double.control.fail_transfers(1, "the quota is used up")
    code, _, wrong = steering(*send)
    assert (code, "the quota is used up" in wrong) == (1, True)
    assert steering(*send)[0] == 0
    assert double.control.effects()["files_moved"] == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_send_that_was_stopped_goes_on(steering, raw, eagle, double, workspace, tmp_path, number):
    send = ("send", f"{raw.id}:/run/", f"{eagle.id}:/runs/7/", "--note", str(tmp_path / "note.json"))
    double.control.stall_transfers()
    environment = {**os.environ, "STEERING_HOME": str(workspace.directory)}
    with subprocess.Popen([*CLI, *send], env=environment, stdout=subprocess.PIPE, text=True) as process:
        while "it waits: no data came for 60 s" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(number)
        assert process.wait(30) == {signal.SIGINT: 130}.get(number, -number)
    double.control.stall_transfers("")
    assert "Done: 2 files are there, verified" in steering(*send)[1]
    assert double.control.effects()["transfer_tasks"] == 1


def test_what_waits_says_why(steering, raw, double):
    double.control.refuse("transfer", 429, times=1, retry_after=1)
    code, _, wrong = steering("ls", f"{raw.id}:/")
    assert code == 0
    assert wrong == (
        f"Globus has to be asked again to list / of the collection {raw.id}: it is asked too often (429). "
        "Trying again in 1 s.\n"
    )


def test_entries_are_found(steering, double, login):
    index = SearchIndex(login, double.search.make("runs"))
    made = entry("gel", 0.5, double.auth.person.groups[0])
    index.ingest(type(made)(made.subject, made.content, (double.auth.service.urn,)))
    code, said, _ = steering("find", index.index, "gel")
    assert code == 0
    assert '"tau0": {"units": "s", "value": 0.5}' in said or '"tau0": {"value": 0.5, "units": "s"}' in said


def test_a_flows_question_is_listed_and_answered(steering, login, double):
    flows = Flows(login)
    assert "No flow asks anything" in steering("answer")[1]
    run = flows.run(flows.make(asking()), {}, "tag")
    said = ""
    while "Keep" not in said:
        said = steering("answer")[1]
    assert "Keep the sample? It has aged. [keep | change]" in said
    question = said.split()[0]
    assert steering("answer", question, "perhaps")[0] == 1
    assert steering("answer", question, "keep")[:2] == (0, "Answered.\n")
    assert flows.wait(run).output["answer"]["details"]["name"] == "keep"
    assert "No open question" in steering("answer", question, "keep")[2]


@pytest.mark.parametrize("place", ["", "nothing", ":/x", "c:x"])
def test_a_place_that_is_none_is_said(steering, place):
    code, _, wrong = steering("ls", place)
    assert (code, "Allowed: COLLECTION:PATH" in wrong) == (1, True)


WITHOUT = """
import importlib.util, sys
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "globus_sdk" else real(name, *more)
from steering.cli import main
sys.exit(main(["globus", "check"]))
"""


def test_without_the_extra_the_cure_is_said():
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "Globus needs the package globus-sdk, which is not installed. Install it: pip install 'steering[globus]'\n"
    )
