"""Binder's own steps, in a fresh environment: requirements, postBuild, start, and the notebook runs."""

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from steering.beamline.embedded import find_service
from tests.processes import left_behind, of_workspace

HERE = Path(__file__).resolve().parents[1]


def test_the_folder_says_what_binder_needs():
    assert (HERE / "binder" / "runtime.txt").read_text().strip() == "python-3.11"
    assert re.findall(r"^-r (.+)$", (HERE / "binder" / "requirements.txt").read_text(), re.MULTILINE) == [
        "../locks/lab.txt"
    ]
    for name in ("postBuild", "start"):
        assert os.access(HERE / "binder" / name, os.X_OK)
    assert (HERE / "binder" / "start").read_text().rstrip().endswith('exec "$@"')


@pytest.mark.system
def test_binders_steps_open_the_notebook(tmp_path, workspace):
    repository, prefix = tmp_path / "repository", tmp_path / "prefix"
    subprocess.run(["git", "clone", "--quiet", str(HERE), str(repository)], check=True)
    venv.create(prefix, with_pip=True)
    environment = {
        **os.environ,
        "PATH": f"{prefix / 'bin'}:{os.environ['PATH']}",
        "NB_PYTHON_PREFIX": str(prefix),
        "STEERING_HOME": str(workspace.directory),
        "TMPDIR": str(tmp_path),
    }
    environment.pop("PYTHONPATH", None)

    def step(*command):
        subprocess.run(command, cwd=repository, env=environment, check=True, timeout=400)

    # uv stands for the pip that Binder uses: the same wheels by the same hashes, in a tenth of the time.
    uv = Path(sys.executable).with_name("uv")
    python = str(prefix / "bin" / "python")
    step(str(uv), "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", "binder/requirements.txt")
    step("binder/postBuild")
    notebook = "notebooks/01-steer-a-running-scan.ipynb"
    shutdown = "import steering; steering.open().shutdown()"
    step("binder/start", "jupyter", "execute", notebook)
    assert find_service(workspace) is not None
    processes = of_workspace(workspace)
    step(python, "-c", shutdown)
    # Those of before, and any that was started meanwhile.
    assert not left_behind([*processes, *of_workspace(workspace)])
