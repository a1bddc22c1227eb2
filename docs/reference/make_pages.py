"""Writes the pages that are made of models, docstrings and commands: ``python docs/reference/make_pages.py``."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import yaml
from commands import command_line
from tables import NONE, arguments_of, default_text, first_line, keys_of, plain, prose, table

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "steering" / "facilities"
_MADE = "This page is made from the code by `python docs/reference/make_pages.py`."
# Shown of what the package ships for a facility.
_SHIPPED = (
    "batch", "account_needed", "fan_out", "workers_per_node", "threads_per_worker", "memory_per_node", "mask",
    "local_directory", "walltime", "preference", "poll", "death_timeout", "linger",
)  # fmt: skip
# Of these the technique has a page of its own, which says what they compute.
_TECHNIQUES = ("hedm", "laue", "ptychography", "radial", "xpcs")
_FACILITY_HEAD = """# Facilities

{made}

A facility is one place to compute: `local`, `polaris`, `aurora`, `pbs`, `slurm`, and what you name yourself.
How to use one: [compute on a cluster](../how-to/compute-on-a-cluster.md).

Its values stand under `steering: {{sites: {{NAME: ...}}}}`. The first of these that has a value counts, value
by value:

1. `steering.yaml` in the workspace (`STEERING_HOME`, else `~/.local/share/steering`);
2. Dask's configuration: any YAML file in its folders, or an environment variable such as
   `DASK_STEERING__SITES__POLARIS__ACCOUNT=MyProject`;
3. what this package ships, beside the facility's file.

A value `${{NAME}}` is that environment variable, or empty where it is not set. `steering compute explain NAME`
prints what comes of all of them. A name or a kind that is wrong is refused in a sentence.

## Keys of a facility

A time is a number of seconds or `"HH:MM:SS"`, memory a number of bytes or such as `480 GB`. `{{}}` is a
mapping.
"""
_PARAMETERS = """## Parameters that a plan takes

Each plan takes the beamline's signals that can be set besides, under their names.

| plan | must have | may have |
|---|---|---|
| `rocking` | `centre`, `range`, `step`, `exposure` | `parts` |
| `map` | `step`, `exposure` | `parts` |
| `series` | `exposure`, and `count` unless it is `endless` | `every`, `parts` |
| `sweep` | `start`, `stop`, `exposure`, and `step` with `across` | `count` without `across` |
| `spec` | each `$name` of its `spec`, `exposure` | `parts` |
| `own` | | the arguments of the plan |

`exposure` and `every` are in s; `count` and `parts` are whole numbers (`decimals: 0`)."""
_BEAMLINE_HEAD = """# The beamline's file

{made}

How to write one: [describe your beamline](../how-to/describe-your-beamline.md).
`steering check --beamline FILE` says what is wrong with it. A key that is not on this page is a mistake.

With `instrument` the devices are the instrument's: `simulate`, `motors`, `detector`, `detectors`, `devices`,
`baseline` and `safe` are refused then, and each scan has `plan: own`. Without it there must be at least one
motor and the `detector`. There must be a scan.
"""


def main() -> int:
    """Write the pages."""
    for name, make in PAGES.items():
        (HERE / name).write_text(make(), encoding="utf-8")
    return 0


def beamline_file() -> str:
    """Make the page of the beamline's file."""
    from steering.core.parameter import Parameter
    from steering.description import description_entries as description
    from steering.flows import entries as flows
    from steering.flows.trigger_entry import TriggerEntry
    from steering.geometry.geometry import Geometry
    from steering.plans.faults import Faults
    from steering.scans.entry import AgentEntry, AnalysisEntry, ScanEntry
    from steering.scans.kinds import scan_kinds
    from steering.scans.parameter_entry import ParameterEntry

    common = tuple(ScanEntry.model_fields)
    kinds = (
        f"### `plan: {name}`\n\n{first_line(kind)}\n\n{keys_of(kind, without=common)}"
        for name, kind in sorted(scan_kinds().items())
    )
    parts = (
        ("## The file", keys_of(description.BeamlineDescription)),
        ("## Of `motors`, by name", keys_of(description.MotorEntry)),
        ("## Of `detector`, and of `detectors` by name", keys_of(description.DetectorEntry)),
        ("### `geometry`", keys_of(Geometry)),
        ("## Of `signals`, by name", keys_of(description.SignalEntry)),
        ("## Of `devices`, by name", keys_of(description.DeviceEntry)),
        ("## Of `suspenders`", keys_of(description.SuspenderEntry)),
        ("## Of `strip`", keys_of(description.GaugeEntry)),
        ("## Of `faults`", keys_of(description.FaultsEntry, Faults)),
        ("## Of `simulate`", keys_of(description.SimulationEntry)),
        ("### Its `motors`, by name", keys_of(description.SimulatedMotorEntry)),
        ("## Of each scan", keys_of(ScanEntry)),
        *((kind, "") for kind in kinds),
        (_PARAMETERS, ""),
        ("## Of `parameters`, by name", keys_of(ParameterEntry, Parameter)),
        ("## Of `analyses`", keys_of(AnalysisEntry)),
        ("## Of `agents`", keys_of(AgentEntry)),
        ("## Of `flows`, by name", f"What they do: [flows](flows.md).\n\n{keys_of(flows.FlowEntry)}"),
        ("### `trigger`", keys_of(TriggerEntry)),
        ("### `steps: transfer`", keys_of(flows.TransferEntry)),
        ("### `steps: compute`", keys_of(flows.ComputeEntry)),
        ("### `steps: catalogue`", keys_of(flows.CatalogueEntry)),
        ("### `steps: distribute`", keys_of(flows.DistributeEntry)),
        ("### `globus`", keys_of(flows.GlobusEntry)),
    )
    return _page(_BEAMLINE_HEAD, parts)


def facilities() -> str:
    """Make the page of facilities."""
    from steering.compute.site import Queue, Site
    from steering.facilities.endpoint import Endpoint

    shipped = {path.stem: _shipped(path) for path in sorted(FOLDER.glob("*.yaml")) if path.stem != "globus_compute"}
    values = table(
        ("key", *(f"`{name}`" for name in shipped)),
        ((f"`{key}`", *(_value(site.get(key)) for site in shipped.values())) for key in _SHIPPED),
    )
    queues = table(
        ("facility", "queue", "nodes", "walltime of a job", "jobs", "besides"),
        (
            (f"`{name}`", f"`{queue}`", *_limits(entry))
            for name, site in shipped.items()
            for queue, entry in site["queues"].items()
            if queue
        ),
    )
    kind = (
        "Any number of them, under names of yours, each with `kind: globus_compute`. How to use one: "
        "[use Globus](../how-to/use-globus.md#have-finished-runs-analysed-there)."
    )
    parts = (
        (keys_of(Site), ""),
        (
            "## Of `queues`, by name",
            f"0 nodes or jobs mean no limit. `NAME: false` takes out a queue that is shipped.\n\n{keys_of(Queue)}",
        ),
        ("## What is shipped", f"Empty: the default above.\n\n{values}"),
        ("### Queues", queues),
        ("## An endpoint of Globus Compute", f"{kind}\n\n{keys_of(Endpoint)}"),
    )
    return _page(_FACILITY_HEAD, parts)


def agents_and_analyses() -> str:
    """Make the page of the agents and analyses that this package has."""
    head = (
        "# Agents and analyses\n\n{made}\n\nWhat stands under `parameters` of an agent or analysis in "
        "[the beamline's file](beamline-file.md), and is given to `session.add_analysis(NAME, ...)`.\n"
    )
    parts = [("## Agents", "An agent is off until a person lets it suggest or act.")]
    parts += [(f"### `{name}`", f"{prose(made)}\n\n{arguments_of(made)}") for name, made in ours("agents")]
    parts += [("## Analyses", "The axes (`axis`, `axes`) are those of the scan, where the file does not say.")]
    for name, made in ours("analyses"):
        said = plain(sys.modules[made.__module__].__doc__ or "")
        said = f"What it computes, and how: [{name}]({name}.md)." if name in _TECHNIQUES else said
        parts.append((f"### `{name}`", f"{first_line(made)}\n\n{said}\n\n{arguments_of(made)}".strip()))
        # What it does is said above; how its result deals with what is missing is not.
        _, _, result = prose(made.result).partition("\n\n")
        if name not in _TECHNIQUES and result:
            parts.append((result, ""))
    return _page(head, parts)


def ours(group: str) -> Iterator[tuple[str, Any]]:
    """Load what this package itself has behind a door, sorted by name."""
    for one in sorted(entry_points(group=f"steering.{group}"), key=lambda one: one.name):
        if one.value.startswith("steering."):
            yield one.name, one.load()


def _page(head: str, parts: Iterable[tuple[str, str]]) -> str:
    return "\n".join([head.format(made=_MADE), *("\n\n".join(part for part in one if part) + "\n" for one in parts)])


def _shipped(path: Path) -> Mapping[str, Any]:
    (site,) = yaml.safe_load(path.read_text(encoding="utf-8"))["steering"]["sites"].values()
    return site


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        said = {key: ", ".join(one) if isinstance(one, list) else one for key, one in value.items()}
        return "; ".join(f"{key}: {one}" for key, one in said.items()) if any(said.values()) else NONE
    return "" if value is None else default_text(value)


def _limits(queue: Mapping[str, Any]) -> tuple[str, ...]:
    least, most = queue.get("walltime_least", 0) / 60, queue.get("walltime_most", "")
    besides = [f"at most {queue['nodes_per_job']} node a job"] if "nodes_per_job" in queue else []
    besides += [f"`{' '.join(queue['directives'])}`"] if "directives" in queue else []
    besides += [queue["note"]] if "note" in queue else []
    nodes = f"{queue.get('nodes_least', 1)} to {queue['nodes_most']}"
    return nodes, f"{least:g} min to {most}", str(queue.get("jobs_most", "no limit")), "; ".join(besides)


PAGES: dict[str, Callable[[], str]] = {
    "beamline-file.md": beamline_file,
    "facilities.md": facilities,
    "agents-and-analyses.md": agents_and_analyses,
    "command-line.md": lambda: command_line(_MADE),
}


if __name__ == "__main__":
    sys.exit(main())
