"""Tells the process of flows of runs: of their begin, of each point if a flow wants that, and of their end."""

from collections.abc import Callable, Mapping
from typing import Any

from steering.core.json import Json
from steering.documents.document_keys import IMAGE_DIMENSIONS, bytes_of_frame, image_shape
from steering.flows.entries import FlowEntry


class FlowTeller:
    """Hears the engine's documents after they were journaled, and never waits."""

    def __init__(self, flows: Mapping[str, FlowEntry], tell: Callable[[Mapping[str, Json]], None]) -> None:
        """Prepare.

        Args:
            flows: Of the beamline's file.
            tell: Tells the process of flows something.
        """
        self._tell = tell
        self._points = any(one.trigger.each[0] for one in flows.values())
        self._run: dict[str, Json] = {}
        # Bytes of an event, by descriptor.
        self._streams: dict[str, int] = {}
        self._frames, self._bytes, self._each = 0, 0, 1

    @staticmethod
    def wanted(flows: Mapping[str, FlowEntry]) -> bool:
        """Say whether a flow starts by itself when a run goes on or ends."""
        return any(one.trigger.at == "end" or one.trigger.each[0] for one in flows.values())

    def take(self, name: str, document: dict[str, Any]) -> None:
        """Take a document, on the engine's thread."""
        if name == "start":
            self._run = {"run": document["uid"], "scan": str(document.get("plan_name") or "")}
            self._frames, self._bytes, self._each = 0, 0, int(document.get("frames_per_event") or 1)
            self._tell({"what": "began", **self._run})
        elif name == "descriptor" and document.get("name") == "primary":
            self._streams[document["uid"]] = _bytes_of_event(document, self._each)
        elif name == "event" and self._points and document["descriptor"] in self._streams:
            self._frames += self._each
            self._bytes += self._streams[document["descriptor"]]
            self._tell({"what": "events", "frames": self._frames, "bytes": self._bytes, **self._run})
        elif name == "stop" and document["run_start"] == self._run.get("run"):
            self._streams.clear()
            self._tell({"what": "ended", **self._run})


def _bytes_of_event(descriptor: Mapping[str, Any], frames: int) -> int:
    """Say how many bytes of pixels an event has; frames whose description does not tell count nothing.

    Args:
        descriptor: Of its stream.
        frames: Of an event, where a detector's own shape does not say.
    """
    total = 0
    keys: Mapping[str, Mapping[str, Any]] = descriptor.get("data_keys") or {}
    for told in keys.values():
        shape = image_shape(told)
        if shape is not None:
            of_event = shape[0] if len(shape) > IMAGE_DIMENSIONS and shape[0] > 1 else frames
            total += of_event * bytes_of_frame(shape, told)
    return total
