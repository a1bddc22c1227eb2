"""Paths of the beamline as this machine sees them.

``steering.paths`` in Dask's configuration is a list of pairs ``[prefix there, prefix here]``; the environment variable
``STEERING_PATHS`` says the same as ``THERE=HERE``, several separated by ``:``. The configuration goes first.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import cast

from steering.core.errors import SteeringError

VARIABLE = "STEERING_PATHS"


def local_path(path: str) -> Path | None:
    """Find a file on this machine: under each prefix that fits, then as it is called; nothing if it is nowhere."""
    for candidate in _candidates(path):
        if candidate.exists():
            return candidate
    return None


def _candidates(path: str) -> Iterator[Path]:
    there = PurePosixPath(path)
    for prefix, here in _pairs():
        if there.is_relative_to(prefix):
            yield Path(here) / there.relative_to(prefix)
    yield Path(path)


def _pairs() -> list[tuple[str, str]]:
    import dask

    configured = cast("Sequence[Sequence[str]]", dask.config.get("steering.paths", None) or [])
    words = [tuple(word.split("=", 1)) for word in os.environ.get(VARIABLE, "").split(":") if word]
    found: list[tuple[str, str]] = []
    for pair in [*configured, *words]:
        if isinstance(pair, str) or len(pair) != 2 or not all(pair):
            message = (
                f"{pair!r} is no pair of path prefixes. In Dask's configuration write steering.paths as a list of "
                f"[there, here], in {VARIABLE} write THERE=HERE."
            )
            raise SteeringError(message)
        found.append((str(pair[0]), str(pair[1])))
    return found
