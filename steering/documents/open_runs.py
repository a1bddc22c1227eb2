"""Of which run each document is, where several runs are open at once: a plan may open one inside another."""

from collections.abc import Mapping
from typing import Any, cast

_OF_RUN, _OF_OTHERS = ("descriptor", "resource", "stream_resource"), ("descriptor", "stream_resource", "resource")


class OpenRuns:
    """Says of which run each document is. Begins where no run is open.

    Attributes:
        open: Uids of the runs that have begun and not ended, the newest last.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self.open: list[str] = []
        # Runs by the uid of a descriptor or a resource.
        self._owners: dict[str, str] = {}

    @property
    def newest(self) -> str:
        """The run that began last of those that are open; empty if none is."""
        return self.open[-1] if self.open else ""

    def take(self, name: str, document: object) -> str:
        """Take the next document; return the uid of its run, empty if it is of none that is known.

        One that does not say what it belongs to is of the newest run that is open.
        """
        if not isinstance(document, Mapping):
            return self.newest
        return self._take(name, cast("Mapping[str, Any]", document))

    def _take(self, name: str, document: Mapping[str, Any]) -> str:
        if name == "start":
            run = str(document.get("uid") or "")
            self.open.append(run)
            return run
        if name == "stop" or name in _OF_RUN:
            run = str(document["run_start"]) if "run_start" in document else self.newest
            if name != "stop":
                self._owners[str(document.get("uid"))] = run
            elif run in self.open:
                self.open.remove(run)
            return run
        named = next((str(document[key]) for key in _OF_OTHERS if key in document), None)
        return self.newest if named is None else self._owners.get(named, "")
