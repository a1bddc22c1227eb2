"""A run that a former ingest process died in the middle of, and that may go on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass
class Left:
    """A run that a former process died in the middle of.

    Attributes:
        run: Its uid.
        numbers: The detector's numbers of its frames.
        base: Detector's number of frame 0.
        shape: Of a frame.
        dtype: Of a frame.
        newest: Unix time of the newest frame, in seconds.
    """

    run: str
    numbers: set[int]
    base: int
    shape: tuple[int, int]
    dtype: str
    newest: float


def left_of(run: str, lines: Sequence[dict[str, Any]]) -> Left | None:
    """Say what a journal tells of a run without an end; nothing if no frame of it came."""
    frames = [line for line in lines if "frame" in line]
    if not frames:
        return None
    last = frames[-1]
    rows, columns = last["shape"]
    return Left(
        run=run,
        numbers={int(line["number"]) for line in frames},
        base=int(last["number"]) - int(last["frame"]),
        shape=(rows, columns),
        dtype=str(last["dtype"]),
        newest=max(float(line["time"]) for line in frames),
    )
