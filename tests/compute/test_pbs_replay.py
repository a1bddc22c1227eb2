"""The replay answers in the shapes that were recorded from a real OpenPBS."""

import json
import time

SCRIPT = """#!/bin/bash -l
#PBS -N demo
#PBS -q {queue}
#PBS -A demo
#PBS -l select={nodes}:system=polaris
#PBS -l walltime=00:10:00
#PBS -l filesystems=home:eagle
#PBS -r {rerun}
#PBS -e {folder}/
#PBS -o {folder}/
{command}
"""


def submit(pbs, command="sleep 60", queue="preemptable", nodes=1, rerun="n", script=SCRIPT):
    file = pbs.folder / "script.sh"
    file.write_text(script.format(queue=queue, nodes=nodes, rerun=rerun, folder=pbs.folder, command=command))
    return pbs.call("qsub", str(file))


def look(pbs, one):
    answer = pbs.call("qstat", "-x", "-f", "-F", "json", one)
    return json.loads(answer.stdout)["Jobs"][one]


def wait(pbs, one, state, patience=15.0):
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        entry = look(pbs, one)
        if entry["job_state"] == state:
            return entry
        time.sleep(0.05)
    raise AssertionError(f"{one} is not {state}: {entry}")


def test_a_job_runs_on_its_nodes_and_its_end_says_how(pbs):
    one = submit(pbs, "cat $PBS_NODEFILE; exit 3", nodes=2).stdout.strip()
    entry = wait(pbs, one, "F")
    assert entry["Exit_status"] == 3
    assert entry["comment"].endswith("on (x3001:ncpus=64)+(x3002:ncpus=64) and failed")
    assert (pbs.folder / f"{one}.OU").read_text().split() == ["x3001", "x3002"]
    assert pbs.call("qstat", "-f", "-F", "json", one).returncode == 35
    assert pbs.call("qdel", one).returncode == 35
    assert pbs.call("qstat", "-x", "-f", "-F", "json", "99.pbs-login").returncode == 153


def test_alcf_s_rules_refuse_with_their_words(pbs):
    without = {word: "\n".join(line for line in SCRIPT.splitlines() if word not in line) for word in ("-A", "filesys")}
    account, filesystems = (submit(pbs, script=script) for script in without.values())
    assert (account.returncode, account.stderr) == (32, "qsub: Account_Name is required to be set.\n")
    assert (filesystems.returncode, filesystems.stderr) == (32, "qsub: Resource: filesystems is required to be set.\n")
    assert submit(pbs, queue="debug").returncode == 0
    assert submit(pbs, queue="debug").returncode == 38
    assert "resource limits" in submit(pbs, queue="capacity", nodes=5).stderr
    assert "Unknown queue" in submit(pbs, queue="nowhere").stderr


def test_a_pre_empted_job_waits_again_under_its_id_only_if_it_may_be_rerun(pbs):
    again, never = (submit(pbs, rerun=rerun).stdout.strip() for rerun in "yn")
    wait(pbs, again, "R")
    wait(pbs, never, "R")
    other = pbs.control("occupy", "demand", "3").strip()
    requeued, ended = wait(pbs, again, "Q"), wait(pbs, never, "F")
    assert requeued["comment"].startswith("Not Running: ")
    assert (requeued["Exit_status"], requeued["run_count"]) == (-11, 1)
    assert ended["Exit_status"] == 271
    assert ended["comment"].endswith("and terminated by Scheduler@pbs-login")
    wait(pbs, other, "R")
    pbs.call("qdel", other)
    assert wait(pbs, again, "R")["run_count"] == 2
    pbs.call("qdel", again)
    assert wait(pbs, again, "F")["comment"].endswith("and terminated by ana@pbs-login")


def test_of_two_ids_only_the_first_is_answered_and_too_many_nodes_can_never_run(pbs):
    one, big = submit(pbs).stdout.strip(), submit(pbs, queue="capacity", nodes=4).stdout.strip()
    both = json.loads(pbs.call("qstat", "-x", "-f", "-F", "json", one, big).stdout)
    assert list(both["Jobs"]) == [one]
    entry = look(pbs, big)
    assert entry["job_state"] == "Q"
    assert entry["comment"].startswith("Can Never Run: ")
