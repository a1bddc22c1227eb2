"""Each command of "use Globus", in the order of the page, against the double that the page starts."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.globus.test_double import exported

pytestmark = pytest.mark.system

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "use-globus.md"
FENCE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
# Facilities that stand for an endpoint have a test of their own, with the page's description of one.
LINES = [
    line
    for match in FENCE.finditer(PAGE.read_text())
    for line in match.group(1).splitlines()
    if not line.startswith("steering compute ")
]
SHELL = 'set -eu; steering() { "$PYTHON" -m steering.cli "$@"; }; '


@pytest.fixture
def started(tmp_path):
    """Start the double as the page does; return the variables that it prints."""
    (line,) = [line for line in LINES if line.startswith("python -m steering.testing.globus")]
    words = shlex.split(line.replace("/tmp/", f"{tmp_path}/"))
    run = tmp_path / "raw" / "run"
    run.mkdir(parents=True)
    (run / "frames.h5").write_bytes(bytes(1000))
    with subprocess.Popen([sys.executable, *words[1:], "--lifeline"], stdin=-1, stdout=-1, text=True) as process:
        yield exported(process)
        process.terminate()


def test_each_command_of_the_page_works(started, tmp_path):
    environment = {**os.environ, **started, "STEERING_HOME": str(tmp_path / "home"), "PYTHON": sys.executable}
    commands = [line for line in LINES if line.startswith("steering ")]
    assert len(commands) > 6
    said = ""
    for line in commands:
        done = subprocess.run(
            ["bash", "-c", SHELL + line],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), line
        said += done.stdout
    assert (tmp_path / "eagle/2026-3/run/frames.h5").read_bytes() == bytes(1000)
    for words in ("Logged in", "Globus answers", "frames.h5  1000 bytes", "Done: 1 files are there", "No flow asks"):
        assert words in said


def test_the_page_names_no_other_command():
    others = {"answer ID OPTION", "logout"}
    inline = set(re.findall(r"`steering globus ([^`]+)`", PAGE.read_text()))
    assert inline <= others
