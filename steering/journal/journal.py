"""Every document and ruling of a run, one JSON line each, written before anybody else hears of it.

The journal is what a crash leaves: the record is filled from it, and a run can be replayed from it.
"""

import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import RawIOBase
from pathlib import Path
from typing import Any, cast

import numpy as np
import orjson
from numpy.typing import NDArray

from steering.machine.lines import append
from steering.machine.secret_file import make_private

# A service that never opened a run has journals without one; the newest run is among so many.
_MOST_LOOKED_AT = 50
# How each line begins, and that of the start of a run.
_BEGIN = b'{"kind": '
_START = _BEGIN + b'"document", "name": "start",'
# What is nested deeper than this is left out.
_DEEPEST = 60


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
        """Append one line in one write, so that a reader sees whole lines only.

        Raises:
            OSError: If there is no room for all of it; then none of it is in the file.
        """
        append(self._file, encode(entry) + b"\n")

    def close(self) -> None:
        """Close the file; the journal stays."""
        self._file.close()


def encode(entry: Entry) -> bytes:
    """Encode an entry as one line of JSON; numpy values become numbers, NaN stays NaN.

    Whatever a device or a plan of somebody else puts into a document, there is a line of it: of what JSON does not know
    it has the text. One that could not be written would be in the way of all that follow.
    """
    content = {"kind": entry.kind, "name": entry.name, "content": entry.content}
    try:
        return json.dumps(content, default=_plain).encode()
    except (TypeError, ValueError, RecursionError):
        return json.dumps(_known(content), default=_plain).encode()


def read_journal(path: Path) -> Iterator[Entry]:
    """Read the entries that are complete; what a crash or a full disk cut off is left out."""
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n") and (entry := decode(line)) is not None:
                yield entry


def newest_number(directory: Path) -> int:
    """Return the largest ``scan_id`` of the newest journal with runs, from which a service counts on; 0 without one.

    A plan may open several runs, and each is in the journal of its scan.
    """
    for path in sorted(directory.glob("*.jsonl"), reverse=True)[:_MOST_LOOKED_AT]:
        numbers = [number for number in _numbers(path) if isinstance(number, int)]
        if numbers:
            return max(numbers)
    return 0


def _numbers(path: Path) -> Iterator[object]:
    with path.open("rb") as file:
        for line in file:
            # Of all lines a few are starts, and the others are not worth to be read.
            entry = decode(line) if line.startswith(_START) and line.endswith(b"\n") else None
            if entry is not None:
                yield entry.content.get("scan_id")


def decode(line: bytes) -> Entry | None:
    """Decode one line; of one that is glued to a part of another what is whole, and nothing if nothing is."""
    begin = 0
    while begin >= 0:
        try:
            content = json.loads(line[begin:])
            return Entry(content["kind"], content["name"], content["content"])
        except (ValueError, KeyError, TypeError):
            begin = line.find(_BEGIN, begin + 1)
    return None


def _plain(value: Any) -> Any:
    """Turn what JSON does not know (numpy scalars and arrays, tuples in specs) into what it does."""
    if isinstance(value, np.ndarray | np.generic) and cast("NDArray[Any]", value).dtype.kind in "mM":
        # orjson (3.11) breaks off in the middle where such an array has no time at a place.
        return cast("NDArray[Any]", value).astype(str).tolist()
    try:
        return orjson.loads(orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY))
    except (TypeError, ValueError):
        return _listed(value)


def _listed(value: Any) -> Any:
    """Turn what orjson does not know either into lists, numbers and text."""
    if isinstance(value, np.ndarray | np.generic):
        plain: Any = cast("NDArray[Any]", value).tolist()
        # Of a type that Python has no other for, numpy gives the value itself back.
        return _text(plain) if isinstance(plain, np.generic) else plain
    if isinstance(value, set | frozenset):
        return list(cast("set[Any]", value))
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(cast("bytes", value)).decode("utf-8", "replace")
    return _text(value)


def _text(value: Any) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001  (a stranger's class may raise anything)
        return type(value).__name__


def _known(value: Any, within: tuple[int, ...] = ()) -> Any:
    """Make every key of a mapping a text, and cut off what holds itself or is nested without end."""
    if id(value) in within or len(within) > _DEEPEST:
        return "..."
    inside = (*within, id(value))
    if isinstance(value, Mapping):
        return {_text(key): _known(one, inside) for key, one in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_known(one, inside) for one in cast("Iterable[Any]", value)]
    if isinstance(value, np.ndarray):
        array = cast("NDArray[Any]", value)
        return _known(array.tolist(), inside) if array.dtype.hasobject else array
    return value
