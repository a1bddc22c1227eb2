"""What is noted beside a journal of what the record has of it."""

import json
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast


@dataclass(frozen=True)
class RecordedMark:
    """How much of a journal is in the record.

    Attributes:
        size: So many bytes of it; no run is open behind them.
        missing: Uids of runs in them that could not be written.
    """

    size: int = 0
    missing: frozenset[str] = frozenset()


def read_mark(journal: Path) -> RecordedMark:
    """Read what is noted of a journal; nothing is in the record if nothing is noted, or what is cannot be read."""
    with suppress(OSError, ValueError, TypeError):
        noted: Any = json.loads(_file(journal).read_text(encoding="utf-8"))
        if isinstance(noted, dict):
            words = cast("dict[str, Any]", noted)
            # The first versions noted the run only, when its journal was at its end.
            return RecordedMark(int(words.get("size", sys.maxsize)), frozenset(map(str, words.get("missing", ()))))
    return RecordedMark()


def write_mark(journal: Path, mark: RecordedMark) -> None:
    """Note what the record has of a journal.

    Raises:
        OSError: If it cannot be written.
    """
    _file(journal).write_text(json.dumps({"size": mark.size, "missing": sorted(mark.missing)}), encoding="utf-8")


def is_recorded(journal: Path) -> bool:
    """Say whether all of a journal is in the record, as far as the record could take it: no run in it is open.

    Raises:
        OSError: If the journal cannot be looked at.
    """
    return journal.stat().st_size <= read_mark(journal).size


def _file(journal: Path) -> Path:
    return journal.with_suffix(".recorded")
