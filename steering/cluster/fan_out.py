"""How the launcher starts itself on each node of a job."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_MODULE = "steering.cluster.launcher"
# Environment variables in which mpiexec of PALS (ALCF), other MPIs and srun give the number of this node.
_RANKS = ("PALS_RANKID", "PMIX_RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK", "SLURM_PROCID")
# pbsdsh starts with an almost empty environment, so the command passes on the variables that Python and its GPU need.
# None of them is a secret.
_CARRIED = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX", "http_proxy",
            "https_proxy", "no_proxy", "PYTHONUNBUFFERED")  # fmt: skip
_CARRIED_PREFIXES = ("ZE_", "ONEAPI_", "CUDA_", "DASK_", "HDF5_", "STEERING_PATHS")
_PLACED = "STEERING_LAUNCHER_PLACED"


@dataclass(frozen=True)
class Placement:
    """The number of this node in its job, from 0."""

    rank: int


def placement(nodes: int, rank: int) -> Placement | None:
    """Return which node this is, or ``None`` if the launcher has yet to start itself on the nodes."""
    if rank >= 0:
        return Placement(rank)
    if nodes <= 1:
        return Placement(0)
    if _PLACED not in os.environ:
        return None
    for name in _RANKS:
        if name in os.environ:
            return Placement(int(os.environ[name]))
    return None


def commands(fan_out: str, nodes: int, arguments: Sequence[str]) -> list[list[str]]:
    """Return the commands that start the launcher once on each node."""
    own = [sys.executable, "-m", _MODULE, *arguments]
    placed = ["/usr/bin/env", f"{_PLACED}=1"]
    if fan_out == "mpiexec":
        # No CPU binding here, because the launcher binds each worker itself.
        return [["mpiexec", "-n", str(nodes), "--ppn", "1", "--cpu-bind", "none", *placed, *own]]
    if fan_out == "srun":
        spread = [f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", "--cpu-bind=none", "--overlap"]
        return [["srun", *spread, "--kill-on-bad-exit=0", *placed, *own]]
    if fan_out == "pbsdsh":
        carried = [f"{name}={value}" for name, value in os.environ.items() if _goes_along(name)]
        # pbsdsh starts in the home folder, and Python would take files there for modules. So change to this folder.
        here = ["-C", str(Path.cwd())]
        return [
            ["pbsdsh", "-n", str(rank), "--", "/usr/bin/env", *here, *carried, *own, "--rank", str(rank)]
            for rank in range(nodes)
        ]
    message = f"A job of {nodes} nodes needs fan_out: mpiexec, pbsdsh or srun in the facility's description."
    raise SystemExit(message)


def _goes_along(name: str) -> bool:
    return name in _CARRIED or name.startswith(_CARRIED_PREFIXES)
