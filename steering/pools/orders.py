"""The orders of a ledger. The pool carries them out and reports the outcome to the ledger."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Submit:
    """Submit a job of this name for this place."""

    name: str
    slot: int


@dataclass(frozen=True)
class Find:
    """Ask whether a job of this name exists, because its submission got no answer."""

    name: str


@dataclass(frozen=True)
class Cancel:
    """End this job."""

    id: str
    name: str


Order: TypeAlias = Submit | Find | Cancel
