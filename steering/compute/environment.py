"""Builds or checks the worker environment on the filesystem that the nodes see."""

import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, distribution, requires, version
from importlib.util import find_spec
from pathlib import Path
from re import match

from steering.compute.script import python_of
from steering.compute.site import Site
from steering.compute.versions import differences
from steering.core.errors import SteeringError, cause

_BUILD_SECONDS = 1800.0
_READY = ".steering-ready"
_PACKAGE = "steering"


def prepare(site: Site, say: Callable[[str], None]) -> str:
    """Make the worker environment agree with this one; return a sentence that says what is there now.

    Args:
        site: Where; its ``environment`` names the folder.
        say: Called with a sentence at each step.

    Raises:
        SteeringError: If it cannot be built or differs.
    """
    if not site.environment:
        if site.batch == "process":
            return f"{site.title} needs no environment of its own: its workers run this one, {sys.prefix}."
        say(f"No environment is set for {site.name}: its workers run {python_of(site)}, which the nodes must see.")
        _compare(site)
        return "It agrees with this session. To have one built, set environment of the facility in steering.yaml."
    folder = Path(site.environment)
    if not (folder / _READY).exists():
        say(f"Building the worker environment in {folder} (once, some minutes) ...")
        _build(site, folder)
    try:
        _compare(site)
    except SteeringError as error:
        say(f"{error} Building it again ...")
        (folder / _READY).unlink(missing_ok=True)
        _build(site, folder)
        _compare(site)
    return f"The worker environment in {folder} agrees with this session."


def _build(site: Site, folder: Path) -> None:
    # On a login node the proxy of the compute nodes does not answer.
    prologue = [line for line in site.prologue if "proxy" not in line]
    with tempfile.TemporaryDirectory() as scratch:
        constraints = Path(scratch) / "constraints.txt"
        constraints.write_text("".join(f"{name}=={pin}\n" for name, pin in sorted(pins().items())), encoding="utf-8")
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        steps = [
            *prologue,
            shlex.join(["python3", "-m", "venv", "--clear", str(folder)]),
            shlex.join([*pip, "--constraint", str(constraints), _requirement()]),
        ]
        try:
            done = subprocess.run(  # noqa: S603  (the facility's own prologue, in its login shell)
                ["/bin/bash", "-l", "-c", " && ".join(steps)],
                capture_output=True,
                text=True,
                timeout=_BUILD_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            message = f"The environment in {folder} was not built within {_BUILD_SECONDS / 60:.0f} min."
            raise SteeringError(message) from error
    if done.returncode != 0:
        words = " / ".join((done.stderr or done.stdout).strip().splitlines()[-3:])
        message = f"The environment in {folder} could not be built (exit code {done.returncode}): {words}"
        raise SteeringError(message)
    (folder / _READY).write_text(version(_PACKAGE), encoding="utf-8")


def _compare(site: Site) -> None:
    python = python_of(site)
    command = [
        python,
        "-c",
        "import json; from steering.compute.versions import versions; print(json.dumps(versions()))",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603  (the site's own Python)
    except OSError as error:
        message = f"There is no Python at {python} ({cause(error)}). Set environment of {site.name} in steering.yaml."
        raise SteeringError(message) from error
    if done.returncode != 0:
        words = done.stderr.strip().splitlines()[-1:] or ["without a word"]
        message = f"{python} cannot run steering ({words[0]}). Run: steering compute prepare {site.name}."
        raise SteeringError(message)
    found: Mapping[str, str] = json.loads(done.stdout)
    said = differences(site.name, {"worker": found})
    if said:
        raise SteeringError(said)


def pins() -> dict[str, str]:
    """Return the versions, in this environment, of everything that the package needs without its extras."""
    found: dict[str, str] = {}
    waiting = [_PACKAGE]
    while waiting:
        for line in requires(waiting.pop()) or ():
            named = match(r"[A-Za-z0-9._-]+", line)
            # A requirement of an extra, or of another Python, is not ours.
            if named is None or "extra ==" in line or named.group() in found:
                continue
            try:
                found[named.group()] = version(named.group())
            except PackageNotFoundError:
                continue
            waiting.append(named.group())
    return found


def _requirement() -> str:
    """Say what to install: the source tree that this package runs from, or its release; compiled sums as here."""
    extra = "[fast]" if find_spec("numba") is not None else ""
    told = distribution(_PACKAGE).read_text("direct_url.json")
    if told is not None:
        url = str(json.loads(told)["url"])
        if url.startswith("file://"):
            return url.removeprefix("file://") + extra
    return f"{_PACKAGE}{extra}=={version(_PACKAGE)}"
