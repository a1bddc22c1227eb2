"""What PBS says, in shapes recorded from a real server, and what is made of it."""

import json
import math
import time

import pytest

from steering.compute.batch import NoAnswerError, Observation, RefusedError
from steering.compute.pbs import Pbs, observation, queue_state

STARTED = "Sun Nov 22 22:22:59 2026"
START = time.mktime(time.strptime(STARTED, "%a %b %d %H:%M:%S %Y"))
RUN = "Job run at Sun Nov 22 at 22:22 on (x3001:ncpus=1)"
LIMIT = {"Resource_List": {"walltime": "00:10:00", "nodect": 1}}


def seen(state, comment="", **more):
    return observation({"job_state": state, "comment": comment, **LIMIT, **more})


def test_a_job_waits_with_its_reason_and_its_expected_start():
    waiting = seen("Q", "Not Running: Not enough free nodes available", estimated={"start_time": STARTED})
    assert waiting.phase == "queued"
    assert waiting.words == "Not Running: Not enough free nodes available"
    assert waiting.expected_start == START
    assert not waiting.never
    assert math.isnan(waiting.started)
    assert math.isnan(seen("Q").expected_start)


def test_a_job_that_can_never_run_is_told_from_one_that_waits():
    assert seen("Q", "Can Never Run: Insufficient amount of resource: ncpus (R: 300 A: 64)").never


def test_a_running_job_has_nodes_a_start_and_a_walltime():
    running = seen("R", RUN, exec_host="x3001/0*64+x3002/0*64", stime=STARTED)
    assert running == Observation("running", RUN, nodes=("x3001", "x3002"), started=START, walltime=600.0)


ENDS = {
    "own qdel": (271, f"{RUN} and terminated by ana@pbs-login", "cancelled"),
    "pre-empted": (271, f"{RUN} and terminated by Scheduler@pbs-login", "preempted"),
    "walltime over": (-29, f"{RUN} and exceeded resource walltime", "expired"),
    "walltime over, another comment": (-29, RUN, "expired"),
    "bad command": (127, f"{RUN} and failed", "failed"),
    "ordinary end": (0, f"{RUN} and finished", "finished"),
}


@pytest.mark.parametrize(("code", "comment", "end"), ENDS.values(), ids=ENDS)
def test_an_end_says_how(code, comment, end):
    ended = seen("F", comment, Exit_status=code, stime=STARTED)
    assert (ended.phase, ended.end, ended.exit_code, ended.started) == ("ended", end, code, START)


def test_a_requeued_job_waits_again_and_its_old_exit_status_means_nothing():
    again = seen("Q", "Not Running: Not enough free nodes available", Exit_status=-11, run_count=2, stime=STARTED)
    assert (again.phase, again.end, again.exit_code) == ("queued", "", None)
    assert math.isnan(again.started)


def test_other_states_have_their_place():
    phases = {state: seen(state).phase for state in "HSWTEXB?"}
    assert phases == {"H": "held", "S": "held", "W": "queued", "T": "queued", "E": "ending", "X": "ended",
                      "B": "queued", "?": "held"}  # fmt: skip


def test_a_queue_says_its_limits():
    entry = {
        "state_count": "Transit:0 Queued:3 Held:1 Waiting:0 Running:2 Exiting:0 Begun:0 ",
        "max_queued": "[u:PBS_GENERIC=20]",
        "max_run": "[u:PBS_GENERIC=2]",
        "resources_max": {"nodect": 10, "walltime": "72:00:00"},
        "resources_min": {"nodect": 1, "walltime": "00:05:00"},
        "enabled": "True",
        "started": "True",
    }
    state = queue_state("preemptable", entry)
    assert (state.takes, state.queued, state.jobs_most) == (True, 3, 2)
    assert (state.nodes_least, state.nodes_most, state.walltime_most) == (1, 10, 72 * 3600)
    bare = queue_state("workq", {"enabled": "True", "started": "False"})
    assert (bare.takes, bare.jobs_most, bare.nodes_most, bare.walltime_most) == (False, 0, 0, math.inf)


SCRIPT = (
    "#!/bin/bash\n#PBS -N one\n#PBS -q preemptable\n#PBS -A demo\n#PBS -l walltime=00:10:00\n"
    "#PBS -l filesystems=home:eagle\n#PBS -o /dev/null\n#PBS -e /dev/null\nexec sleep 60\n"
)


@pytest.fixture
async def jobs(pbs, tmp_path):
    (tmp_path / "jobs").mkdir()
    return pbs, Pbs(), tmp_path


async def test_each_job_is_asked_for_by_itself_and_only_an_unknown_one_is_gone(jobs):
    pbs, system, folder = jobs
    first, second, third = [await system.submit(SCRIPT, f"job{n}", folder) for n in range(3)]
    pbs.control("vanish", third)
    found = await system.look([first, second, third])
    assert {one: entry.phase for one, entry in found.items()} == {first: "running", second: "running", third: "gone"}
    assert await system.find("one") == [first, second]
    await system.cancel(third)


async def test_what_gives_no_answer_or_nonsense_is_left_out_and_hides_no_other_job(jobs):
    pbs, system, folder = jobs
    first, second, third = [await system.submit(SCRIPT, f"job{n}", folder) for n in range(3)]
    pbs.control("freeze", first)
    pbs.control("garbage", second)
    assert set(await system.look([first, second, third])) == {third}
    pbs.control("thaw")
    assert set(await system.look([first, second, third])) == {first, second, third}
    pbs.control("freeze")
    for question in (system.find("one"), system.queues(), system.cancel(first)):
        with pytest.raises(NoAnswerError, match="cannot connect to server"):
            await question


async def test_an_accepted_submission_without_a_word_is_no_answer_and_is_found_by_its_name(jobs):
    pbs, system, folder = jobs
    pbs.control("mute", "1")
    with pytest.raises(NoAnswerError, match="neither an id nor an error"):
        await system.submit(SCRIPT, "one", folder)
    assert await system.find("one") == [pbs.alive()[0]["id"]]


async def test_a_refusal_keeps_the_batch_system_s_words(jobs):
    _, system, folder = jobs
    with pytest.raises(RefusedError, match=r"^qsub: Account_Name is required to be set\.$"):
        await system.submit(SCRIPT.replace("#PBS -A demo\n", ""), "one", folder)


HOSTILE = [
    "[]", "{}", '{"Jobs": []}', '{"Jobs": {"1.pbs-login": 3}}', '{"Jobs": {"1.pbs-login": {"Resource_List": "x"}}}',
    '{"Jobs": {"1.pbs-login": {"job_state": "F", "Exit_status": "?"}}}', '{"Jobs": {"1.pbs-login": {"estimated": 5}}}',
    "no JSON", "",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
async def test_a_hostile_answer_is_no_answer(tmp_path, monkeypatch, text):
    qstat = tmp_path / "qstat"
    (tmp_path / "answer").write_text(text)
    qstat.write_text(f"#!/bin/sh\ncat {tmp_path / 'answer'}\n")
    qstat.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(NoAnswerError):
        await Pbs().look(["1.pbs-login"])


@pytest.mark.parametrize(
    "text", ["[]", '{"Queue": [1]}', '{"Queue": {"debug": 3}}', json.dumps({"Queue": {"a": {"resources_max": 3}}})]
)
async def test_hostile_queues_are_no_answer(tmp_path, monkeypatch, text):
    qstat = tmp_path / "qstat"
    (tmp_path / "answer").write_text(text)
    qstat.write_text(f"#!/bin/sh\ncat {tmp_path / 'answer'}\n")
    qstat.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(NoAnswerError):
        await Pbs().queues()
