"""Files of lines that are appended to: a line is there whole, or not at all."""

import os
from io import RawIOBase
from pathlib import Path


def append(file: RawIOBase, line: bytes) -> None:
    """Append a line to a file that was opened without a buffer.

    Raises:
        OSError: If there is no room for all of it; then none of it is in the file.
    """
    begin = file.seek(0, os.SEEK_END)
    written = 0
    try:
        while written < len(line):
            written += file.write(line[written:]) or 0
    except OSError:
        # The next line must not be glued to a part of this one.
        file.truncate(begin)
        raise


def mend(path: Path) -> bool:
    """Cut off a last line that was not written to its end; return whether there was one."""
    with path.open("r+b") as file:
        content = file.read()
        whole = content.rfind(b"\n") + 1
        if whole == len(content):
            return False
        file.truncate(whole)
        return True
