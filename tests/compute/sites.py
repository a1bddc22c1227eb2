"""Fits a facility's description to this machine: pretend nodes, small workers, quick looks at the batch system."""

import yaml

FILESYSTEMS = "-l filesystems=home:eagle"


def fit(site, workspace, **more):
    """Write a ``steering.yaml`` that keeps the site's queues, directives and fan-out, and fits the rest."""
    directives = list(site.directives)
    if site.batch == "pbs" and not any("filesystems=" in line for line in directives):
        # The replay refuses as ALCF does.
        directives.append(FILESYSTEMS)
    section = {
        "account": "demo",
        "directory": str(workspace.directory / "shared"),
        "filesystems": {list(site.filesystems)[-1]: str(workspace.directory)} if site.filesystems else {},
        "directives": directives,
        "scheduler_interface": "",
        "worker_interface": "",
        "prologue": [],
        "nodes": 2 if site.fan_out else 1,
        "workers_per_node": 2,
        "threads_per_worker": 1,
        "memory_per_node": "1 GB",
        "cores": [],
        "masks": [],
        "local_directory": str(workspace.directory / "scratch"),
        "poll": 0.3,
        "death_timeout": 20,
    }
    if site.batch == "slurm":
        # No slurmd here knows accounts, and its jobs' memory is not watched.
        section["account"] = ""
    workspace.directory.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump({"steering": {"sites": {site.name: section | more}}})
    (workspace.directory / "steering.yaml").write_text(text)
