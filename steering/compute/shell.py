"""Runs a batch system's command, and never waits for ever."""

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from steering.compute.batch import NoAnswerError
from steering.core.errors import cause
from steering.core.waiting import within

# Longest wait for an answer, in seconds; then the command is killed.
TIMEOUT = 30.0
_MOST_BYTES = 64 << 20


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str
    command: str = ""

    @property
    def words(self) -> str:
        """What it said on standard error, or else on standard output, on one line; a site's greetings left out."""
        lines = [line for line in self.err.splitlines() if self.command and line.startswith(f"{self.command}:")]
        return " ".join((" ".join(lines) or self.err or self.out).split())


async def run(command: Sequence[str], directory: Path | None = None) -> Answer:
    """Run a command without a shell.

    Args:
        command: Program and arguments.
        directory: Folder to run it in; this process' own if left out.

    Raises:
        NoAnswerError: If it is not there or does not end in time.
    """
    with ExitStack() as files:
        try:
            # Into files, not pipes: a grandchild that holds a pipe would be waited for after the command has ended.
            out, err = (files.enter_context(TemporaryFile()) for _ in range(2))
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=directory,
                start_new_session=True,
            )
        except OSError as error:
            message = (
                f"The command {command[0]!r} cannot be run on this machine ({cause(error)}). "
                "Run this on a login node of the facility, where its batch system's commands are."
            )
            raise NoAnswerError(message) from error
        try:
            await within(TIMEOUT, process.wait())
        except TimeoutError as error:
            message = f"'{' '.join(command)}' did not answer within {TIMEOUT:g} s."
            raise NoAnswerError(message) from error
        finally:
            if process.returncode is None:
                # With all that it has started.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        said, complained = (_read(file) for file in (out, err))
    return Answer(process.returncode or 0, said, complained, Path(command[0]).name)


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(_MOST_BYTES).decode(errors="replace")
