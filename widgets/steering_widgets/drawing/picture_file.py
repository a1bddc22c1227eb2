"""Pictures that a page has drawn, as files beside the notebook."""

import re
import time
from itertools import count
from pathlib import Path

from steering.core.errors import SteeringError

_PNG = b"\x89PNG\r\n\x1a\n"
# A screen has fewer pixels than this makes.
MOST_BYTES = 50_000_000


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
    stem = f"{re.sub(r'[^A-Za-z0-9_-]+', '-', name)[:60]}-{time.strftime('%Y%m%d-%H%M%S')}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = (f"{stem}{f'-{number}' if number > 1 else ''}.png" for number in count(1))
        path = next(folder / name for name in names if not (folder / name).exists())
        # Never over another one that was made at the same moment.
        with path.open("xb") as file:
            file.write(png)
    except OSError as error:
        message = f"The picture cannot be written to {folder}: {error.strerror}. Make room there, and try again."
        raise SteeringError(message) from error
    return path
