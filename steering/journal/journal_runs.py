"""The runs of one journal: a plan of an instrument may open several, one after another or one inside another."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from steering.documents.open_runs import OpenRuns
from steering.journal.journal import Entry, decode

_START = b'"start"'


def run_of(entry: Entry, runs: OpenRuns) -> str:
    """Return the uid of the run that a line is of, empty if it is of none; a ruling is of the newest that is open.

    Args:
        entry: The next line of a journal.
        runs: What is open before it, and then what is open after it.
    """
    return runs.take(entry.name, entry.content) if entry.kind == "document" else runs.newest


def by_run(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """Sort the lines of a journal by the uid of their run, in the order in which the runs began.

    What was decided while no run was open is with the next one, or with the last one if none came.
    """
    runs, found = OpenRuns(), dict[str, list[Entry]]()
    between: list[Entry] = []
    for entry in entries:
        run = run_of(entry, runs)
        if entry.kind == "document" and entry.name == "start":
            found[run] = [*between, entry]
            between = []
        elif run in found:
            found[run].append(entry)
        elif entry.kind == "ruling":
            between.append(entry)
    if found:
        found[next(reversed(found))] += between
    return found


def uids_in(journal: Path) -> Iterator[str]:
    """Name the runs of a journal, in the order in which they began; it is read only as far as it is asked."""
    with journal.open("rb") as file:
        for line in file:
            # Most lines are events: only what looks like the begin of a run is decoded.
            entry = decode(line) if _START in line and line.endswith(b"\n") else None
            if entry is not None and entry.name == "start" and isinstance(entry.content.get("uid"), str):
                yield str(entry.content["uid"])
