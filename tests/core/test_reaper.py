"""What tests start does not outlive them, also if they are killed."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from steering.testing import waiting
from tests.reaper import MARK, started_with
from tests.warden import Warden

pytestmark = pytest.mark.system

HERE = Path(__file__).resolve().parents[2]
# A process of the tests, whose child has left its session and has a child that leaves theirs.
TESTS = """
import os, subprocess, sys, threading
from tests.reaper import MARK, begin
begin()
waits = "import signal; signal.pause()"
orphan = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', '{waits}'])"
for code in (waits, orphan):
    subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
print(os.environ[MARK], flush=True)
if sys.argv[1:]:
    sys.exit()
threading.Event().wait()
"""


def begun(*arguments):
    return subprocess.Popen(
        [sys.executable, "-c", TESTS, *arguments], cwd=HERE, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_what_was_started_goes_with_the_tests_that_are_killed(number):
    with begun() as tests:
        mark = tests.stdout.readline().strip()
        asyncio.run(waiting.until(lambda: len(started_with(mark)) >= 2, lambda: "it did not start"))
        tests.send_signal(number)
        _, said = tests.communicate(timeout=60)
    assert started_with(mark) == {}
    assert "left over by tests, ended: " in said


def test_tests_that_end_say_what_they_left():
    with begun("end") as tests:
        mark = tests.stdout.readline().strip()
        _, said = tests.communicate(timeout=60)
    assert tests.returncode == 0
    assert started_with(mark) == {}
    assert said.count("signal.pause()") >= 2


def test_whoever_ends_a_batch_system_is_not_ended_itself(tmp_path):
    warden = Warden("STEERING_TEST_WARDEN", tmp_path, tmp_path)
    try:
        assert warden.process not in started_with(os.environ[MARK])
    finally:
        warden.dismiss()


def test_these_tests_are_watched_over():
    assert os.environ[MARK].startswith(f"{os.getpid()}-")
