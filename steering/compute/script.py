"""The job script, rendered by Dask-jobqueue's job classes, and the launcher's command line."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

from steering.compute.clock import walltime
from steering.compute.site import Site
from steering.compute.urgency import Choice

# Retire workers so many seconds before the batch system kills them, so that what they hold can move.
_DRAIN_LEAST, _DRAIN_SHARE = 5.0, 0.05
_LAUNCHER = "steering.cluster.launcher"


def job_script(site: Site, choice: Choice, pool: str, name: str, directory: Path) -> str:
    """Render the script of one job.

    Args:
        site: Where.
        choice: Queue, nodes and walltime.
        pool: Pool that its workers belong to.
        name: Job name; worker names begin with it.
        directory: Shared folder of the compute owner.
    """
    common: dict[str, Any] = {
        "scheduler": str(directory / "scheduler.json"),
        "name": name,
        "job_name": name,
        "cores": site.threads_per_worker * site.workers_per_node * choice.nodes,
        "processes": site.workers_per_node * choice.nodes,
        "memory": f"{max(site.memory_per_node, 1) * choice.nodes}B",
        "worker_command": _LAUNCHER,
        "worker_extra_args": [*_worker_arguments(site, choice, pool)],
        # In the shell's place: the batch system's SIGTERM then reaches the launcher, whatever it does with the shell.
        "python": f"exec {python_of(site)}",
        "queue": choice.queue.name or None,
        "account": site.account or None,
        "walltime": walltime(choice.walltime),
        "death_timeout": str(int(site.death_timeout)),
        "local_directory": site.local_directory or None,
        "shebang": "#!/bin/bash -l",
        "job_script_prologue": [
            f"exec >> {log_file(directory, name)} 2>&1",
            f"cd {directory}",
            "umask 077",
            *_paths(site),
            *site.prologue,
        ],
        "interface": site.worker_interface or None,
    }
    # Not as log_directory, which the classes would make at once: explaining a script must leave no trace.
    logs = directory / "logs"
    if site.batch == "slurm":
        from dask_jobqueue.slurm import SLURMJob

        own = [f"--nodes={choice.nodes}", "--ntasks-per-node=1", f"-o {logs}/%x.%j.out", f"-e {logs}/%x.%j.err"]
        directives = [*own, *site.directives, *choice.queue.directives]
        # Whole nodes by --nodes: the class would ask for one task with all cores on one node.
        skip = ["-n 1", "--cpus-per-task", "--mem"]
        return str(SLURMJob(**common, job_extra_directives=directives, job_directives_skip=skip).job_script())
    from dask_jobqueue.pbs import PBSJob

    spec = site.resource_spec.format(nodes=choice.nodes)
    directives = [f"-o {logs}/", f"-e {logs}/", *site.directives, *choice.queue.directives]
    return str(PBSJob(**common, resource_spec=spec, job_extra_directives=directives).job_script())


def launcher_command(site: Site, choice: Choice, pool: str, name: str, directory: Path) -> list[str]:
    """Return the command of a job that needs no batch system."""
    return [
        python_of(site),
        "-m",
        _LAUNCHER,
        str(directory / "scheduler.json"),
        *("--name", name, "--nthreads", str(site.threads_per_worker)),
        *("--memory-limit", f"{site.memory_per_node // site.workers_per_node}B"),
        *("--death-timeout", str(int(site.death_timeout))),
        *(("--local-directory", site.local_directory) if site.local_directory else ()),
        *(item.strip("'") for item in _worker_arguments(site, choice, pool)),
        "--lifeline",
    ]


def python_of(site: Site) -> str:
    """Return the Python that runs on the nodes."""
    if site.python:
        return site.python
    return str(Path(site.environment) / "bin" / "python") if site.environment else sys.executable


def log_file(directory: Path, name: str) -> Path:
    """Return where a job writes what it has to say; the same on every batch system."""
    return directory / "logs" / f"{name}.log"


def _worker_arguments(site: Site, choice: Choice, pool: str) -> list[str]:
    resources = {**site.resources, pool: float(2**20)}
    arguments = ["--nodes", str(choice.nodes), "--workers-per-node", str(site.workers_per_node)]
    arguments += ["--resources", f"'{json.dumps(resources, separators=(',', ':'))}'"]
    if site.fan_out and choice.nodes > 1:
        arguments += ["--fan-out", site.fan_out]
    if site.mask:
        arguments += ["--mask", site.mask, "--masks", ",".join(site.masks) or _numbers(site.workers_per_node)]
    if site.cores:
        arguments += ["--cores", ":".join(site.cores)]
    if choice.walltime < float("inf"):
        drain = max(_DRAIN_LEAST, choice.walltime * _DRAIN_SHARE)
        arguments += ["--lifetime", f"{max(choice.walltime - drain, _DRAIN_LEAST):.0f}"]
    return arguments


def _paths(site: Site) -> list[str]:
    """Tell the workers where the beamline's folders are."""
    pairs = ":".join(f"{there}={here}" for there, here in site.paths.items())
    return [f"export STEERING_PATHS={shlex.quote(pairs)}"] if pairs else []


def _numbers(count: int) -> str:
    return ",".join(str(number) for number in range(count))
