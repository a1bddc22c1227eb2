"""Lines in the log of a process that others depend on."""

import sys
from contextlib import suppress


def note(sentence: str) -> None:
    """Write a line to this process' log, which is what its standard error goes to.

    A log often lies on the disk that is full. The line is lost then, and the process does what it is there for.
    """
    with suppress(OSError):
        sys.stderr.write(f"{sentence}\n")
        sys.stderr.flush()
