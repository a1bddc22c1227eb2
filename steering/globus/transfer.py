"""Transfers between collections: submitted once, verified, and watched while they go."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import globus_sdk

from steering.globus.errors import GlobusError, cleaned
from steering.globus.login import Login
from steering.globus.patience import Patience

State = Literal["active", "paused", "done", "failed"]
_SYNC: Literal["checksum"] = "checksum"
# What Globus calls a task that goes as it should.
_WELL = ("", "OK", "Queued")


class TransferFailedError(GlobusError):
    """A transfer has ended without all of its files."""


@dataclass(frozen=True)
class Files:
    """A file, or a folder with all that is in it, by paths within the collections.

    Attributes:
        source: Where it is.
        destination: Its whole path there, not only the folder.
        folder: Whether it is a folder.
        sha256: What the file's checksum must be, in hexadecimal digits; not checked if empty.
    """

    source: str
    destination: str
    folder: bool = False
    sha256: str = ""


@dataclass(frozen=True)
class TransferOrder:
    """A transfer to be submitted.

    Attributes:
        submission: From :meth:`Transfers.new_submission`. Write it down before you submit: with it the same transfer is
            found again, and never made twice.
        source: Id of the collection where the files are.
        destination: Id of the collection where they go.
        files: Which.
        label: What people read in Globus' list.
    """

    submission: str
    source: str
    destination: str
    files: tuple[Files, ...]
    label: str = ""


@dataclass(frozen=True)
class TransferStatus:
    """How far a transfer is.

    Attributes:
        task: Its id.
        state: Whether it goes, stands, or has ended how.
        files: How many there are, as far as Globus has counted.
        files_done: How many have arrived, or were there already.
        bytes: How many were sent, in bytes.
        rate: In bytes a second, over all of the time.
        faults: How often something went wrong that Globus tried again.
        reason: Why it waits or failed; empty if it does not.
    """

    task: str
    state: State
    files: int
    files_done: int
    bytes: int
    rate: float
    faults: int
    reason: str = ""

    @property
    def ended(self) -> bool:
        """Whether it has ended, well or not."""
        return self.state in ("done", "failed")


@dataclass(frozen=True)
class Listed:
    """What lies in a folder: a name, whether it is a folder, and its size in bytes."""

    name: str
    folder: bool
    size: int


class Transfers:
    """Globus Transfer for one login. Only one thread uses it."""

    def __init__(self, login: Login, patience: Patience | None = None) -> None:
        """Log in to Transfer.

        Args:
            login: Whose.
            patience: Waits for Globus; the login's if none.

        Raises:
            GlobusError: If a person has to log in first.
        """
        self._patience = patience or login.patience
        self._client = login.client(globus_sdk.TransferClient, globus_sdk.TransferClient.resource_server)

    def list(self, collection: str, path: str = "/") -> tuple[Listed, ...]:
        """List a folder.

        Args:
            collection: Its collection's id.
            path: In the collection.

        Raises:
            GlobusError: If it is not there, may not be read, or needs a consent.
        """
        doing = f"list {path} of the collection {collection}"
        return self._patience.ask(doing, lambda: _listed(self._client.operation_ls(collection, path=path)["DATA"]))

    def named(self, name: str) -> tuple[str, ...]:
        """Return the ids of the collections that are called so.

        Raises:
            GlobusError: If Globus refuses.
        """

        def ask() -> tuple[str, ...]:
            found = cast("Sequence[dict[str, Any]]", self._client.endpoint_search(name)["DATA"])
            return tuple(str(one["id"]) for one in found if one.get("display_name") == name)

        return self._patience.ask(f"find the collection {name}", ask)

    def make_folder(self, collection: str, path: str) -> None:
        """Make a folder, unless it is there.

        Raises:
            GlobusError: If it cannot be made.
        """
        try:
            self._patience.ask(f"make the folder {path}", lambda: self._client.operation_mkdir(collection, path))
        except GlobusError as error:
            if not error.code.endswith("Exists"):
                raise

    def new_submission(self) -> str:
        """Ask for a submission id. Write it down before you submit a transfer with it.

        Raises:
            GlobusError: If Globus refuses.
        """
        return self._patience.ask("begin a transfer", lambda: str(self._client.get_submission_id()["value"]))

    def submit(self, order: TransferOrder) -> str:
        """Submit a transfer; one submission id is one transfer, however often this is called.

        Checksums are compared after each file, and files that are there already, by their checksum, are not sent again.

        Args:
            order: Which.

        Returns:
            The task's id.

        Raises:
            GlobusError: If nothing is to be sent, or Globus refuses.
        """
        if not order.files:
            raise GlobusError("The transfer names no file. Name at least one.")
        data = globus_sdk.TransferData(
            order.source,
            order.destination,
            label=order.label or "steering",
            submission_id=order.submission,
            sync_level=_SYNC,
            verify_checksum=True,
        )
        for one in order.files:
            if one.sha256:
                data.add_item(one.source, one.destination, external_checksum=one.sha256, checksum_algorithm="SHA256")
            else:
                data.add_item(one.source, one.destination, recursive=one.folder)
        doing = f"send {len(order.files)} files from {order.source} to {order.destination}"
        return self._patience.ask(doing, lambda: str(self._client.submit_transfer(data)["task_id"]))

    def status(self, task: str) -> TransferStatus:
        """Say how far a transfer is.

        Raises:
            GlobusError: If there is no such task.
        """
        return self._patience.ask(f"look at the transfer {task}", lambda: _status(self._client.get_task(task).data))

    def wait(self, task: str, told: Callable[[TransferStatus], None] | None = None) -> TransferStatus:
        """Wait until a transfer has ended.

        Args:
            task: Its id.
            told: Is told how far it is, each time that this changes.

        Raises:
            TransferFailedError: If it failed, with Globus' reason.
            GlobusError: If the wait was cancelled. The transfer goes on then.
        """
        for status in self._patience.changes(f"end the transfer {task}", lambda: self.status(task)):
            if told is not None:
                told(status)
            if status.state == "failed":
                raise TransferFailedError(
                    f"The transfer {task} failed: {status.reason}. "
                    f"Of {status.files} files {status.files_done} are there. "
                    "Put that right and send again: what is there is not sent twice."
                )
            if status.ended:
                return status
        raise AssertionError

    def cancel(self, task: str) -> None:
        """Cancel a transfer; one that has ended stays as it is.

        Raises:
            GlobusError: If there is no such task.
        """
        self._patience.ask(f"cancel the transfer {task}", lambda: self._client.cancel_task(task))

    def share(self, collection: str, path: str, principal: str, *, write: bool = False, group: bool = False) -> str:
        """Let somebody read a folder; who may already is not asked for again.

        Args:
            collection: Its collection's id.
            path: The folder, with a slash at both ends.
            principal: UUID of an identity or a group.
            write: Whether writing is allowed too.
            group: Whether it is a group.

        Returns:
            The rule's id.

        Raises:
            GlobusError: If this login may not give permissions there.
        """
        kind, permission = "group" if group else "identity", "rw" if write else "r"
        rule = {
            "DATA_TYPE": "access",
            "principal_type": kind,
            "principal": principal,
            "path": path,
            "permissions": permission,
        }

        def add() -> str:
            return str(self._client.add_endpoint_acl_rule(collection, rule)["access_id"])

        def look() -> str | None:
            rules = cast("Sequence[dict[str, Any]]", self._client.endpoint_acl_list(collection)["DATA"])
            keys = ("principal_type", "principal", "path")
            same = (one for one in rules if all(one.get(key) == rule[key] for key in keys))
            # Who may write may read.
            return next((str(one["id"]) for one in same if one.get("permissions") in (permission, "rw")), None)

        return self._patience.submit(f"share {path} of the collection {collection}", add, look)


def _listed(entries: Sequence[dict[str, Any]]) -> tuple[Listed, ...]:
    return tuple(Listed(str(one["name"]), one["type"] == "dir", int(one["size"] or 0)) for one in entries)


def _status(given: Any) -> TransferStatus:
    task = cast("dict[str, Any]", given)
    ended: dict[str, State] = {"SUCCEEDED": "done", "FAILED": "failed"}
    paused = bool(task.get("is_paused")) or task["status"] == "INACTIVE"
    state = ended.get(str(task["status"]), "paused" if paused else "active")
    fatal = cast("dict[str, Any]", task.get("fatal_error") or {})
    nice = str(task.get("nice_status") or "")
    words = str(task.get("nice_status_details") or nice) if nice not in _WELL else ""
    if state == "failed":
        words = str(fatal.get("description") or fatal.get("code") or "Globus does not say why").rstrip(".")
    return TransferStatus(
        str(task["task_id"]),
        state,
        int(task.get("files") or 0),
        int(task.get("files_transferred") or 0) + int(task.get("files_skipped") or 0),
        int(task.get("bytes_transferred") or 0),
        float(task.get("effective_bytes_per_second") or 0.0),
        int(task.get("faults") or 0),
        cleaned(words),
    )
