"""Entries of many runs as flows publish them, and the contents of an index that hold only what conditions ask for."""

from steering.catalogue.entry import Entry
from steering.core.result import Feature
from steering.flows.feature_json import features_json


def entry(number, features, label="", began=None, **said):
    """An entry of a result (with a label) or of a run; features by name as value and unit."""
    run = f"{number:08d}-1"
    kind, subject = ("result", f"result:{run}:{label}") if label else ("run", f"run:{run}")
    made = {name: Feature(value, 0.0, units) for name, (value, units) in features.items()}
    metadata = {
        "scan": "rocking", "sample": "gel", "status": "success", "began": 1.7e9 + number if began is None else began,
        "kind": kind, "label": label, "flow": f"keep-{number:08d}", "record": run, "features": features_json(made),
        **said,
    }  # fmt: skip
    content = {"dc": {"titles": [{"title": "A run"}]}, "files": [], "project_metadata": metadata}
    return Entry(subject, kind, run, str(metadata["flow"]), content, ("public",), made)


def published(entries):
    """Write entries as Globus Search takes them."""
    listed = [
        {"subject": one.subject, "id": None, "visible_to": list(one.visible_to), "content": one.content}
        for one in entries
    ]
    return {"ingest_type": "GMetaList", "ingest_data": {"gmeta": listed}}
