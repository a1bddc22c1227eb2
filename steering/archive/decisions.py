"""What was decided on a run, and its parameters, as an export writes them."""

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any, cast

import xarray as xr

from steering.core.errors import SteeringError
from steering.core.proposal import Ruling

if TYPE_CHECKING:
    from steering.archive.record import RunRecord

STREAM = "steering"
_HEADINGS = (
    "decided", "who", "what", "subject", "before", "after", "verdict", "why", "based on", "outcome", "applied",
    "before point", "action",
)  # fmt: skip
# A spreadsheet takes a cell that begins so for a formula, and a reason is what anybody wrote.
_FORMULA = ("=", "@", "\t", "\r")


@dataclass(frozen=True)
class Decisions:
    """What steered a run.

    Attributes:
        rulings: Oldest first, refusals included.
        parameters: Of the scan at its start, by name.
        missing: Why the rulings are not known, as a sentence; empty if they are.
    """

    rulings: tuple[Ruling, ...] = ()
    parameters: Mapping[str, Any] | None = None
    missing: str = ""

    def with_newer(self, rulings: Sequence[Ruling]) -> "Decisions":
        """Add those that the record has not got yet, as of a run that goes on; both have the oldest first."""
        known = {one.id for one in self.rulings}
        newer = tuple(one for one in rulings if one.id not in known)
        return replace(self, rulings=self.rulings + newer, missing="") if newer else self


def decisions_of(record: "RunRecord") -> Decisions:
    """Read them from the record; of a run that goes on, as far as they are there."""
    start = record.start.get("parameters")
    parameters = cast("Mapping[str, Any]", start) if isinstance(start, Mapping) else None
    if STREAM not in record.streams:
        return Decisions((), parameters)
    try:
        return Decisions(rulings_of(record[STREAM]), parameters)
    except SteeringError as error:
        return Decisions((), parameters, str(error))


def rulings_of(events: xr.Dataset) -> tuple[Ruling, ...]:
    """Make rulings of the events of stream ``steering``; a column that is not there stays empty.

    Args:
        events: Along ``event``, one variable a field of ``Ruling``.
    """
    count = events.sizes.get("event", 0)
    columns: dict[str, Sequence[Any]] = {
        one.name: events[one.name].values.tolist() if one.name in events else [None] * count for one in fields(Ruling)
    }
    return tuple(_ruling({name: values[row] for name, values in columns.items()}) for row in range(count))


def moment(seconds: float) -> str:
    """Write a Unix time in seconds as ISO 8601 with its zone; empty for 0 and for what is no time."""
    try:
        return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="milliseconds") if seconds else ""
    except (ValueError, OverflowError, OSError):
        return ""


def change_of(ruling: Ruling) -> str:
    """Write what was asked for: ``set exposure: 0.25 s -> 1 s``."""
    change = f"{ruling.old} -> {ruling.new}" if ruling.old and ruling.new else ruling.new or ruling.old
    what = f"{ruling.kind} {ruling.subject}".strip()
    return f"{what}: {change}" if change else what


def header_of(decisions: Decisions, name: str) -> Iterator[str]:
    """Write the lines of an export that say what was decided; ``name`` is of the file that says it in full."""
    if decisions.parameters is not None:
        yield f"scan parameters at the start: {json.dumps(dict(decisions.parameters), default=str)}"
    if decisions.missing:
        yield f"decisions: not known. {decisions.missing}"
    elif decisions.rulings:
        yield f"decisions: {len(decisions.rulings)}, in {name}"
    else:
        yield "decisions: none"


def write_decisions(file: IO[str], run: str, decisions: Decisions) -> None:
    """Write a table of decisions as CSV, the oldest first."""
    file.write(f"# run: {' '.join(run.split())}\n# times are local, with their zone\n")
    table = csv.writer(file, lineterminator="\n")
    table.writerow(_HEADINGS)
    for one in decisions.rulings:
        cells = (
            moment(one.decided_at), one.who, one.kind, one.subject, one.old, one.new, one.verdict, one.reason,
            one.basis, one.outcome, moment(one.applied_at), one.before_point or "", one.action,
        )  # fmt: skip
        table.writerow([f"'{cell}" if str(cell).startswith(_FORMULA) else cell for cell in cells])


def _ruling(values: Mapping[str, Any]) -> Ruling:
    known: dict[str, Any] = {name: "" if value is None else str(value) for name, value in values.items()}
    known["verdict"] = "accepted" if known["verdict"] == "accepted" else "refused"
    known["before_point"] = int(_number(values["before_point"]))
    for name in ("proposed_at", "decided_at", "applied_at"):
        known[name] = _number(values[name])
    return Ruling(**known)


def _number(value: Any) -> float:
    try:
        found = float(value)
    except (TypeError, ValueError):
        return 0.0
    return found if math.isfinite(found) else 0.0
