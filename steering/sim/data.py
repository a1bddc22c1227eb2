"""Fetches recorded data: from ``STEERING_DATA_DIR`` if that has it, else from its public repository into a cache."""

import hashlib
import json
import os
import sys
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from steering.core.errors import SteeringError

_REPOSITORIES = "https://raw.githubusercontent.com"


@cache
def registry() -> dict[str, dict[str, Any]]:
    """Read the registry: for each file its sha256, size, repository, commit, path and licence."""
    return json.loads(files("steering.sim").joinpath("registry.json").read_text(encoding="utf-8"))


def fetch(name: str) -> Path:
    """Return the path of a recorded file, fetched if need be, its hash checked.

    Args:
        name: Name in the registry, for example ``"wse2_26id/fused_full.tif"``.

    Raises:
        SteeringError: If there is no such file, it cannot be fetched, or its content is not what was recorded.
    """
    if name not in registry():
        message = f"There is no recorded file {name!r} in the registry."
        raise SteeringError(message)
    return _checked(name)


def fetch_all(names: Sequence[str]) -> list[Path]:
    """Fetch several files."""
    return [fetch(name) for name in names]


@cache
def _checked(name: str) -> Path:
    folder = os.environ.get("STEERING_DATA_DIR")
    if folder and (local := Path(folder) / name).is_file():
        found = hashlib.sha256(local.read_bytes()).hexdigest()
        if found != registry()[name]["sha256"]:
            message = (
                f"{local} is not the recorded file: its sha256 is {found[:12]}..., "
                f"not {registry()[name]['sha256'][:12]}... Remove it or point STEERING_DATA_DIR elsewhere."
            )
            raise SteeringError(message)
        return local
    return _download(name)


def _download(name: str) -> Path:
    import pooch

    entry = registry()[name]
    url = f"{_REPOSITORIES}/{entry['repository']}/{entry['commit']}/{entry['path']}"
    try:
        found = pooch.retrieve(
            url, known_hash=f"sha256:{entry['sha256']}", path=pooch.os_cache("steering"), fname=name.replace("/", "--")
        )
    except Exception as error:  # requests, urllib3 and pooch raise many kinds; the user's next step is the same
        message = (
            f"The recorded file {name} cannot be fetched from {url} ({type(error).__name__}), "
            "and lies in no folder that STEERING_DATA_DIR names. "
            "Connect to the internet once, or set STEERING_DATA_DIR to a folder that has it."
        )
        raise SteeringError(message) from error
    return Path(found)


def main() -> int:
    """Fetch everything, saying what is being done: ``python -m steering.sim.data``."""
    try:
        for number, name in enumerate(sorted(registry()), 1):
            # A log gets one line.
            if sys.stderr.isatty() or number == len(registry()):
                sys.stderr.write(f"\rRecorded data: {number} of {len(registry())} files")
            fetch(name)
    except SteeringError as error:
        sys.stderr.write(f"\n{error}\n")
        return 1
    sys.stderr.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
