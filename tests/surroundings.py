"""What a facility needs around it to be tested on this machine: its batch system, and a description that fits."""

import subprocess
from contextlib import contextmanager, suppress

import psutil
import pytest
import yaml

from steering.core.facility import WholeRuns
from steering.testing.globus import DoubleGlobus
from tests.compute.pbs import PbsComplex
from tests.compute.sites import fit
from tests.slurm import Slurm


@contextmanager
def batch_system_around(batch, folder):
    """Run a batch system in a folder, with its commands first on PATH; it ends with the block, and all jobs of it."""
    with pytest.MonkeyPatch.context() as patch:
        if batch == "pbs":
            replay = PbsComplex(folder / "pbs").start()
            for name, value in replay.environment.items():
                patch.setenv(name, value)
            try:
                yield replay
            finally:
                replay.stop()
        elif batch == "slurm":
            slurm = Slurm(folder / "slurm")
            slurm.start()
            try:
                yield slurm
            finally:
                slurm.stop()
        else:
            yield None


@contextmanager
def surroundings(facility, workspace, folder, **more):
    """Give a facility its batch system, and its workspace a ``steering.yaml`` that fits it to this machine."""
    if isinstance(facility, WholeRuns):
        with endpoint_of(facility.name, workspace):
            yield None
        return
    site = facility.site
    with batch_system_around(site.batch, folder) as complex_:
        fit(site, workspace, **more)
        yield complex_


# By the double's time, which is a hundredth.
CONFIG = {"config": {"queue": "preemptable", "account": "aps", "walltime": "48:00:00"}}


@contextmanager
def endpoint_of(name, workspace, **more):
    """Serve Globus with an endpoint that a ``steering.yaml`` names for a facility; yield the double."""
    with DoubleGlobus(time_scale=0.01) as double, pytest.MonkeyPatch.context() as patch:
        for variable, value in double.environment().items():
            patch.setenv(variable, value)
        workspace.directory.mkdir(parents=True, exist_ok=True)
        section = {"kind": "globus_compute", "endpoint": double.compute.endpoint("polaris").id, **(CONFIG | more)}
        text = yaml.safe_dump({"steering": {"sites": {name: section}}})
        (workspace.directory / "steering.yaml").write_text(text)
        yield double


def losses(batch):
    """Ways to take something from a facility whose workers run on this machine, for its contract kit."""
    cancel = {"pbs": "qdel", "slurm": "scancel"}.get(batch)
    # Without a batch system a job is its launcher.
    lost = (
        {"its job was cancelled": lambda status: cancel_a_job(cancel, status)}
        if cancel
        else {
            "what its workers came from was killed": lambda status: _workers_process(status).parent().kill(),
            "its launcher was killed": lambda status: _launcher(status).kill(),
        }
    )
    return {"a worker was killed": lambda status: _workers_process(status).kill(), **lost}


def jobs_left(batch, complex_):
    """List the jobs that the batch system still has, waiting or running."""
    if batch == "pbs":
        return [job["id"] for job in complex_.alive()]
    return complex_.ask("squeue", "-h", "-o", "%i").split() if batch == "slurm" else []


def cancel_a_job(command, status):
    """Cancel a job through the batch system, behind its owner's back."""
    subprocess.run([command, status.pools[0].jobs[0].id], check=True, capture_output=True, timeout=20)


def _workers_process(status):
    process = psutil.Process(status.workers[0].process_id)
    assert "steering.cluster.workers" in process.cmdline()
    return process


def _launcher(status):
    """Find the launcher that a worker comes from; one whose parent has just been killed may still be listed."""
    for worker in status.workers:
        with suppress(psutil.NoSuchProcess):
            for one in psutil.Process(worker.process_id).parents():
                if "steering.cluster.launcher" in one.cmdline():
                    return one
    raise AssertionError(status)
