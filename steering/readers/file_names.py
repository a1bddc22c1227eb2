"""What the name of a detector's file says: its format, how it is packed, and which of its numbers counts the files."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

HDF5 = frozenset((".h5", ".hdf5", ".nxs", ".hdf", ".cxi", ".nx5"))
TIFF = frozenset((".tif", ".tiff"))
# The panels of APS 1-ID are numbered in the suffix.
GE = frozenset((".ge", *(f".ge{panel}" for panel in range(1, 6))))
CACHE_IN_HDF5 = frozenset((".fch5",))
FRAME_CACHE = CACHE_IN_HDF5 | frozenset((".npz",))
IMAGES = TIFF | GE | FRAME_CACHE | frozenset((".cbf", ".edf", ".mccd", ".img", ".sfrm"))
PACKED = frozenset((".gz", ".bz2"))
# Only images are packed as a whole: an HDF5 file is read in parts.
_PACKED_TOO = IMAGES - GE - FRAME_CACHE
_DIGITS = re.compile(r"(\d+)")
# Written with zeros before it, a number is a count.
_PADDED = re.compile(r"0\d\d+|00+")


@dataclass(frozen=True)
class FileName:
    """The name of an image file or an HDF5 file, taken apart.

    Attributes:
        texts: What stands around its numbers, one text more than there are numbers; its suffix is in the last one.
        digits: Its numbers, as they are written.
        suffix: Of its format, lower case; that of its packing is left out.
    """

    texts: tuple[str, ...]
    digits: tuple[str, ...]
    suffix: str

    def series(self, counted: int | None) -> str:
        """Return the name without the number that counts files; the whole name if none does."""
        parts: list[str] = []
        for place, text in enumerate(self.texts):
            parts.append(text)
            if place < len(self.digits) and place != counted:
                parts.append(self.digits[place])
        return "".join(parts)


def read_name(path: Path) -> FileName | None:
    """Take a name apart; nothing if the format is not known."""
    stem, suffix = path.name, path.suffix.lower()
    packing = ""
    if suffix in PACKED:
        packing = path.suffix
        stem = stem[: -len(packing)]
        suffix = Path(stem).suffix.lower()
        if suffix not in _PACKED_TOO:
            return None
    if suffix not in HDF5 | IMAGES:
        return None
    end = stem[-len(suffix) :]
    parts = _DIGITS.split(stem[: -len(suffix)])
    return FileName((*parts[:-1:2], f"{parts[-1]}{end}{packing}"), tuple(parts[1::2]), suffix)


def counting(names: Iterable[FileName]) -> int | None:
    """Say which number counts, in names that differ in their numbers only.

    It is the last one that varies or is written with zeros before it; in a single name without such, the last one.

    Returns:
        Its place among the numbers; nothing if there are none.
    """
    written = [name.digits for name in names]
    numbers = len(written[0]) if written else 0
    for place in reversed(range(numbers)):
        if len({digits[place] for digits in written}) > 1 or _PADDED.fullmatch(written[0][place]):
            return place
    return numbers - 1 if numbers else None
