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
        # The runs that are open: a plan may open one inside another.
        self._open: dict[str, _OpenRun] = {}

    @staticmethod
    def wanted(flows: Mapping[str, FlowEntry]) -> bool:
        """Say whether a flow starts by itself when a run goes on or ends."""
        return any(one.trigger.at == "end" or one.trigger.each[0] for one in flows.values())

    def take(self, name: str, document: dict[str, Any]) -> None:
        """Take a document, on the engine's thread."""
        if name == "start":
            run = _OpenRun(document["uid"], document.get("plan_name"), document.get("frames_per_event"))
            self._open[document["uid"]] = run
            self._tell({"what": "began", **run.told})
        elif name == "descriptor" and document.get("name") == "primary":
            if (run := self._open.get(document["run_start"])) is not None:
                run.streams[document["uid"]] = _bytes_of_event(document, run.each)
        elif name == "event" and self._points:
            for run in self._open.values():
                if document["descriptor"] in run.streams:
                    run.frames += run.each
                    run.bytes += run.streams[document["descriptor"]]
                    self._tell({"what": "events", "frames": run.frames, "bytes": run.bytes, **run.told})
        elif name == "stop" and (ended := self._open.pop(document["run_start"], None)) is not None:
            self._tell({"what": "ended", **ended.told})


class _OpenRun:
    """What is told of a run, and counted of it: frames, and bytes of an event by the uid of its descriptor."""

    def __init__(self, uid: str, scan: object, each: Any) -> None:
        self.told: Mapping[str, Json] = {"run": uid, "scan": str(scan or "")}
        self.each = int(each or 1)
        self.frames, self.bytes = 0, 0
        self.streams: dict[str, int] = {}


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
