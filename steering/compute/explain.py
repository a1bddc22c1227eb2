"""What would be submitted, and why each line of it is there."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from steering.compute.batch import QueueState
from steering.compute.checks import Check, checks
from steering.compute.clock import duration
from steering.compute.script import job_script, python_of
from steering.compute.site import Site
from steering.compute.urgency import Choice, choose
from steering.core.errors import SteeringError
from steering.core.pool import PoolRequest


@dataclass(frozen=True)
class Explanation:
    """A job that was not submitted.

    Attributes:
        choice: Queue, nodes and walltime, and why.
        lines: Each line of its script with the reason for it; a ditto mark stands for the reason above.
        checks: What was looked at on this machine.
    """

    choice: Choice
    lines: tuple[tuple[str, str], ...]
    checks: tuple[Check, ...]

    @property
    def script(self) -> str:
        """The script as it would be submitted."""
        return "\n".join(line for line, _ in self.lines) + "\n"

    @property
    def text(self) -> str:
        """Everything, for a person."""
        width = min(max((len(line) for line, _ in self.lines), default=0), 70)
        looked = [f"{'good' if check.good else 'WRONG':6} {check.what}: {check.detail}" for check in self.checks]
        script = [f"{line:{width}}  <- {why}" if why else line for line, why in self.lines]
        return "\n".join([f"Choice: {self.choice.why}", *looked, "", *script, ""])


def explain(site: Site, request: PoolRequest, states: Mapping[str, QueueState], directory: Path) -> Explanation:
    """Explain a request without doing anything.

    Args:
        site: Where.
        request: What is wanted.
        states: What the batch system says of its queues now; empty where it cannot be asked.
        directory: The owner's folder; only named, not made.

    Raises:
        SteeringError: If no queue fits, or there is no script because there is no batch system.
    """
    if site.batch == "process":
        message = f"{site.title} has no batch system: its workers are processes of the compute owner."
        raise SteeringError(message)
    choice = choose(site, request, states)
    text = job_script(site, choice, request.pool or request.urgency, "NAME", directory)
    lines: list[tuple[str, str]] = []
    for line in text.rstrip().splitlines():
        why = _why(line, site, choice)
        lines.append((line, '"' if lines and why and why == _last(lines) else why))
    return Explanation(choice, tuple(lines), tuple(checks(site, directory)))


def _last(lines: list[tuple[str, str]]) -> str:
    """The last reason that is not a ditto mark."""
    return next((why for _, why in reversed(lines) if why != '"'), "")


def _why(line: str, site: Site, choice: Choice) -> str:
    """Say why a line is there; site values bring their source."""
    start = line.strip()
    for pattern, reason in _reasons(site, choice):
        if start.startswith(pattern):
            return reason
    if start.lstrip("#PBSATCH ") in choice.queue.directives:
        return choice.queue.source
    if any(start.endswith(directive) for directive in site.directives):
        return site.sources.get("directives", "directives of the facility")
    if start in site.prologue:
        return site.sources.get("prologue", "prologue of the facility")
    return ""


def _reasons(site: Site, choice: Choice) -> list[tuple[str, str]]:
    source = site.sources
    queue = choice.queue.source
    nodes = f"{choice.nodes} whole {'nodes' if choice.nodes > 1 else 'node'}"
    python = source.get("environment", "the worker environment") if site.environment else python_of(site)
    return [
        ("#!", "a login shell, so that 'module' is there"),
        ("#PBS -N", "names the job, so that its workers are known by it"),
        ("#SBATCH -J", "names the job, so that its workers are known by it"),
        ("#PBS -q", f"chosen for its urgency; {queue}"),
        ("#SBATCH -p", f"chosen for its urgency; {queue}"),
        ("#PBS -A", f"charged account; {source.get('account_needed', '')}".rstrip("; ")),
        ("#SBATCH -A", "charged account"),
        ("#PBS -l select", f"{nodes}; {source.get('resource_spec', '')}".rstrip("; ")),
        ("#SBATCH --nodes", nodes),
        ("#SBATCH --ntasks-per-node", "one launcher on each node; it starts the workers"),
        ("#PBS -l walltime", f"{duration(choice.walltime)}, within the queue's limits"),
        ("#SBATCH -t", f"{duration(choice.walltime)}, within the queue's limits"),
        ("#PBS -e", "the batch system's own words"),
        ("#PBS -o", "the batch system's own words"),
        ("#SBATCH -e", "the batch system's own words"),
        ("#SBATCH -o", "the batch system's own words"),
        ("exec >>", "what the job says, where the watcher reads it"),
        ("cd ", "not in a folder whose files Python would import"),
        ("export STEERING_PATHS", "where the nodes find the beamline's files (paths of the facility)"),
        ("umask", "nobody else reads what it writes"),
        (
            f"exec {python_of(site)}",
            f"the launcher: {site.workers_per_node} workers on each of {nodes}"
            + (f", tile by {site.mask} ({source.get('mask', '')})" if site.mask else "")
            + (f", cores bound ({source.get('cores', '')})" if site.cores else "")
            + (f", spread by {site.fan_out}" if site.fan_out and choice.nodes > 1 else "")
            + f"; Python: {python}",
        ),
    ]
