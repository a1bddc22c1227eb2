"""What the compute step does on a Globus Compute endpoint: the local step, in the folder that the files were sent to.

The endpoint needs steering, and no client of Globus.
"""

import base64
import json
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from steering.catalogue.entry import Entry as CatalogueEntry
from steering.catalogue.searchable import searchable
from steering.core.errors import SteeringError, said
from steering.core.workspace import default_workspace
from steering.flow_steps.catalogue_step import entries_of
from steering.flow_steps.compute_step import compute
from steering.flow_steps.copying import sha256_of
from steering.flow_steps.flow_journal import FlowJournal
from steering.flow_steps.recorded_run import JOURNAL_NAME, RecordedRun, read_run
from steering.flow_steps.warm import WarmFacilities
from steering.flow_steps.work import Work
from steering.flows import entries
from steering.flows.condition import LONGEST, read_condition
from steering.flows.facts import Facts
from steering.flows.feature_json import features_json, read_features
from steering.journal.journal import Entry, encode, read_journal

# Results travel in the answer up to so many characters together; Globus Compute takes 10 MB of all.
_MOST_CHARACTERS = 8_000_000
# A journal that travels has at most so many bytes.
MOST_JOURNAL = 1_000_000_000
# What a person wrote, under the condition that a step has by itself.
_LONGEST = 2 * LONGEST


def compute_there(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Analyse a run that was sent here.

    Asked again, as after a node was lost, it goes on with what is not done: its journal is in the folder.

    Args:
        asked: ``flow`` (the flow run), ``own`` (its folder below ``folder``), ``name`` of the flow, ``folder`` and
            ``address`` where the files are, as the endpoint and as Globus sees it, ``was`` (the folder that they lay
            in), ``files`` (``name``, ``sha256``), or where nothing was sent ``files_in`` and ``journal_in`` (or
            ``journal_text``, the run's journal itself), ``compute`` and ``catalogue`` (the steps), ``journal`` (where
            the run's journal lay), ``journal_name`` of the one that was sent, ``features`` that were known, ``when``
            (conditions by step), ``transfer`` (what that step did).

    Returns:
        ``outcome`` of the step, ``results`` as JSON texts by label, ``entries`` of the catalogue, ``when`` (what the
        conditions allow).

    Raises:
        SteeringError: If a file is not what was sent, or the step fails.
    """
    folder = Path(str(asked["folder"])) if asked["folder"] else default_workspace().directory / "runs"
    _verify(folder, asked["files"])
    # Orders of earlier versions do not say where.
    own = str(asked.get("own") or asked["flow"])
    journal = FlowJournal(folder / own)
    journal.order({"flow": asked["name"], "run": asked["run"], "steps": ["compute"], "by": "Globus"})
    step = entries.ComputeEntry.model_validate(asked["compute"])
    workspace = default_workspace()
    with journal, WarmFacilities(workspace) as facilities:
        run = _localised(asked, folder, journal.folder)
        facts = _known(run.facts(str(asked["name"])), asked["features"])
        work = Work(workspace, journal, run, facts, facilities, "compute", dict(journal.state.effects))
        outcome = compute(work, step)
    address = f"{asked['address']}/{own}/results"
    results = {label: Path(path).read_text(encoding="utf-8") for label, path in outcome["results"].items()}
    outcome["files"] = [{**one, "path": f"{address}/{one['name']}"} for one in outcome["files"]]
    for label, features in outcome["features"].items():
        work.facts = work.facts.with_features(label, read_features(features))
    work.outcomes = {"compute": outcome, **({"transfer": asked["transfer"]} if asked["transfer"] else {})}
    # The entry leads to the journal at the beamline, and not to the copy with the paths of the endpoint.
    work.run = replace(run, journal=Path(str(asked["journal"])))
    return _plain(
        {
            "outcome": outcome,
            "results": _within_limit(results),
            "entries": written_entries(work, asked["catalogue"]),
            "when": {one: read_condition(text, _LONGEST).holds(work.facts) for one, text in asked["when"].items()},
        }
    )


def packed(content: bytes) -> str:
    """Write bytes as a text that is short enough to travel, as that of a journal is."""
    return base64.b64encode(zlib.compress(content)).decode()


def read_packed(text: str) -> bytes:
    """Read bytes that were written by :func:`packed`.

    Raises:
        SteeringError: If they were not, or are more than a journal has.
    """
    try:
        unpacking = zlib.decompressobj()
        content = unpacking.decompress(base64.b64decode(text, validate=True), MOST_JOURNAL)
    except (ValueError, zlib.error) as error:
        raise SteeringError(f"The run's journal came spoiled ({said(error):.80}). Resume the flow.") from error
    if not unpacking.eof:
        raise SteeringError(f"The run's journal has more than {MOST_JOURNAL / 1e6:.0f} MB, or came cut off.")
    return content


def written_entries(work: Work, step: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Write the entries of a run and its results as Globus Search takes them; none without a catalogue step."""
    if not step:
        return []
    return [_entry(one) for one in entries_of(work, entries.CatalogueEntry.model_validate(step))]


def _entry(one: CatalogueEntry) -> dict[str, Any]:
    features = features_json(one.features)
    return {
        "subject": one.subject, "visible_to": list(one.visible_to), "content": searchable(one.content),
        "kind": one.kind, "features": features,
    }  # fmt: skip


def _verify(folder: Path, files: Sequence[Mapping[str, str]]) -> None:
    for one in files:
        path = folder / one["name"]
        found = sha256_of(path) if path.is_file() else "nothing"
        if found != one["sha256"]:
            raise SteeringError(
                f"{path} is not what was sent (SHA-256 {found[:12]} in place of {one['sha256'][:12]}). Look at "
                "compute_folder under 'globus:' of the flow, or remove the file, and resume."
            )


def _localised(asked: Mapping[str, Any], folder: Path, mine: Path) -> RecordedRun:
    """Read the run with the paths that its files have here."""
    path = mine / "run.jsonl"
    made = path.with_name(f".run-{os.getpid()}.part")
    was, here = str(asked["was"]), str(asked.get("files_in") or folder)
    journal = Path(str(asked.get("journal_in") or folder / str(asked.get("journal_name") or JOURNAL_NAME)))
    if asked.get("journal_text"):
        journal = mine / "sent.jsonl"
        journal.write_bytes(read_packed(str(asked["journal_text"])))
    with made.open("wb") as file:
        for entry in read_journal(journal):
            file.write(encode(_moved(entry, was, here)) + b"\n")
    made.replace(path)
    return read_run(path, str(asked["run"]))


def _moved(entry: Entry, was: str, here: str) -> Entry:
    if not was or entry.name not in ("resource", "stream_resource"):
        return entry
    content = dict(entry.content)
    for key in ("uri", "resource_path", "root"):
        if isinstance(content.get(key), str):
            content[key] = str(content[key]).replace(was, here, 1)
    return Entry(entry.kind, entry.name, content)


def _known(facts: Facts, features: Mapping[str, Any]) -> Facts:
    for label, one in features.items():
        facts = facts.with_features(label, read_features(one))
    return facts


def _within_limit(results: Mapping[str, str]) -> dict[str, str]:
    """Leave out the largest arrays until what is left may travel; the files at the destination have all."""
    contents: dict[str, dict[str, Any]] = {label: json.loads(text) for label, text in results.items()}
    arrays = [one for content in contents.values() for one in content["variables"].values() if one["values"]]
    arrays.sort(key=lambda one: len(one["values"]))
    left = sum(map(len, results.values())) - _MOST_CHARACTERS
    while left > 0 and arrays:
        largest = arrays.pop()
        left -= len(largest["values"])
        largest["values"] = None
    return {label: json.dumps(content) for label, content in contents.items()}


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """Return a value as JSON has it, which knows no NaN."""
    return cast("dict[str, Any]", json.loads(json.dumps(value), parse_constant=lambda _: None))
