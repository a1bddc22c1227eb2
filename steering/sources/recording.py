"""Reads recorded runs: our journals, and Bluesky documents as JSON."""

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias, cast

from steering.core.errors import SteeringError

Document: TypeAlias = tuple[str, Mapping[str, Any]]
_SUFFIXES = (".jsonl", ".json", ".jsonl.gz", ".json.gz")


def recordings(path: Path) -> list[Path]:
    """List the recordings in a folder, sorted by name (our journals' names sort by time), or the one that is named.

    Raises:
        SteeringError: If there is none.
    """
    if path.is_dir():
        found = sorted(one for one in path.iterdir() if one.name.endswith(_SUFFIXES))
    else:
        found = [path] if path.is_file() else []
    if not found:
        message = (
            f"There is no recording at {path}. Name a file, or a folder of files, ending in {', '.join(_SUFFIXES)}."
        )
        raise SteeringError(message)
    return found


def read_recording(path: Path) -> Iterator[Document | ValueError]:
    """Read the documents of a recording, pages taken apart; an error stands where one cannot be read.

    A file is a list of ``[name, document]`` in JSON, or one such pair, or one line of our journal, a line; either may
    be packed by gzip.
    """
    opened = gzip.open if path.name.endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8", errors="replace") as file:
        lines = path.name.removesuffix(".gz").endswith(".jsonl")
        entries: Iterator[Any] = _lines(file) if lines else iter(json.load(file))
        for entry in entries:
            if isinstance(entry, ValueError):
                yield entry
                continue
            yield from _documents(entry)


def _lines(file: Any) -> Iterator[Any]:
    for line in file:
        if not line.endswith("\n"):
            # Cut off by a crash: our journals are whole up to their last line.
            return
        try:
            yield json.loads(line)
        except json.JSONDecodeError as error:
            yield error


def _documents(entry: Any) -> Iterator[Document | ValueError]:
    import event_model

    try:
        if isinstance(entry, dict):
            journal = cast("Mapping[str, Any]", entry)
            if journal["kind"] != "document":
                return
            name, document = str(journal["name"]), journal["content"]
        else:
            name, document = entry
        match name:
            case "event_page":
                yield from (("event", event) for event in event_model.unpack_event_page(document))
            case "datum_page":
                # What a datum refers to is read by handlers of its facility: its frames are not ours to find.
                return
            case _:
                yield str(name), document
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        yield ValueError(f"{type(error).__name__}: {error}")
