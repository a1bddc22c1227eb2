"""A command is never waited for longer than it takes, whatever its children hold."""

import asyncio
import sys

import psutil
import pytest

from steering.compute import shell
from steering.compute.batch import NoAnswerError
from steering.testing.waiting import until


def living(marker):
    return [
        one.pid
        for one in psutil.process_iter(["cmdline", "status"])
        if one.info["status"] != psutil.STATUS_ZOMBIE and marker in (one.info["cmdline"] or [])
    ]


async def test_what_it_says_is_read():
    answer = await shell.run(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (answer.code, answer.out, answer.err, answer.command) == (3, "out\n", "err\n", "sh")


async def test_a_child_that_holds_the_output_is_not_waited_for():
    async with asyncio.timeout(20):
        answer = await shell.run(["sh", "-c", "sleep 75.001 & echo 12.server"])
    assert answer.out == "12.server\n"
    for pid in living("75.001"):
        psutil.Process(pid).kill()


async def test_a_command_that_does_not_end_is_ended_with_its_children(monkeypatch):
    monkeypatch.setattr(shell, "TIMEOUT", 1.0)
    with pytest.raises(NoAnswerError, match="did not answer within 1 s"):
        await shell.run(["sh", "-c", "sleep 75.002; echo never"])
    await until(lambda: not living("75.002"), lambda: str(living("75.002")))


async def test_a_command_that_talks_without_end_is_read_in_part(monkeypatch):
    monkeypatch.setattr(shell, "_MOST_BYTES", 1000)
    answer = await shell.run([sys.executable, "-c", "print('a' * 5_000_000)"])
    assert answer.out == "a" * 1000


async def test_a_command_that_is_not_there_is_a_sentence():
    with pytest.raises(NoAnswerError, match="'qsub-of-nowhere' cannot be run on this machine"):
        await shell.run(["qsub-of-nowhere"])
