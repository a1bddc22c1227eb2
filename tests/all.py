"""Everything that must hold before a change lands: format, rules, floors, types, JavaScript, tests; fast ones first."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
PYTHON = [sys.executable, "-m"]
CHECKS = {
    "format": [*PYTHON, "ruff", "format", "--check", "."],
    "rules": [*PYTHON, "ruff", "check", "."],
    "import floors": [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
    "types": [*PYTHON, "pyright", "--pythonpath", sys.executable],
    "JavaScript": [sys.executable, "tests/javascript/check.py"],
}
# By whole files, or by what they share (see conftest). More than there are cores: they wait for a part of their time.
BY_SCOPES = ["--dist", "loadscope", "--no-loadscope-reorder"]
TESTS = {
    "unit tests": ["-m", "not system and not browser and not whole", "-n", "3", *BY_SCOPES],
    "system and browser tests": ["-m", "system or browser or whole", "-n", "4", *BY_SCOPES],
}


# Asked for by name, because every process of the tests is half as slow again.
COVERAGE = "--coverage"
FIGURES = {
    "coverage, together": [*PYTHON, "coverage", "combine", "--quiet"],
    "coverage": [*PYTHON, "coverage", "report"],
}


def main(arguments):
    """Run the checks and the tests; stop at the first kind that fails."""
    measured = COVERAGE in arguments
    arguments = [one for one in arguments if one != COVERAGE]
    pytest = [*PYTHON, *(("coverage", "run", "-m") if measured else ()), "pytest"]
    os.chdir(HERE)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        # Started with "nohup" or "&" these are ignored, also by whatever is started here; the tests send them.
        signal.signal(number, signal.SIG_DFL)
    # The tests start hundreds of processes: each would compile again what none of them may keep.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for name, command in CHECKS.items():
        if run(name, command):
            return 1
    for name, options in TESTS.items():
        if run(name, [*pytest, "-q", *options, *arguments]):
            return 1
    return any(run(name, command) for name, command in FIGURES.items()) if measured else 0


def run(name, command):
    """Run one command and say how long it took."""
    sys.stdout.write(f"== {name}\n")
    sys.stdout.flush()
    began = time.monotonic()
    code = subprocess.run(command, check=False).returncode
    sys.stdout.write(
        f"== {name}: {'passed' if code == 0 else f'FAILED ({code})'} in {time.monotonic() - began:.0f} s\n\n"
    )
    sys.stdout.flush()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
