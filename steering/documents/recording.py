"""Reads recorded runs: our journals, and Bluesky documents as JSON."""

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
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
    """Read the documents of a recording, pages of events taken apart; an error stands where one cannot be read.

    A file holds lines of JSON, or one JSON list, and may be packed by gzip. A document is a line of our journal, or is
    written as Bluesky's exporters do: ``[name, document]``, ``{"name": ..., "doc": ...}``, ``{name: document}``.
    """
    opened = gzip.open if path.name.endswith(".gz") else open
    # Some editors write a byte-order mark.
    with opened(path, "rt", encoding="utf-8-sig", errors="replace") as file:
        lines = path.name.removesuffix(".gz").endswith(".jsonl")
        entries = _lines(file) if lines else _whole(file.read())
        for entry in entries:
            if isinstance(entry, ValueError):
                yield entry
                continue
            yield from _documents(entry)


def _whole(text: str) -> Iterator[Any]:
    """Read one JSON list; or lines, whatever the file is called."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        yield from _lines(text.splitlines(keepends=True))
        return
    # A file of one line is one document; a list of them begins with a list, or with an object.
    entries = cast("list[Any]", found if isinstance(found, list) else [found])
    yield from [entries] if entries and isinstance(entries[0], str) else entries


def _lines(lines: Iterable[str]) -> Iterator[Any]:
    for line in lines:
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except json.JSONDecodeError as error:
            if not line.endswith("\n"):
                # Cut off by a crash: our journals are whole up to their last line.
                return
            yield error


def _documents(entry: Any) -> Iterator[Document | ValueError]:
    try:
        name, document = _named(entry)
        if name == "event_page":
            # To load it takes up to a second, and most recordings have no page.
            from event_model import unpack_event_page

            # Apart, so that each event has its own time.
            yield from (("event", event) for event in unpack_event_page(document))
        elif name:
            yield name, document
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        yield ValueError(f"it lacks {error}" if isinstance(error, KeyError) else str(error))


def _named(entry: Any) -> Document:
    """Return a document's name and the document; an empty name for what is none."""
    if not isinstance(entry, dict):
        name, document = entry
        return str(name), document
    said = cast("Mapping[str, Any]", entry)
    if "kind" in said:
        return (str(said["name"]), said["content"]) if said["kind"] == "document" else ("", {})
    if "name" in said:
        kept = [said[key] for key in ("doc", "document", "content") if key in said]
        return str(said["name"]), kept[0] if kept else said["doc"]
    if len(said) == 1:
        [(name, document)] = said.items()
        return str(name), document
    message = f"it has the keys {', '.join(map(str, said))!s:.100}, and no name"
    raise ValueError(message)
