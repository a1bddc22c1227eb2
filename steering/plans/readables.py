"""What the plan itself writes into the run: where a point belongs, and the rulings."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from steering.core import burst
from steering.core.proposal import Ruling
from steering.paths.path import Point


class PlanValues:
    """A Bluesky Readable whose values the plan sets before it is read. Its fields are columns of the event."""

    parent = None

    def __init__(self, name: str, fields: dict[str, tuple[str, str]], each: Mapping[str, int] | None = None) -> None:
        """Describe the fields.

        Args:
            name: Name of the object.
            fields: For each column its JSON type (``"number"``, ``"integer"``, ``"string"``) and unit.
            each: Of columns that have one number for each frame of an event: how many.
        """
        self.name = name
        self._fields = fields
        self._each = each or {}
        self._values: dict[str, Any] = {}

    def put(self, values: dict[str, Any]) -> None:
        """Set what the next ``read`` gives."""
        self._values = values

    def describe(self) -> dict[str, Any]:
        """Describe the columns."""
        numpy_types = {"number": "<f8", "integer": "<i8"}
        described: dict[str, Any] = {}
        for field, (kind, units) in self._fields.items():
            key: dict[str, Any] = {"source": f"plan:{self.name}", "dtype": kind, "shape": []}
            if kind in numpy_types:
                key["dtype_numpy"] = numpy_types[kind]
            if field in self._each:
                key |= {"dtype": "array", "shape": [self._each[field]]}
            if units:
                key["units"] = units
            described[field] = key
        return described

    def read(self) -> dict[str, Any]:
        """Give the values that were put, with the time now."""
        now = time.time()
        found = {field: self._values[field] for field in self._fields}
        values = {field: value() if callable(value) else value for field, value in found.items()}
        return {field: {"value": value, "timestamp": now} for field, value in values.items()}

    def read_configuration(self) -> dict[str, Any]:
        """There is nothing to configure."""
        return {}

    def describe_configuration(self) -> dict[str, Any]:
        """There is nothing to configure."""
        return {}


def point_values(axes: Sequence[str], units: dict[str, str], *, watched: bool) -> PlanValues:
    """Make the readable that says which grid a point belongs to, how large its cell is, and whether it can be used.

    Args:
        axes: Of the scan.
        units: Theirs.
        watched: Whether suspenders may make a point one that cannot be used.
    """
    fields = {"grid": ("integer", "")} | {f"{axis}_step": ("number", units[axis]) for axis in axes}
    return PlanValues("point", fields | ({burst.USABLE: ("integer", "")} if watched else {}))


def burst_values(frames: int, swept: str, units: str, *, parted: bool = False) -> PlanValues:
    """Make the readable that says when the frames of an event were taken, and where an axis was that moved meanwhile.

    Args:
        frames: How many an event has.
        swept: The axis, or empty.
        units: Its unit.
        parted: Whether a burst has an event a part.
    """
    fields = {burst.START: ("number", "s"), burst.PERIOD: ("number", "s")}
    if parted:
        fields |= dict.fromkeys((burst.PART, burst.KEPT, burst.GAP), ("integer", ""))
    return PlanValues("burst", fields | ({swept: ("number", units)} if swept else {}), {swept: frames} if swept else {})


def put_point(readable: PlanValues, point: Point, usable: Callable[[], bool]) -> None:
    """Set the readable to a point; whether it can be used is asked when it is read."""
    steps = {f"{axis}_step": step for axis, step in point.steps.items()}
    readable.put({"grid": point.grid, burst.USABLE: lambda: int(usable())} | steps)


_TIMES = ("proposed_at", "decided_at", "applied_at")


def ruling_values() -> PlanValues:
    """Make the readable of stream ``steering``: one event a ruling, one column a field."""
    kinds: dict[str, tuple[str, str]] = {}
    for field in Ruling.__dataclass_fields__:
        if field in _TIMES:
            kinds[field] = ("number", "s")
        else:
            kinds[field] = ("integer", "") if field == "before_point" else ("string", "")
    return PlanValues("steering", kinds)


def put_ruling(readable: PlanValues, ruling: Ruling) -> None:
    """Set the readable to a ruling."""
    readable.put(asdict(ruling))
