"""Compares numbers with units: ``1 s`` and ``900 ms``, ``2 um^2/s`` and ``2e-12 m^2/s``.

A unit is a product of powers, as analyses and YAML write it. One that is not known here is a dimension of its own: it
can be compared with itself only, and nothing is ever converted by a guess.
"""

import math
import re
from collections import Counter
from functools import lru_cache

from steering.core.errors import SteeringError

_PREFIXES = {
    "f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "m": 1e-3, "c": 1e-2, "k": 1e3, "M": 1e6,
    "G": 1e9,
}  # fmt: skip
# What a prefix may stand before: the dimension, and how large the unit is in the dimension's own.
_PREFIXED: dict[str, tuple[dict[str, int], float]] = {
    "s": ({"s": 1}, 1.0), "m": ({"m": 1}, 1.0), "g": ({"g": 1}, 1.0), "K": ({"K": 1}, 1.0), "eV": ({"eV": 1}, 1.0),
    "rad": ({"rad": 1}, 1.0), "Hz": ({"s": -1}, 1.0), "N": ({"N": 1}, 1.0), "Pa": ({"Pa": 1}, 1.0),
    "V": ({"V": 1}, 1.0), "deg": ({"rad": 1}, math.pi / 180),
}  # fmt: skip
_PLAIN: dict[str, tuple[dict[str, int], float]] = {
    "1": ({}, 1.0), "%": ({}, 0.01), "min": ({"s": 1}, 60.0), "h": ({"s": 1}, 3600.0), "d": ({"s": 1}, 86400.0),
    "angstrom": ({"m": 1}, 1e-10), "Å": ({"m": 1}, 1e-10),
    "cts": ({"counts": 1}, 1.0), "count": ({"counts": 1}, 1.0), "frame": ({"frames": 1}, 1.0),
}  # fmt: skip
# The size of a unit in that of its dimensions.
_SMALLEST = 1e-100
_FACTOR = re.compile(r"\s*([*/]?)\s*([^\s*/^]+?)(?:(?:\^|\*\*)(-?\d{1,2}))?(?=[\s*/]|$)")


def ratio(units: str, wanted: str) -> float:
    """Say by what a value in one unit is multiplied to be one in another.

    Raises:
        SteeringError: If they do not measure the same thing.
    """
    (dimension, size), (other, wanted_size) = _read(units), _read(wanted)
    if dimension != other:
        message = f"{_named(units)} cannot be compared with {_named(wanted)}: they do not measure the same thing."
        raise SteeringError(message)
    return size / wanted_size


@lru_cache(maxsize=256)
def _read(units: str) -> tuple[frozenset[tuple[str, int]], float]:
    """Return dimensions with their powers, and how large the unit is."""
    dimensions, size, place = Counter[str](), 1.0, 0
    text = units.strip()
    while place < len(text):
        found = _FACTOR.match(text, place)
        if found is None:
            # Written in a way of its own: a dimension of its own.
            return frozenset({(text, 1)}), 1.0
        sign, name, power = found.groups()
        times = (-1 if sign == "/" else 1) * int(power or 1)
        known, factor = _unit(name)
        for dimension, each in known.items():
            dimensions[dimension] += each * times
        try:
            size *= factor**times
        except (OverflowError, ZeroDivisionError):
            size = 0.0
        place = found.end()
    if not _SMALLEST < size < 1.0 / _SMALLEST:
        # Quotients of such units have no room in a number: it is a dimension of its own too.
        return frozenset({(text, 1)}), 1.0
    return frozenset((name, power) for name, power in dimensions.items() if power), size


def _unit(name: str) -> tuple[dict[str, int], float]:
    if name in _PLAIN:
        return _PLAIN[name]
    if name in _PREFIXED:
        return _PREFIXED[name]
    if name[:1] in _PREFIXES and name[1:] in _PREFIXED:
        dimension, size = _PREFIXED[name[1:]]
        return dimension, _PREFIXES[name[0]] * size
    return {name: 1}, 1.0


def _named(units: str) -> str:
    return f"the unit {units!r:.40}" if units not in ("", "1") else "a number without a unit"
