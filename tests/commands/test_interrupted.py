"""Ctrl-C ends a command with its code, wherever it was: also where a library makes code as it is loaded."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from steering import cli

def check(arguments):
    {how}

cli._COMMANDS["check"] = lambda: check
if __name__ == "__main__":
    sys.exit(cli.main(["check"]))
"""


@pytest.mark.parametrize("how", ["raise KeyboardInterrupt", 'exec("raise KeyboardInterrupt")'])
def test_it_ends_with_its_code_and_one_word(tmp_path, how):
    (tmp_path / "interrupted_here.py").write_text(PROGRAM.format(how=how))
    paths = os.pathsep.join([str(tmp_path), *(one for one in sys.path if one)])
    done = subprocess.run(
        [sys.executable, "-m", "interrupted_here"], capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "Stopped.\n")
