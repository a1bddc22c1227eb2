"""The batch systems that there are."""

from steering.compute.batch import BatchSystem
from steering.compute.pbs import Pbs
from steering.compute.process import Processes
from steering.compute.site import Site
from steering.compute.slurm import Slurm


def batch_system(site: Site) -> BatchSystem:
    """Return the batch system of a site."""
    match site.batch:
        case "pbs":
            return Pbs()
        case "slurm":
            return Slurm()
        case "process":
            return Processes()
