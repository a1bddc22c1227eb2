"""What can be known to be wrong before anything is submitted."""

import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from shutil import which

from steering.compute.site import Site
from steering.core.errors import SteeringError
from steering.machine.secret_file import make_private

_FILESYSTEMS = re.compile(r"\bfilesystems=([^\s,]+)")
_COMMANDS = {"pbs": ("qsub", "qstat", "qdel"), "slurm": ("sbatch", "squeue", "scancel"), "process": ()}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        what: In a word or two.
        good: Whether it is as it must be.
        detail: What was found, and what to do if it is not good.
    """

    what: str
    good: bool
    detail: str


def checks(site: Site, directory: Path) -> list[Check]:
    """Look at everything that a job of this site needs and this machine can tell.

    Args:
        site: Where.
        directory: The owner's folder.
    """
    found = [_account(site), _folder(site, directory), _filesystems(site, directory), _interface(site), _commands(site)]
    return [check for check in found if check is not None]


def check_before_start(site: Site, directory: Path) -> None:
    """Look, and make the owner's folder.

    Raises:
        SteeringError: With everything that is wrong.
    """
    wrong = [f"{check.what}: {check.detail}" for check in checks(site, directory) if not check.good]
    if wrong:
        message = f"{site.title or site.name} cannot be used from here yet. {' '.join(wrong)}"
        raise SteeringError(message)
    try:
        make_private(directory)
    except SteeringError as error:
        if not site.directory:
            # It is the workspace that cannot be written, and the sentence says so.
            raise
        message = f"The folder {directory} cannot be made or written. {_SET_DIRECTORY.format(name=site.name)}"
        raise SteeringError(message) from error


_SET_HOME = "Set the environment variable STEERING_HOME to a folder of yours, with room for the data of your scans."
_SET_DIRECTORY = "Set directory of {name} in steering.yaml to a folder of your project that the nodes see."


def _account(site: Site) -> Check | None:
    if site.account:
        return Check(
            "account", good=True, detail=f"{site.account} (whether it has hours left, the facility's own tools tell)"
        )
    if not site.account_needed:
        return None
    return Check(
        "account",
        good=False,
        detail=f"every job here is charged to a project. Name yours: account of {site.name} in steering.yaml, "
        "--account, or the environment variable PBS_ACCOUNT.",
    )


def _folder(site: Site, directory: Path) -> Check:
    if site.batch != "process" and site.filesystems and not site.directory:
        return Check("directory", good=False, detail=_SET_DIRECTORY.format(name=site.name))
    there = directory
    while not there.exists() and there != there.parent:
        there = there.parent
    good = os.access(there, os.W_OK)
    cure = _SET_DIRECTORY.format(name=site.name) if site.directory or site.batch != "process" else _SET_HOME
    detail = str(directory) if good else f"{there} cannot be written. {cure}"
    return Check("directory", good, detail)


def _filesystems(site: Site, directory: Path) -> Check | None:
    if not site.filesystems or not site.directory:
        return None
    asked = {name for line in site.directives for found in _FILESYSTEMS.findall(line) for name in found.split(":")}
    on = next((name for name, root in site.filesystems.items() if directory.is_relative_to(root)), "")
    if not on:
        roots = ", ".join(site.filesystems.values())
        return Check("filesystems", good=False, detail=f"{directory} is on none of {roots}, which the nodes see.")
    if on not in asked:
        return Check("filesystems", good=False, detail=f"{directory} is on {on}, for which directives do not ask.")
    return Check("filesystems", good=True, detail=f"{directory} is on {on}; jobs ask for {', '.join(sorted(asked))}")


def _interface(site: Site) -> Check | None:
    wanted = site.scheduler_interface
    if not wanted:
        return None
    known = [name for _, name in socket.if_nameindex()]
    if wanted in known:
        return Check("interface", good=True, detail=wanted)
    return Check(
        "interface",
        good=False,
        detail=f"this machine has no network interface {wanted!r}; it has {', '.join(known)}. "
        f"Set scheduler_interface of {site.name} in steering.yaml to one that the nodes reach.",
    )


def _commands(site: Site) -> Check | None:
    needed = _COMMANDS[site.batch]
    missing = [name for name in needed if which(name) is None]
    if not needed:
        return None
    if missing:
        return Check(
            "batch system",
            good=False,
            detail=f"this machine has no {', '.join(missing)}. Run this on a login node of {site.title or site.name}.",
        )
    return Check("batch system", good=True, detail=", ".join(needed))
