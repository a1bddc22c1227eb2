"""Which run at Globus belongs to a flow run: as its journal says."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_KEY = "globus:run:"


@dataclass(frozen=True)
class Attempt:
    """One try. Its tag is written down before the run is asked for, its run after.

    Attributes:
        number: From 1 on.
        tag: By which the run is found.
        flow: Id of the flow at Globus.
        run: Id of the run; empty while it is not certain.
    """

    number: int
    tag: str
    flow: str
    run: str = ""

    @property
    def key(self) -> str:
        """What the journal calls it."""
        return f"{_KEY}{self.number}"


def last_attempt(lines: Iterable[Mapping[str, Any]]) -> Attempt | None:
    """Return the newest try that was written down; nothing before the first."""
    found: Attempt | None = None
    for line in lines:
        key = str(line.get("key") or "")
        if not key.startswith(_KEY):
            continue
        number, run = int(key.removeprefix(_KEY)), str(line.get("run") or "")
        found = Attempt(number, str(line["tag"]), str(line["flow"]), run)
    return found
