"""Killed at any request, before or after the answer, a client goes on where it was: each effect is there once."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

# Those that somebody would notice if they came twice.
ONCE = ("transfer_tasks", "rules_made", "functions_started", "entries_written", "flows_made", "flow_runs")
KILLED = -signal.SIGKILL


@pytest.fixture
def client(double, raw, eagle, tmp_path):
    """Do all steps in a folder of their own, killed at a request; return how that ended."""
    places = {
        "raw": raw.id,
        "eagle": eagle.id,
        "person": double.auth.person.identity,
        "endpoint": double.compute.endpoint("polaris", nodes=4).id,
        "index": double.search.make("runs"),
    }
    script = [sys.executable, "-m", "tests.globus.killed"]
    pipe = subprocess.PIPE
    with subprocess.Popen(script, stdin=pipe, stdout=pipe, text=True, cwd=Path(__file__).parents[2]) as process:

        def run(name, request=0, *, after=False):
            order = {**places, "folder": str(tmp_path / name), "request": request, "after": after}
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        yield run
        process.stdin.close()


@pytest.mark.parametrize("after", [False, True], ids=["before the answer", "after the answer"])
def test_killed_at_each_request_it_goes_on_and_does_nothing_twice(client, double, eagle, after):
    request, code = 0, KILLED
    while code == KILLED:
        request += 1
        before = double.control.effects()
        code = client(f"run-{request}", request, after=after)
        if code == KILLED:
            assert client(f"run-{request}") == 0
        made = {name: double.control.effects()[name] - before[name] for name in ONCE}
        assert made == dict.fromkeys(ONCE, 1), f"killed at request {request}"
        assert (eagle.folder / f"run-{request}" / "notes.txt").read_text() == "cold"
    assert code == 0
    assert request > 20


def test_killed_again_and_again_it_comes_to_its_end(client, double):
    request = 1
    while (code := client("run", request, after=bool(request % 2))) == KILLED:
        request += 1
    assert (code, request > 8) == (0, True)
    assert {name: double.control.effects()[name] for name in ONCE} == dict.fromkeys(ONCE, 1)


@pytest.mark.parametrize("service", ["auth", "transfer", "search", "compute", "flows"])
def test_each_answer_lost_once_does_nothing_twice(client, double, service):
    double.control.lose(service, times=3)
    assert client("run") == 0
    assert {name: double.control.effects()[name] for name in ONCE} == dict.fromkeys(ONCE, 1)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_each_service_refusing_for_a_while_does_nothing_twice(client, double, status):
    double.control.refuse("", status, times=25)
    assert client("run") == 0
    assert {name: double.control.effects()[name] for name in ONCE} == dict.fromkeys(ONCE, 1)
