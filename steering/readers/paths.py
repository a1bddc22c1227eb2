"""Paths of the beamline as this machine sees them.

``steering.paths`` in Dask's configuration is a list of pairs ``[prefix there, prefix here]``; the environment variable
``STEERING_PATHS`` says the same as ``THERE=HERE``, several separated by ``:``. The configuration goes first.
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import cast
from urllib.parse import unquote, urlsplit

from steering.core.errors import SteeringError

VARIABLE = "STEERING_PATHS"


def local_path(path: str) -> Path | None:
    """Find a file on this machine: under each prefix that fits, then as it is called; nothing if it is nowhere."""
    for candidate in _candidates(path):
        try:
            if candidate.exists():
                return candidate
        except OSError:
            # It lies in a folder that this user may not look into.
            continue
    return None


def absolute(path: str | Path) -> str:
    """Write a path so that it means the same in every process: absolute, ``~`` and quotes as a shell has them.

    Workers are started in other folders than notebooks.
    """
    text = str(path).strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    if text.startswith("file:"):
        text = path_of_uri(text)
    return str(Path(text).expanduser().absolute())


def path_of_uri(uri: str) -> str:
    """Return the path that a file's URI names.

    Some writers quote what a URI may not hold, others (ophyd-async) do not: the one that is there is meant.
    """
    rest = re.sub(r"^file:(//[^/]*)?", "", uri)
    choices = [rest, unquote(rest)]
    plain = unquote(urlsplit(uri).path)
    return next((one for one in (*choices, plain) if local_path(one) is not None), choices[1] if "%" in rest else rest)


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
