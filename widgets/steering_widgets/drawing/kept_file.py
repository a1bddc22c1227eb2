"""What a panel shows, as a file beside the notebook: a picture that a page has drawn, or a table of its numbers."""

import csv
import io
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from steering.core.errors import SteeringError, cause

_PNG = b"\x89PNG\r\n\x1a\n"
# A screen has fewer pixels than this makes.
MOST_BYTES = 50_000_000


@dataclass(frozen=True)
class Table:
    """Numbers that a panel shows.

    Attributes:
        columns: Name, unit (empty for a plain number) and values of each; all of one length.
        about: What they are of, by name: the run, the analysis.
    """

    columns: Sequence[tuple[str, str, Sequence[Any]]]
    about: Mapping[str, object] = field(default_factory=dict[str, object])

    @property
    def text(self) -> str:
        """As CSV; what it is of stands above the header in lines that begin with ``#``."""
        file = io.StringIO()
        for name, value in self.about.items():
            # One line each, whatever a sample is called.
            file.write(f"# {' '.join(f'{name}: {value}'.split())}\n")
        table = csv.writer(file, lineterminator="\n")
        table.writerow([f"{name} ({units})" if units not in ("", "1") else name for name, units, _ in self.columns])
        table.writerows(zip(*(list(values) for _, _, values in self.columns), strict=True))
        return file.getvalue()


def write_picture(folder: Path, name: str, png: bytes) -> Path:
    """Write a picture; one of the same name is kept, and the new one gets a number.

    Args:
        folder: Made if it is not there.
        name: What it is of, without the ending.
        png: The file, as a page has made it.

    Returns:
        Where it lies.

    Raises:
        SteeringError: If it is no picture, or cannot be written.
    """
    if not png.startswith(_PNG) or len(png) > MOST_BYTES:
        message = f"The page sent {len(png)} bytes that are no picture, so nothing was written. Try again."
        raise SteeringError(message)
    return _write(folder, name, ".png", png, "picture")


def write_table(folder: Path, name: str, table: Table) -> Path:
    """Write a table as CSV; as :func:`write_picture` does.

    Raises:
        SteeringError: If it cannot be written.
    """
    return _write(folder, name, ".csv", table.text.encode(), "table")


def _write(folder: Path, name: str, ending: str, content: bytes, what: str) -> Path:
    stem = f"{re.sub(r'[^A-Za-z0-9_-]+', '-', name)[:60]}-{time.strftime('%Y%m%d-%H%M%S')}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = (f"{stem}{f'-{number}' if number > 1 else ''}{ending}" for number in count(1))
        return next(folder / name for name in names if _is_written(folder / name, content))
    except OSError as error:
        message = f"The {what} cannot be written to {folder}: {cause(error)}. Make room there, and try again."
        raise SteeringError(message) from error


def _is_written(path: Path, content: bytes) -> bool:
    """Write a file, whole or not at all; never over another one, also if that was made at the same moment."""
    try:
        file = path.open("xb")
    except FileExistsError:
        return False
    try:
        with file:
            file.write(content)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return True
