"""Sends files and goes on where it was, however often the process that sends is killed: by a note that it keeps."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import cast

from steering.core.json import Json
from steering.globus.errors import GlobusError
from steering.globus.transfer import Files, TransferFailedError, TransferOrder, Transfers, TransferStatus
from steering.machine.secret_file import read_secret, write_secret


class Sending:
    """A transfer with a note: a private file that holds its submission id before it is submitted."""

    def __init__(self, transfers: Transfers, note: Path) -> None:
        """Begin, or go on with what the note says.

        Args:
            transfers: Sends.
            note: The file; it need not be there.
        """
        self._transfers = transfers
        self._note = note

    def send(
        self,
        source: str,
        destination: str,
        files: Sequence[Files],
        *,
        label: str = "",
        told: Callable[[TransferStatus], None] | None = None,
    ) -> TransferStatus:
        """Send files and wait until they are there, verified. Called again, it goes on, and sends nothing twice.

        Args:
            source: Id of the collection where they are.
            destination: Id of the collection where they go.
            files: Which.
            label: What people read in Globus' list.
            told: Is told how far it is.

        Raises:
            TransferFailedError: If it failed. The next call submits anew, and sends what is not there.
            GlobusError: If the note is of another transfer, or Globus refuses.
        """
        order = TransferOrder("", source, destination, tuple(files), label)
        task = self._transfers.submit(self._written(order))
        try:
            return self._transfers.wait(task, told)
        except TransferFailedError:
            # With the same submission id Globus would answer with the task that failed.
            write_secret(self._note, _content(order))
            raise

    def _written(self, order: TransferOrder) -> TransferOrder:
        """Return the order with the submission id that is written down."""
        known = read_secret(self._note) or {}
        if known and {**known, "submission": ""} != _content(order):
            raise GlobusError(f"The note {self._note} is of another transfer. Name another note, or remove it.")
        submission = str(known.get("submission") or "") or self._transfers.new_submission()
        named = replace(order, submission=submission)
        write_secret(self._note, _content(named))
        return named


def _content(order: TransferOrder) -> dict[str, Json]:
    return cast("dict[str, Json]", {**asdict(order), "files": [asdict(one) for one in order.files]})
