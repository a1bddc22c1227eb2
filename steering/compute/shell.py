"""Runs a batch system's command, and never waits for ever."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from steering.compute.batch import NoAnswerError

TIMEOUT = 30.0


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """What it said on standard error, or else on standard output, on one line."""
        return " ".join((self.err or self.out).split())


async def run(command: Sequence[str], environment: Mapping[str, str] | None = None, timeout: float = TIMEOUT) -> Answer:  # noqa: ASYNC109  (the process must be killed, not only left)
    """Run a command without a shell.

    Args:
        command: Program and arguments.
        environment: Its environment; this process' own if left out.
        timeout: Longest wait in seconds; then it is killed.

    Raises:
        NoAnswerError: If it is not there or does not end in time.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
        )
    except OSError as error:
        message = (
            f"The command {command[0]!r} cannot be run on this machine ({error.strerror}). "
            "Run this on a login node of the facility, where its batch system's commands are."
        )
        raise NoAnswerError(message) from error
    try:
        out, err = await asyncio.wait_for(process.communicate(), timeout)
    except TimeoutError as error:
        message = f"'{' '.join(command)}' did not answer within {timeout:g} s."
        raise NoAnswerError(message) from error
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return Answer(process.returncode or 0, out.decode(errors="replace"), err.decode(errors="replace"))
