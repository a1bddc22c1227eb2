"""The input of a flow on Globus, filled from what is known of a run."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from steering.core.errors import SteeringError
from steering.flows.entries import ComputeEntry, FlowEntry, GlobusEntry
from steering.flows.facts import Facts
from steering.flows.globus_definition import judged_later
from steering.flows.templates import fill_all, fill_path, free_name, result_name

# Transfer's number for "there already if the checksum is the same".
_BY_CHECKSUM = 3
_LONGEST_LABEL = 128


def input_of(
    name: str,
    flow: FlowEntry,
    facts: Facts,
    files: Sequence[Mapping[str, Any]] = (),
    *,
    flow_run: str = "",
    workspace: Path | None = None,
    when: Mapping[str, bool] | None = None,
    entries: Sequence[Mapping[str, Any]] = (),
    computed: bool = False,
    choice: int = 0,
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Fill the input from what is known of a run.

    Args:
        name: Of the flow.
        flow: The flow; if it names an existing one of Globus, that one's template is filled.
        facts: What is known of the run.
        files: Of the run: ``path`` on this machine, and ``name`` under which it is kept.
        flow_run: What the flow run is called; made of the flow and the run if left out.
        workspace: Folder that the source collection shows, where the flow does not name it.
        when: Which steps are to be done, whatever the function judges; if left out those whose conditions hold now.
        entries: Of the catalogue, for where no function makes them.
        computed: Whether the results are there already, from another try.
        choice: Which ``compute_config`` is taken, from 0 on.
        more: What else the function is given.

    Raises:
        SteeringError: If a file does not lie in the folder that the source collection shows.
    """
    if flow.globus.flow:
        return fill_all(dict(flow.globus.input), facts.words)
    there, steps, run = flow.globus, flow.steps, facts.words.get("run.uid", "")
    called = flow_run or f"{name}-{run[:8]}"
    home, to = home_of(flow, facts, called)
    given: dict[str, Any] = {
        "run": run,
        "flow": name,
        "when": _judged(flow, facts) if when is None else dict(when),
    }
    items = [(collection_path(there, str(one["path"]), workspace), str(one["name"])) for one in files]
    if steps.transfer is not None:
        sent = [_item(path, f"{to}/{name}") for path, name in items]
        given["transfer"] = _between(there.source, there.destination, sent, called)
    # The flow's own folder lies among the run's files there, and none of these is in it.
    own = f"{_above(called, files)}{called}"
    if steps.compute is not None:
        asked = {
            step: entry.condition.text
            for step, entry in flow.named_steps.items()
            if entry.condition is not None and judged_later(step, flow.named_steps)
        }
        given["compute"] = {
            "endpoint_id": there.compute_endpoint,
            "function_id": there.compute_function,
            "user_endpoint_config": dict(there.compute_config[choice]) if choice < len(there.compute_config) else {},
            "kwargs": {
                "flow": called,
                "own": own,
                "folder": under(there.compute_folder, to),
                "compute": _on_its_node(steps.compute, there).model_dump(mode="json"),
                "when": asked,
                **(more or {}),
            },
        }
    if steps.catalogue is not None:
        given["catalogue"] = {"search_index": there.index, "entries": list(entries)}
    if steps.distribute is not None:
        out = under("/", fill_path(steps.distribute.to, facts.words))
        raw = [(f"{to}/{name}", name) for _, name in items] if steps.transfer is not None else items
        given_out = [_item(path, f"{out}/raw/{name}") for path, name in raw if "raw" in steps.distribute.what]
        if "results" in steps.distribute.what and (computed or given["when"].get("compute")):
            made = [result_name(run, label) for label in flow.labels]
            given_out += [_item(f"{to}/{own}/results/{one}", f"{out}/results/{one}") for one in made]
        given["distribute"] = _between(home, there.experiment, given_out, f"{called}: give out")
    return {"input": given}


def _above(called: str, files: Sequence[Mapping[str, Any]]) -> str:
    """Name a folder for the flow's own, with its slash; nothing where no file of the run is called as the flow run."""
    names = [str(one["name"]) for one in files]
    return "" if free_name(called, names) == called else f"{free_name('steering', names)}/"


def home_of(flow: FlowEntry, facts: Facts, flow_run: str) -> tuple[str, str]:
    """Return the collection that the steps after the transfer work in, and the folder of it."""
    if flow.steps.transfer is not None:
        return flow.globus.destination, under("/", fill_path(flow.steps.transfer.to, facts.words))
    return flow.globus.source, under(flow.globus.source_path, f"flows/{flow_run}/there")


def collection_path(there: GlobusEntry, path: str, workspace: Path | None) -> str:
    """Return the path of a file of this machine in the source collection.

    Raises:
        SteeringError: If it does not lie in the folder that the collection shows.
    """
    shown = Path(there.source_folder) if there.source_folder else workspace
    if shown is None:
        return path
    try:
        inside = Path(path).resolve().relative_to(shown.expanduser().resolve())
    except ValueError as error:
        raise SteeringError(
            f"{path} does not lie in {shown}, which the collection {there.source} shows. Say under 'globus:' of the "
            "flow which folder it shows (source_folder), and its path there (source_path). Then order the flow anew."
        ) from error
    return under(there.source_path, str(inside))


def under(folder: str, path: str) -> str:
    """Return a path below a folder, both with slashes; one that is absolute counts from that folder too."""
    return str(PurePosixPath(folder) / path.lstrip("/"))


def _on_its_node(step: ComputeEntry, there: GlobusEntry) -> ComputeEntry:
    """Return the step for a function that runs in a job which was chosen for it: it asks for no other."""
    return step.model_copy(update={"urgency": ""}) if there.facility else step


def _judged(flow: FlowEntry, facts: Facts) -> dict[str, bool]:
    """Judge what can be judged before the flow begins; what the function judges is not asked for here."""
    found: dict[str, bool] = {}
    for step, entry in flow.named_steps.items():
        condition = entry.condition
        if condition is None:
            found[step] = True
        elif judged_later(step, flow.named_steps):
            found[step] = False
        else:
            found[step] = all(one in facts.features for one in condition.names) and condition.holds(facts)
    return found


def _item(source: str, destination: str) -> dict[str, Any]:
    return {"source_path": source, "destination_path": destination}


def _between(source: str, destination: str, items: Sequence[Mapping[str, Any]], label: str) -> dict[str, Any]:
    return {
        "source_endpoint_id": source,
        "destination_endpoint_id": destination,
        "transfer_items": list(items),
        "label": label[:_LONGEST_LABEL],
        "verify_checksum": True,
        "sync_level": _BY_CHECKSUM,
    }
