"""A batch system that gives no answer, or one that nobody can read, ends nothing."""

import asyncio
import errno
import os
import sys

import pytest

from steering.compute import shell, slurm
from steering.compute.batch import NoAnswerError
from steering.compute.process import Processes
from steering.compute.site import make_site
from steering.core.errors import SteeringError


async def test_where_no_file_can_be_made_a_command_gives_no_answer(monkeypatch):
    def full():
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shell, "TemporaryFile", full)
    with pytest.raises(NoAnswerError, match="No space left on device"):
        await shell.run(["true"])


@pytest.mark.parametrize("words", ['{"jobs": [{"job_id": "N/A"}]}', '{"jobs": [{"job_id": 7, "time_limit": "soon"}]}'])
async def test_what_slurm_says_and_nobody_can_read_is_no_answer(monkeypatch, words):
    async def run(command, directory=None):
        return shell.Answer(0, words, "", "squeue")

    monkeypatch.setattr(slurm, "run", run)
    with pytest.raises(NoAnswerError, match="unreadable"):
        await slurm.Slurm().look(["7"])


async def test_partitions_that_nobody_can_read_are_no_answer(monkeypatch):
    async def run(command, directory=None):
        return shell.Answer(0, "PartitionName=debug MinNodes=few", "", command[0])

    monkeypatch.setattr(slurm, "run", run)
    with pytest.raises(NoAnswerError, match="unreadable"):
        await slurm.Slurm().queues()


def test_resources_that_cannot_be_filled_in_are_said_before_anything_is_submitted():
    with pytest.raises(SteeringError, match=r"resource_spec of the facility .*\{nodes\}"):
        make_site("mine", {"batch": "pbs", "resource_spec": "select={n}:system=x"})


async def test_a_process_that_has_ended_keeps_no_file_open(tmp_path):
    (tmp_path / "logs").mkdir()
    batch = Processes()
    one = await batch.submit(f"{sys.executable} -c pass", "job", tmp_path)
    await asyncio.to_thread(batch._processes[one].process.wait)
    for _ in range(2):
        assert (await batch.look([one]))[one].phase == "ended"
    assert batch._processes[one].process.stdin.closed


async def test_slurm_is_asked_for_the_jobs_of_this_user_alone(monkeypatch):
    asked = []

    async def run(command, directory=None):
        asked.append(command)
        return shell.Answer(0, "no JSON here" if "--json" in command else "", "", "squeue")

    monkeypatch.setattr(slurm, "run", run)
    assert await slurm.Slurm().find("live-0-1") == []
    assert [command[0] for command in asked] == ["squeue", "squeue"]
    assert all(f"--user={os.getuid()}" in command for command in asked)
