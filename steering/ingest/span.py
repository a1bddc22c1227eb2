"""A range of frames in one segment: what becomes a block."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from steering.ingest.segment import Segment


@dataclass
class Span:
    """Frames that lie one after another, in the run and in the segment.

    Attributes:
        run: Run uid.
        start: Index of the first in the run.
        offset: Where it begins in the segment, in bytes.
        frame_bytes: Size of one frame.
        times: Ends of their exposures, Unix seconds.
        columns: Their scalar attributes, one value a frame.
        arrived: Unix time at which the newest came.
        sealed: Whether it was handed on, so that it may not grow any more.
        kept: Indices of the frames whose results are not stored.
    """

    run: str
    start: int
    segment: Segment
    offset: int
    shape: tuple[int, int]
    dtype: str
    frame_bytes: int
    times: list[float] = field(default_factory=list[float])
    columns: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    arrived: float = 0.0
    sealed: bool = False
    kept: set[int] = field(default_factory=set[int])

    @property
    def stop(self) -> int:
        """Index after the last frame."""
        return self.start + len(self.times)

    def continues(self, run: str, index: int, segment: Segment, offset: int, columns: dict[str, float]) -> bool:
        """Say whether a frame is the next one here."""
        return (
            not self.sealed
            and (self.run, self.stop) == (run, index)
            and self.segment is segment
            and self.offset + len(self.times) * self.frame_bytes == offset
            and self.columns.keys() == columns.keys()
        )

    def add(self, index: int, time: float, columns: dict[str, float], arrived: float) -> None:
        """Take in the next frame."""
        self.times.append(time)
        self.arrived = arrived
        self.kept.add(index)
        for name, value in columns.items():
            self.columns.setdefault(name, []).append(value)

    def without(self, ranges: list[tuple[int, int]]) -> Iterator["Span"]:
        """Cut out frames that somebody has already; the parts that are left refer to the same frames."""
        cut = [(max(low, self.start), min(high, self.stop)) for low, high in ranges]
        have = sorted(entry for entry in cut if entry[0] < entry[1])
        # Whoever has a part of it is not told of it again: what comes next must begin another.
        self.sealed = self.sealed or bool(have)
        at = self.start
        for low, high in have:
            if at < low:
                yield self._part(at, low)
            at = max(at, high)
        if at == self.start:
            yield self
        elif at < self.stop:
            yield self._part(at, self.stop)

    def _part(self, start: int, stop: int) -> "Span":
        low, high = start - self.start, stop - self.start
        return Span(
            self.run,
            start,
            self.segment,
            self.offset + low * self.frame_bytes,
            self.shape,
            self.dtype,
            self.frame_bytes,
            self.times[low:high],
            {name: column[low:high] for name, column in self.columns.items()},
            self.arrived,
            sealed=True,
            # Shared: a part is freed when its whole is.
            kept=self.kept,
        )

    def describe(self) -> dict[str, Any]:
        """Say it in JSON, for whoever takes it."""
        self.sealed = True
        return {
            "kind": "frames",
            "run": self.run,
            "start": self.start,
            "segment": self.segment.name,
            "paths": list(self.segment.paths),
            "offset": self.offset,
            "shape": list(self.shape),
            "dtype": self.dtype,
            "times": self.times,
            "columns": self.columns,
            "arrived": self.arrived,
        }
