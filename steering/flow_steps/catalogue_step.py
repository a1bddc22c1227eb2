"""The step that writes the entries of a run and of its results."""

import mimetypes
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from steering.catalogue.catalogue import Catalogue
from steering.catalogue.entry import Entry, data_cite, decisions_summary
from steering.core.result import Feature
from steering.flow_steps.hold import point
from steering.flow_steps.result_file import results_of
from steering.flow_steps.work import Work
from steering.flows.entries import CatalogueEntry
from steering.flows.feature_json import features_json
from steering.flows.templates import fill, fill_all


def catalogue(work: Work, step: CatalogueEntry) -> dict[str, Any]:
    """Write an entry for the run and one for each result; return their subjects.

    Raises:
        SteeringError: If the catalogue cannot be written.
    """
    subjects = [f"run:{work.run.uid}", *(f"result:{work.run.uid}:{label}" for label in _computed(work))]
    work.intend("catalogue", subjects=subjects)
    entries = entries_of(work, step, Catalogue(work.workspace).find_entry(f"run:{work.run.uid}"))
    Catalogue(work.workspace).write(*entries)
    point("catalogue.written")
    return {"subjects": [one.subject for one in entries]}


def _computed(work: Work) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", work.outcomes.get("compute", {}).get("features") or {})


def entries_of(work: Work, step: CatalogueEntry, before: Entry | None = None) -> list[Entry]:
    """Make the entry of the run and those of its results.

    Args:
        work: Whose.
        step: What they say beside what is known.
        before: The run's entry as it is now.
    """
    run, words = work.run, work.facts.words
    results = results_of(work.outcomes.get("compute", {}))
    title, raw = fill(step.title, words), _raw(work, before)
    common = {
        **fill_all(dict(step.project), words),
        "scan": run.entry.scan, "sample": run.entry.sample, "number": run.entry.number, "status": run.entry.status,
        "day": words.get("run.day", ""), "began": run.entry.started, "operator": str(run.start.get("operator") or ""),
        "experiment": words.get("run.experiment", ""), "beamline": words.get("beamline.name", ""),
        "points": run.entry.points, "parameters": dict(run.decisions.parameters or {}),
        "decisions": decisions_summary(run.decisions), "record": run.uid, "journal": str(run.journal),
        "kind": "run", "label": "", "flow": work.journal.id,
    }  # fmt: skip
    if "frames" in work.facts.features:
        common["frames"] = float(work.facts.features["frames"].value)
    if "duration" in work.facts.features:
        common["duration"] = work.facts.features["duration"].value
    every: dict[str, Feature] = {}
    made: list[Entry] = []
    parts = {str(one["name"]): one for one in work.outcomes.get("compute", {}).get("files", ())}
    for (label, result), (_, part) in zip(results.items(), parts.items(), strict=True):
        source, features = result.provenance, dict(result.outcome.features)
        every |= {**features, **{f"{label}.{name}": one for name, one in features.items()}}
        more = {
            "kind": "result", "label": label, "parent": f"run:{run.uid}",
            "analysis": source.analysis, "analysis_parameters": dict(source.parameters),
            "features": features_json(features), "frames": float(source.frames),
            "tools": [
                {"name": f"steering {source.analysis}", "tool_version": source.code_version, "device": source.facility}
            ],
        }  # fmt: skip
        subject = f"result:{run.uid}:{label}"
        dc = data_cite(f"{title}: {label}", step.creators, step.publisher, step.subjects, run.entry, subject)
        content = {"dc": dc, "files": _files([part]), "project_metadata": {**common, **more}}
        made.append(Entry(subject, "result", run.uid, work.journal.id, content, step.visible_to, features))
    # What another flow has found of this run is kept.
    every = {**(before.features if before is not None else {}), **every}
    dc = data_cite(title, step.creators, step.publisher, step.subjects, run.entry, f"run:{run.uid}")
    content = {"dc": dc, "files": raw, "project_metadata": {**common, "features": features_json(every)}}
    entry = Entry(f"run:{run.uid}", "run", run.uid, work.journal.id, content, step.visible_to, every)
    return [entry, *made]


def _raw(work: Work, before: Entry | None) -> Sequence[Mapping[str, Any]]:
    """List the run's files: the verified copies, or where this flow copied nothing what is known of them already."""
    moved = work.outcomes.get("transfer")
    if moved is not None:
        return _files(cast("Sequence[Mapping[str, Any]]", moved["files"]))
    if before is not None:
        return before.files
    return _files(
        [
            {"name": one.name, "path": str(one.path), "size": one.size, "sha256": one.sha256()}
            for one in work.run.files()
        ]
    )


def _files(files: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "filename": one["name"], "url": _url(str(one["path"])), "length": one["size"],
            "mime_type": _kind(str(one["name"])), "sha256": one["sha256"],
        }
        for one in files
    ]  # fmt: skip


def _url(path: str) -> str:
    """Return where a file is: on this machine, or in a collection, which has an address already."""
    return path if "://" in path else Path(path).absolute().as_uri()


def _kind(name: str) -> str:
    if name.endswith((".h5", ".nxs", ".hdf5", ".cxi")):
        return "application/x-hdf5"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
