"""What Globus is given for a flow run: the input, with the steps that are still to be done."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from steering.core.errors import SteeringError
from steering.flow_globus.entries_file import read_entries
from steering.flow_globus.on_endpoint import written_entries
from steering.flow_globus.queue import choice_of
from steering.flow_steps.work import Work
from steering.flows.entries import FlowEntry, GlobusEntry
from steering.flows.globus_definition import MIXING, lacking, mixing
from steering.flows.globus_input import collection_path, home_of, input_of, under
from steering.flows.templates import fill_path

_FILES = "globus:files"


def check(flow: FlowEntry) -> None:
    """See that all is said that Globus needs.

    Raises:
        SteeringError: If something is not, with its keys; or if runs would write over each other.
    """
    for key in mixing(flow):
        raise SteeringError(f"{MIXING} Say so in {key}, and order the flow anew: remove its folder under 'flows'.")
    missing = lacking(flow)
    if missing:
        raise SteeringError(
            f"Globus cannot run this flow yet. Say in the beamline's file under 'globus:' of it: {', '.join(missing)}. "
            "Then order it anew: remove its folder under 'flows' in the workspace."
        )


def sent_files(work: Work) -> list[dict[str, Any]]:
    """List the run's files: ``path`` on this machine, ``name``, ``size``, ``sha256``.

    They are read once, and what was read is written down: large files take long, and are gone some day.

    Raises:
        SteeringError: If one cannot be found on this machine.
    """
    if _FILES not in work.effects:
        found: list[dict[str, Any]] = []
        for one in work.run.files():
            work.check()
            try:
                str(one.path).encode()
            except UnicodeEncodeError as error:
                message = f"Globus calls files by names in UTF-8, and {one.name!a:.100} is none. Rename it, and resume."
                raise SteeringError(message) from error
            found.append({"path": str(one.path), "name": one.name, "size": one.size, "sha256": one.sha256()})
        work.step = ""
        work.did(_FILES, files=found)
    return [dict(one) for one in work.effects[_FILES]["files"]]


def asked_of(
    work: Work, name: str, flow: FlowEntry, when: Mapping[str, bool], files: Sequence[Mapping[str, Any]], function: str
) -> dict[str, Any]:
    """Make the input of a try.

    Args:
        work: Whose.
        name: Of the flow.
        flow: The flow.
        when: Which steps are to be done, as far as that is known.
        files: From :func:`sent_files`.
        function: Id of the function.

    Raises:
        SteeringError: If a file is where the source collection does not show it.
    """
    there = flow.globus.model_copy(update={"compute_function": flow.globus.compute_function or function})
    flow = flow.model_copy(update={"globus": there})
    if there.flow:
        return input_of(name, flow, work.facts)
    moved = flow.steps.transfer is not None
    home, folder = home_of(flow, work.facts, work.journal.id)
    raw = [one["path"] for one in files[:-1]]
    was = os.path.commonpath([str(Path(one).parent) for one in raw]) if raw else ""
    catalogue = flow.steps.catalogue.model_dump(mode="json") if flow.steps.catalogue is not None else None
    made = None if "compute" in work.outcomes else written_entries(_as_sent(work, flow, files), catalogue)
    more: dict[str, Any] = {
        "run": work.run.uid,
        "name": name,
        "address": f"globus://{home}{folder}",
        "was": was,
        "files": [{key: one[key] for key in ("name", "sha256")} for one in files] if moved else [],
        "journal": str(work.run.journal),
        "journal_name": str(files[-1]["name"]),
        "catalogue": catalogue,
        "transfer": _transferred(work, flow, files) if moved else None,
        "features": work.journal.state.order.get("features") or {},
        **({} if moved else _where_it_is(work, there, was)),
    }
    return input_of(
        name, flow, work.facts, files, flow_run=work.journal.id, workspace=work.workspace.directory, when=when,
        entries=made if made is not None else read_entries(work.outcomes["compute"]),
        computed="compute" in work.outcomes, choice=choice_of(work), more=more,
    )  # fmt: skip


def _where_it_is(work: Work, there: GlobusEntry, was: str) -> dict[str, Any]:
    """Say where the endpoint finds what is not transferred."""
    places = {"files_in": was, "journal_in": str(work.run.journal)}
    return {
        key: under(there.compute_folder, collection_path(there, path, work.workspace.directory))
        for key, path in places.items()
        if path
    }


def _as_sent(work: Work, flow: FlowEntry, files: Sequence[Mapping[str, Any]]) -> Work:
    """Return what is known once the files are sent, for entries that no function makes."""
    outcomes = {**work.outcomes}
    if flow.steps.transfer is not None:
        outcomes.setdefault("transfer", _transferred(work, flow, files))
    return replace(work, outcomes=outcomes)


def _transferred(work: Work, flow: FlowEntry, files: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the outcome that the transfer has when it is done."""
    step = flow.steps.transfer
    folder = f"globus://{flow.globus.destination}/{fill_path(step.to, work.facts.words).lstrip('/')}" if step else ""
    return {"folder": folder, "files": _at(folder, files)}


def outcome_of(work: Work, flow: FlowEntry, step: str, files: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what a step that copies has done, once Globus says that it is done."""
    if step == "transfer":
        return _transferred(work, flow, files)
    given = flow.steps.distribute
    folder = f"globus://{flow.globus.experiment}/{fill_path(given.to, work.facts.words).lstrip('/')}" if given else ""
    what = given.what if given else ()
    raw = _at(folder, files, "raw/") if "raw" in what else []
    made = work.outcomes.get("compute", {}).get("files", ()) if "results" in what else ()
    return {"folder": folder, "files": [*raw, *_at(folder, made, "results/")]}


def _at(folder: str, files: Sequence[Mapping[str, Any]], below: str = "") -> list[dict[str, Any]]:
    """Say where files are below a folder."""
    names = [f"{below}{one['name']}" for one in files]
    return [
        {"name": name, "path": f"{folder}/{name}", "size": one["size"], "sha256": one["sha256"]}
        for name, one in zip(names, files, strict=True)
    ]
