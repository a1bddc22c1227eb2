"""A run as a list of runs shows it: what its documents say of it, and whether it is what somebody looks for."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, cast

from steering.archive.small_map import NO_MAP, SmallMap
from steering.core.binding import bindings_of
from steering.core.result import Feature

RunStatus: TypeAlias = Literal["success", "abort", "fail", "unfinished"]
_STATUSES: Sequence[RunStatus] = ("success", "abort", "fail")
# A text of a start document may be anything, and is shown in one line.
_LONGEST = 80


@dataclass(frozen=True)
class RunEntry:
    """What is known of a run without reading its frames.

    Attributes:
        uid: Run uid.
        scan: Name of the scan, or of the plan.
        number: Bluesky's ``scan_id``; 0 if it has none.
        sample: Name of the sample; empty if its start document names none.
        started: Unix time in seconds; NaN if it is not known.
        status: How it ended: ``"success"``, ``"abort"``, ``"fail"``; ``"unfinished"`` without an end.
        points: Events of its primary stream; -1 if they are not known.
        label: What its main analysis is called; empty if it names none.
        settings: What its scan was started with: ``step 0.005 deg, exposure 0.25 s``; empty if it does not say.
        features: Of the result that the record keeps of it.
        curve: Of that result, if it is a curve: pairs from 0 to 1 (along the axis, height), at most 40.
        picture: Of that result, if it is a map.
    """

    uid: str
    scan: str = ""
    number: int = 0
    sample: str = ""
    started: float = math.nan
    status: RunStatus = "unfinished"
    points: int = -1
    label: str = ""
    settings: str = ""
    features: Mapping[str, Feature] = field(default_factory=dict[str, Feature], hash=False)
    curve: tuple[tuple[float, float], ...] = ()
    picture: SmallMap = NO_MAP

    @property
    def name(self) -> str:
        """How it is called in a sentence: ``rocking 12, 3fa2b1c4``."""
        number = f" {self.number}" if self.number else ""
        return f"{self.scan or 'run'}{number}, {self.uid[:8]}"

    @property
    def date(self) -> str:
        """Local date and time of its start, ``2026-11-28 14:03:22``; empty if it is not known."""
        try:
            return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.started))
        except (ValueError, OverflowError, OSError):
            return ""

    def matches(self, text: str) -> bool:
        """Say whether each word of a text is in its scan, sample, status, date or number, or begins its uid."""
        # A list of runs calls it aborted or failed.
        ended = {"abort": "aborted", "fail": "failed"}.get(self.status, self.status)
        said = f"{self.scan} {self.sample} {ended} {self.date} #{self.number}".casefold()
        return all(word in said or self.uid.casefold().startswith(word) for word in text.casefold().split())


def entry_of(uid: str, documents: Mapping[str, Any]) -> RunEntry:
    """Read an entry from a run's start and stop document; what they do not say, or say oddly, stays unknown.

    Args:
        uid: Run uid.
        documents: ``start``, and ``stop`` if the run has ended.
    """
    start, stop = _mapping(documents.get("start")), _mapping(documents.get("stop"))
    bindings = bindings_of(start)
    events = _mapping(stop.get("num_events"))
    points = _number(events.get("primary", 0 if events else -1), -1.0)
    return RunEntry(
        uid,
        _text(start.get("plan_name")),
        int(_number(start.get("scan_id"), 0)),
        _sample(start),
        _number(start.get("time")),
        _status(stop),
        int(points),
        bindings[0].label if bindings else "",
        _settings(_mapping(start.get("parameters"))),
    )


def _status(stop: Mapping[str, Any]) -> RunStatus:
    for status in _STATUSES:
        if stop.get("exit_status") == status:
            return status
    return "fail" if stop else "unfinished"


def _sample(start: Mapping[str, Any]) -> str:
    """Name the sample, as Bluesky's users write it: a text, or a mapping with its name."""
    sample = start.get("sample")
    if isinstance(sample, Mapping):
        sample = cast("Mapping[str, Any]", sample).get("name")
    return _text(sample) or _text(start.get("sample_name"))


def _settings(parameters: Mapping[str, Any]) -> str:
    said: list[str] = []
    for name, told in parameters.items():
        value = _number(_mapping(told).get("value"))
        if math.isfinite(value):
            said.append(f"{_text(str(name))} {value:.6g} {_text(_mapping(told).get('units'))}".strip())
    return ", ".join(said)


def _text(value: Any) -> str:
    return " ".join(value.split())[:_LONGEST] if isinstance(value, str) else ""


def _number(value: Any, usual: float = math.nan) -> float:
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if known else usual


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
