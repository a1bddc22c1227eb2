"""What is alike is tried at some places each time, and at all of them when asked: ``./steer test --thorough``."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest


def rare(*values: Any) -> Any:
    """A set of parameters that is tried only when asked: another of its kind is tried each time."""
    return pytest.param(*values, marks=pytest.mark.thorough)


def some(values: Iterable[Any], daily: Callable[[Any], bool]) -> list[Any]:
    """Parameters of a test, of which those that are not ``daily`` are tried only when asked."""
    return [one if daily(one) else rare(one) for one in values]
