"""What a ledger wants done. Each order is answered to the ledger by the one who carries it out."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Submit:
    """Submit a job of this name for this place."""

    name: str
    slot: int


@dataclass(frozen=True)
class Find:
    """A submission got no answer: ask whether a job of this name exists."""

    name: str


@dataclass(frozen=True)
class Cancel:
    """End this job."""

    id: str
    name: str


Order: TypeAlias = Submit | Find | Cancel
