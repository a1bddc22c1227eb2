"""The detectors of the beamline's scans beside their main one: each has a source and a loop of its own."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from steering.core.binding import Binding
from steering.documents.document_keys import imaging_devices
from steering.session.source_follower import SourceFollower
from steering.sources.documents import DocumentSource

Companion = tuple[DocumentSource, SourceFollower]


class Companions:
    """Follows each further detector of a run from its first frame on, whether an analysis looks at it yet or not.

    Attributes:
        detectors: Of the newest run, those with frames, the main one first.
    """

    def __init__(self, follow: Callable[[str], Companion]) -> None:
        """Begin with none.

        Args:
            follow: Begins to follow a detector, by its name.
        """
        self.detectors: tuple[str, ...] = ()
        self._follow = follow
        self._held: dict[str, Companion] = {}
        self._start: Mapping[str, Any] = {}

    def __contains__(self, detector: object) -> bool:
        """Say whether a detector is followed here."""
        return detector in self._held

    def __getitem__(self, detector: str) -> SourceFollower:
        """Return what follows a detector."""
        return self._held[detector][1]

    @property
    def all(self) -> list[Companion]:
        """All of them, also those that this run does not have."""
        return list(self._held.values())

    def begin(self, start: Mapping[str, Any], bindings: Sequence[Binding]) -> None:
        """A run began: follow what its analyses look at."""
        self._start = start
        main = _main(start)
        named = [binding.detector for binding in bindings]
        self.detectors = tuple(one for one in dict.fromkeys((main, *named)) if one)
        for name in self.detectors:
            if name != main and name not in self._held:
                self._held[name] = self._follow(name)

    def describe(self, descriptor: Mapping[str, Any]) -> None:
        """A stream of the run is described: follow what has frames there and is not followed yet."""
        if descriptor.get("run_start") != self._start.get("uid") or descriptor.get("name") != "primary":
            return
        found = imaging_devices(descriptor)
        main = _main(self._start)
        if main not in found:
            # A plan of somebody else's: the first one with frames is the main one, and has been followed.
            main = found[0] if found else ""
        self.detectors = tuple(one for one in dict.fromkeys((main, *self.detectors, *found)) if one in found)
        for name in self.detectors:
            if name != main and name not in self._held:
                self._held[name] = self._follow(name)
                self._held[name][0].feed("start", self._start)


def _main(start: Mapping[str, Any]) -> str:
    names = start.get("detectors")
    return str(cast("list[Any]", names)[0]) if isinstance(names, list) and names else ""
