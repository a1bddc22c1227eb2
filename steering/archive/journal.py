"""Every document and ruling of a run, one JSON line each, written before anybody else hears of it.

The journal is what a crash leaves: the record is filled from it, and a run can be replayed from it.
"""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import RawIOBase
from pathlib import Path
from typing import Any

import orjson

from steering.core.secret_file import make_private


@dataclass(frozen=True)
class Entry:
    """One line: ``kind`` is ``"document"`` or ``"ruling"``; ``name`` is a document's name."""

    kind: str
    name: str
    content: dict[str, Any]


class Journal:
    """Appends to the journal of one run. Used from one thread at a time."""

    def __init__(self, directory: Path, scan: str) -> None:
        """Begin the journal of a scan: ``directory/TIME-SCAN-RANDOM.jsonl``, so that names sort by time."""
        make_private(directory)
        began = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        self.path = directory / f"{began}-{scan}-{secrets.token_hex(4)}.jsonl"
        self._file: RawIOBase = self.path.open("xb", buffering=0)

    def write(self, entry: Entry) -> None:
        """Append one line in one write, so that a reader sees whole lines only."""
        self._file.write(encode(entry) + b"\n")

    def close(self) -> None:
        """Close the file; the journal stays."""
        self._file.close()


def encode(entry: Entry) -> bytes:
    """Encode an entry as one line of JSON; numpy values become numbers, NaN stays NaN."""
    content = {"kind": entry.kind, "name": entry.name, "content": entry.content}
    return json.dumps(content, default=_plain).encode()


def read_journal(path: Path) -> Iterator[Entry]:
    """Read the entries that are complete; a last line cut off by a crash is left out."""
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield decode(line)


def decode(line: bytes) -> Entry:
    """Decode one line."""
    content = json.loads(line)
    return Entry(content["kind"], content["name"], content["content"])


def _plain(value: Any) -> Any:
    """Turn what JSON does not know (numpy scalars and arrays, tuples in specs) into what it does."""
    return orjson.loads(orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY))
