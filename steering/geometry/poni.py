"""Reads pyFAI's PONI files, of versions 1, 2 and 2.1."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from steering.geometry.geometry import Geometry

_LONGEST_BYTES = 1 << 20
# How pixels lie: ours is the default of pyFAI, first row and column at the lower right, seen from the sample.
_ORIENTATIONS = (0, 3)
_KEYS = {
    "distance": "distance",
    "poni1": "poni1",
    "poni2": "poni2",
    "rot1": "rot1",
    "rot2": "rot2",
    "rot3": "rot3",
    "wavelength": "wavelength",
    "pixelsize1": "pixel1",
    "pixelsize2": "pixel2",
}
# Families of detectors whose files may name them without the size of their pixels, in metres; the longer names first.
_PIXELS = {"pilatus4": 150e-6, "pilatus": 172e-6, "eiger": 75e-6}


def read_poni(path: Path) -> Geometry:
    """Read a PONI file.

    Raises:
        ValueError: If it cannot be read or is none; with a sentence that names the file.
    """
    try:
        with path.open("rb") as file:
            return parse_poni(_text(file.read(_LONGEST_BYTES + 1)))
    except OSError as error:
        message = f"The geometry {path} cannot be read: {error.strerror or error}."
        raise ValueError(message) from error
    except ValueError as error:
        message = f"The geometry {path} is no PONI file: {str(error).rstrip('.')}."
        raise ValueError(message) from error


def parse_poni(text: str) -> Geometry:
    """Read the text of a PONI file; of several calibrations in it the last holds, as for pyFAI.

    Raises:
        ValueError: If it is none; with a sentence.
    """
    said: dict[str, str] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon and not key.lstrip().startswith("#"):
            said[key.strip().lower()] = value.strip()
    numbers = {name: _number(key, said[key]) for key, name in _KEYS.items() if key in said}
    numbers |= _of_detector(said, numbers)
    if "wavelength" not in numbers:
        message = "the line 'Wavelength:' is missing: there is no q without it"
        raise ValueError(message)
    return Geometry.of(numbers)


def _text(content: bytes) -> str:
    """Decode a file.

    Raises:
        ValueError: If it is too long, or no text.
    """
    if len(content) > _LONGEST_BYTES:
        message = f"it has more than {_LONGEST_BYTES:,} bytes"
        raise ValueError(message)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"it is not text in UTF-8 (byte {error.start})"
        raise ValueError(message) from error


def _of_detector(said: Mapping[str, str], numbers: Mapping[str, float]) -> dict[str, float]:
    """Find the size of the pixels.

    Raises:
        ValueError: If the file does not say it, or its pixels lie in another way.
    """
    try:
        found: object = json.loads(said.get("detector_config") or "{}")
    except (ValueError, RecursionError) as error:
        message = "its Detector_config is not JSON"
        raise ValueError(message) from error
    config = cast("dict[str, Any]", found) if isinstance(found, dict) else None
    if config is None:
        message = "its Detector_config is no mapping"
        raise ValueError(message)
    orientation = config.get("orientation", 3)
    if orientation not in _ORIENTATIONS:
        message = f"its detector has orientation {orientation!r:.20}. Allowed: 3; turn the frames, and calibrate again"
        raise ValueError(message)
    pixels = {name: config[name] for name in ("pixel1", "pixel2") if config.get(name) is not None}
    if not pixels and not ("pixel1" in numbers and "pixel2" in numbers):
        name = said.get("detector", "").lower()
        size = next((size for family, size in _PIXELS.items() if name.startswith(family)), None)
        if size is None:
            message = 'it does not say how large pixels are. Write Detector_config: {"pixel1": 75e-6, "pixel2": 75e-6}'
            raise ValueError(message)
        pixels = {"pixel1": size, "pixel2": size}
    return pixels


def _number(key: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        message = f"{key} is {text!r:.60}, which is no number"
        raise ValueError(message) from error
