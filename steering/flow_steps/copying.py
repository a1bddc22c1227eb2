"""Copies a file so that what stands under its name is whole and verified, however often it was cut off."""

import errno
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from steering.core.errors import SteeringError, cause
from steering.flow_steps.flow_journal import synced
from steering.flow_steps.hold import point

_PIECE = 1 << 22
_TELL_SECONDS = 0.25
# What filesystems allow, in bytes.
_LONGEST_NAME = 255
# What filesystems say that know no links.
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class CancelledFlowError(SteeringError):
    """Somebody asked for the end of the flow."""


@dataclass(frozen=True)
class Copied:
    """A copy that was verified.

    Attributes:
        path: Where it is.
        size: In bytes.
        sha256: Of its content, as hexadecimal digits; read back from the copy.
        again: Whether it was there before.
    """

    path: Path
    size: int
    sha256: str
    again: bool = False


@dataclass(frozen=True)
class Rights:
    """Mode (such as ``0o640``) and group of a copy; unchanged where they are 0 and empty."""

    mode: int = 0
    group: str = ""


def part_name(name: str, others: Collection[str] = ()) -> str:
    """Return what the copy of a file is called until it is whole: what none of the files beside it is called.

    Args:
        name: Of the file.
        others: Names of the files that are copied beside it.
    """
    made = f".{name}.part"
    if len(os.fsencode(made)) > _LONGEST_NAME:
        made = f".{hashlib.sha256(os.fsencode(name)).hexdigest()}.part"
    while made in others:
        made = f".{made}"
    return made


def bytes_there(target: Path, others: Collection[str] = ()) -> int:
    """Say how many bytes of a copy are there already, whole or in part: so much less room is needed.

    Args:
        target: Where the copy is to be.
        others: Names of the files that are copied beside it.
    """
    found = 0
    for one in (target, target.with_name(part_name(target.name, others))):
        with suppress(OSError):
            # On the disk: a file may have holes.
            found = max(found, min(one.stat().st_size, 512 * one.stat().st_blocks))
    return found


def copy(
    source: Path,
    target: Path,
    tell: Callable[[int], None],
    rights: Rights | None = None,
    others: Collection[str] = (),
) -> Copied:
    """Copy a file: under a temporary name beside its place, verified, synced, renamed.

    What an earlier try has copied is compared with the source and kept. A file that is there already is left as it is,
    whatever its content.

    Args:
        source: What to copy.
        target: Where to; folders that are missing are made.
        tell: Called now and then with the bytes that are there; raises to stop.
        rights: Of the copy.
        others: Names of the files that are copied beside it, which its temporary name is none of.

    Raises:
        SteeringError: If another file is there, the copy differs from the source, or it cannot be written.
    """
    given, part = rights or Rights(), target.with_name(part_name(target.name, others))
    try:
        _make_folder(target.parent, given)
        if target.exists():
            return _there(source, target, given, part)
        digest = _continue(source, part, tell)
        point("copying.whole")
        size, found = part.stat().st_size, sha256_of(part)
        if found != digest:
            part.unlink()
            message = (
                f"The copy of {source} at {target.parent} is not what was read (SHA-256 {found[:12]} in place of "
                f"{digest[:12]}); it was removed. Look at the disk, and resume."
            )
            raise SteeringError(message)
        _give(part, given)
        _name(part, target)
        synced(target.parent)
    except OSError as error:
        message = (
            f"{source} cannot be copied to {target}: {cause(error)}. Free space, or see that you may read "
            "and write there, and resume."
        )
        raise SteeringError(message) from error
    return Copied(target, size, found)


def sha256_of(path: Path) -> str:
    """Read a file and return its SHA-256 as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _name(part: Path, target: Path) -> None:
    """Give a whole copy its name.

    A link fails where a rename would silently replace what somebody put there meanwhile. A filesystem without links
    (SMB, exFAT) leaves the moment between a look and the rename.
    """
    try:
        os.link(part, target)
    except OSError as error:
        if error.errno not in _NO_LINKS or target.exists():
            raise
        part.rename(target)
    else:
        part.unlink()


def _there(source: Path, target: Path, rights: Rights, part: Path) -> Copied:
    size, found = target.stat().st_size, sha256_of(target)
    if size != source.stat().st_size or found != sha256_of(source):
        message = (
            f"Another file is at {target} ({size} bytes), and it is not written over. Move it elsewhere, or give the "
            "step another folder."
        )
        raise SteeringError(message)
    # A copy that was cut off between its link and its end.
    part.unlink(missing_ok=True)
    _give(target, rights)
    return Copied(target, size, found, again=True)


def _continue(source: Path, part: Path, tell: Callable[[int], None]) -> str:
    """Bring a partial copy to its end; return the source's SHA-256."""
    digest, told = hashlib.sha256(), time.monotonic()
    with source.open("rb") as reading, part.open("a+b") as writing:
        writing.seek(0)
        written = 0
        while piece := reading.read(_PIECE):
            digest.update(piece)
            written += _put(writing, piece, written)
            if time.monotonic() - told > _TELL_SECONDS:
                told = time.monotonic()
                tell(written)
            point("copying.piece")
        writing.truncate(written)
        writing.flush()
        os.fsync(writing.fileno())
    tell(written)
    return digest.hexdigest()


def _put(file: BinaryIO, piece: bytes, at: int) -> int:
    """Write a piece unless it is there."""
    file.seek(at)
    if file.read(len(piece)) != piece:
        # In append mode all is written at the end, so the end must be here.
        file.truncate(at)
        file.seek(at)
        file.write(piece)
    return len(piece)


def _make_folder(folder: Path, rights: Rights) -> None:
    """Make a folder and those above it that are missing; who may read a file may also enter the folders made for it."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    mode = rights.mode | 0o700 | (rights.mode & 0o444) >> 2 if rights.mode else 0
    for one in missing:
        _give(one, Rights(mode, rights.group))


def _give(path: Path, rights: Rights) -> None:
    try:
        if rights.group:
            shutil.chown(path, group=rights.group)
        if rights.mode:
            path.chmod(rights.mode)
    except LookupError as error:
        message = f"There is no group {rights.group!r:.60} on this machine. Name one of: groups. Then resume."
        raise SteeringError(message) from error
    except PermissionError as error:
        message = (
            f"{path.name} cannot be given to the group {rights.group or '?'}: you are not in it. Join it, and resume."
        )
        raise SteeringError(message) from error
