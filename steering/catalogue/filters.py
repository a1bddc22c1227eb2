"""A condition as Globus Search judges it: roughly, so that nothing that fits is left out. The rest is judged here.

Search knows no units, so a range is asked for in each unit that the index has of a feature. It may keep numbers with 32
bits, so each range is a little wider than what was asked for.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steering.catalogue.searchable import marked
from steering.core.errors import SteeringError
from steering.flows import condition
from steering.flows.facts import NUMBERS
from steering.flows.units import ratio
from steering.globus.search import Condition, Filter

# What 32 bits may move a number by: relatively, and where it is next to nothing.
_RELATIVE, _LEAST = 1e-6, 1e-37
# Larger ones are not asked for: 32 bits do not hold them.
_MOST = 1e38


@dataclass(frozen=True)
class Combined:
    """Filters of which all (``and``) or one (``or``) must hold."""

    how: str
    parts: tuple[Filter, ...]

    def document(self) -> dict[str, Any]:
        """Write it as Search reads it."""
        return {"type": self.how, "filters": [one.document() for one in self.parts]}


@dataclass(frozen=True)
class Excluded:
    """A filter that must not hold."""

    part: Filter

    def document(self) -> dict[str, Any]:
        """Write it as Search reads it."""
        return {"type": "not", "filter": self.part.document()}


@dataclass(frozen=True)
class Place:
    """Where entries keep a number that a condition may ask for.

    Attributes:
        value: Field of the number.
        units: Field of its unit; empty where all have the same.
        fixed: That unit.
        label: Only of results of this label; of any if empty.
    """

    value: str
    units: str = ""
    fixed: str = ""
    label: str = ""


def field_of(*names: str) -> str:
    """Return the field of a name below the project's metadata. A dot in a name is no way down."""
    return ".".join(["project_metadata", *(one.replace("\\", "\\\\").replace(".", "\\.") for one in names)])


def places_of(name: str) -> Iterator[Place]:
    """Yield where a number may stand: a run's own, a feature, or, of ``label.feature``, the feature of that result."""
    if name in NUMBERS:
        yield Place(field_of(name), fixed=NUMBERS[name])
    yield _feature(name)
    for place, letter in enumerate(name):
        if letter == ".":
            yield _feature(name[place + 1 :], name[:place])


def rough_filter(part: condition.Part, units: Mapping[str, Sequence[str]], *, holds: bool = True) -> Filter | bool:
    """Make a filter that each entry passes of which a condition holds.

    Args:
        part: The condition.
        units: Those that the index has, by field of :attr:`Place.units`.
        holds: Make it for those of which the condition does not hold in place of that.

    Returns:
        The filter; true if every entry may fit, and false if none does.
    """
    if isinstance(part, condition.Comparison):
        return _compared(part, units, holds=holds)
    if part.how == "not":
        return rough_filter(part.parts[0], units, holds=not holds)
    every = (part.how == "and") == holds
    return _combined("and" if every else "or", [rough_filter(one, units, holds=holds) for one in part.parts])


def _feature(name: str, label: str = "") -> Place:
    return Place(field_of("features", name, "value"), field_of("features", name, "units"), label=label)


def _combined(how: str, parts: Sequence[Filter | bool]) -> Filter | bool:
    decisive = how == "or"
    left = [one for one in parts if not isinstance(one, bool)]
    if decisive in parts:
        return decisive
    if not left:
        return not decisive
    return left[0] if len(left) == 1 else Combined(how, tuple(left))


def _compared(asked: condition.Comparison, units: Mapping[str, Sequence[str]], *, holds: bool) -> Filter | bool:
    if isinstance(asked.value, str):
        same = Condition(field_of(asked.name), (marked(asked.value),))
        return same if (asked.compare == "==") == holds else Excluded(same)
    found: list[Filter | bool] = []
    for place in places_of(asked.name):
        for unit in units.get(place.units, ()) if place.units else (place.fixed,):
            try:
                factor = ratio(unit, asked.units)
            except SteeringError:
                # It measures something else, so that none of those fits.
                continue
            found.append(_within(place, unit, _limits(asked, factor) if holds else (None, None)))
    return _combined("or", found)


def _within(place: Place, unit: str, limits: tuple[float | None, float | None]) -> Filter | bool:
    low, high = limits
    wanted: list[Filter] = [Condition(place.units, (unit,))] if place.units else []
    wanted += [Condition(field_of("label"), (place.label,))] if place.label else []
    wanted += [] if low is None and high is None else [Condition(place.value, low=low, high=high)]
    return _combined("and", wanted)


def _limits(asked: condition.Comparison, factor: float) -> tuple[float | None, float | None]:
    """Return the smallest and the largest number that may fit, in a unit that is so large in the one asked for."""
    limit = float(asked.value) / factor
    near = max(abs(limit) * _RELATIVE, _LEAST)
    low = limit - near if asked.compare in (">", ">=", "==") else -math.inf
    high = limit + near if asked.compare in ("<", "<=", "==") else math.inf
    return low if abs(low) < _MOST else None, high if abs(high) < _MOST else None
