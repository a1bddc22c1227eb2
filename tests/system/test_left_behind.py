"""Nothing that tests start outlives the tests' own process, however that ends: doubles, batch systems, their jobs."""

import os
import select
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.warden import carriers

pytestmark = pytest.mark.system

HERE = Path(__file__).parents[2]
SLURM = """
import sys, time
from pathlib import Path
from tests.slurm import Slurm
slurm = Slurm(Path(sys.argv[1]) / "slurm")
slurm.start()
slurm.occupy("debug")
while not slurm.ask("squeue", "-h", "-t", "R").strip():
    time.sleep(0.1)
print("SLURM_CONF", Path(sys.argv[1]) / "slurm" / "slurm.conf", flush=True)
time.sleep(600)
"""
PBS = """
import sys, time
from pathlib import Path
from tests.compute.pbs import PbsComplex
from tests.compute.test_pbs_replay import submit
complex_ = PbsComplex(Path(sys.argv[1]) / "pbs").start()
done = submit(complex_, "sleep 600")
assert done.returncode == 0, done.stderr
while len(complex_.processes()) < 2:
    time.sleep(0.1)
print("PBS_REPLAY", complex_.folder, flush=True)
time.sleep(600)
"""
# The double within the tests' process, and as a command of its own; a function runs on each.
GLOBUS = """
import os, subprocess, sys, time
from pathlib import Path
from steering.core.workspace import Workspace
from steering.globus.executor import ComputeExecutor
from steering.globus.login import Login
from steering.testing.globus import DoubleGlobus
from tests.globus.test_double import exported
def waits(name):
    import pathlib, time
    pathlib.Path(name).touch()
    time.sleep(600)
os.environ["STEERING_TEST_LEFT"] = folder = sys.argv[1]
config = {"queue": "preemptable", "account": "aps", "walltime": "48:00:00"}
command = [sys.executable, "-m", "steering.testing.globus", "--endpoint", "polaris", "--lifeline"]
with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as process, DoubleGlobus() as double:
    endpoint = double.compute.endpoint("polaris").id
    for number, more in enumerate(({**double.environment(), "GLOBUS_ENDPOINT_POLARIS": endpoint}, exported(process))):
        os.environ.update(more)
        executor = ComputeExecutor(Login(Workspace(Path(folder, str(number)))), more["GLOBUS_ENDPOINT_POLARIS"], config)
        executor.submit(waits, f"{folder}/{number}.began")
        while not Path(folder, f"{number}.began").exists():
            time.sleep(0.05)
    print("STEERING_TEST_LEFT", folder, flush=True)
    time.sleep(600)
"""


@contextmanager
def started(tmp_path, script):
    """Run a script that stands for the tests' process; yield it, and how those that it has started are known."""
    (tmp_path / "script.py").write_text(script)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, sys.path)])}
    words = [sys.executable, str(tmp_path / "script.py"), str(tmp_path)]
    with subprocess.Popen(words, stdout=-1, text=True, env=environment) as process:
        try:
            assert select.select([process.stdout], [], [], 90)[0]
            variable, value = process.stdout.readline().split()
            yield process, variable, value
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize(("script", "least"), [(SLURM, 6), (PBS, 2), (GLOBUS, 3)], ids=["slurm", "pbs", "globus"])
def test_nothing_outlives_the_tests_however_they_end(tmp_path, script, least, number):
    with started(tmp_path, script) as (process, variable, value):
        living = carriers(variable, value, tmp_path)
        living = [one for one in living if one.pid not in (process.pid, os.getpid())]
        assert len(living) >= least, living
        ends = {os.pidfd_open(one.pid): one for one in living}
        process.send_signal(number)
        assert process.wait(20) == -number
        waiting = list(ends)
        while waiting:
            ended = select.select(waiting, [], [], 30)[0]
            assert ended, f"left behind: {[ends[one] for one in waiting]}"
            waiting = [one for one in waiting if one not in ended]
        for one in ends:
            os.close(one)
    assert carriers(variable, value, tmp_path) == []
