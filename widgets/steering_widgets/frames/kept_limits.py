"""The limits of the colours, kept for each detector: what suits one is black or white in another."""

from dataclasses import dataclass

from steering.core.frame import Frame


@dataclass(frozen=True)
class Detector:
    """What tells one detector, or one way of reading it, from another.

    Attributes:
        rows: Of its frames, in its own pixels; a binned frame says it to within ``binning`` pixels.
        columns: Likewise.
        kind: How a count is stored, as NumPy calls it, in whatever byte order: ``"u2"``.
        binning: Pixels of the detector to one of the frame that it was seen by.
    """

    rows: int
    columns: int
    kind: str
    binning: int = 1

    @classmethod
    def of(cls, frame: Frame) -> "Detector":
        """Say which detector a frame is of."""
        rows, columns = (length * frame.binning for length in frame.pixels.shape)
        return cls(rows, columns, f"{frame.pixels.dtype.kind}{frame.pixels.dtype.itemsize}", frame.binning)

    def same(self, other: "Detector") -> bool:
        """Say whether it may be the same detector, seen in another binning."""
        slack = max(self.binning, other.binning)
        sides = ((self.rows, other.rows), (self.columns, other.columns))
        return self.kind == other.kind and all(abs(one - two) < slack for one, two in sides)


@dataclass(frozen=True)
class Limits:
    """What a person has set for a detector, as the traits of ``ImageView``."""

    auto_low: bool = True
    auto_high: bool = True
    locked: bool = False
    low: float = 0.0
    high: float = 1.0
    saturation: float | None = None


class KeptLimits:
    """Remembers the limits of each detector that was seen."""

    def __init__(self) -> None:
        """Begin with none."""
        self._seen: list[tuple[Detector, Limits]] = []
        self._now: Detector | None = None

    def change(self, frame: Frame, now: Limits) -> Limits | None:
        """Say which limits a frame's detector has, if it is another one than that of the frame before.

        Args:
            frame: That is to be shown.
            now: Of the frame before, which are kept for its detector.
        """
        seen, before = Detector.of(frame), self._now
        if before is not None and before.same(seen):
            return None
        self._now = seen
        if before is None:
            # What was set before the first frame is meant for it.
            return None
        self._seen = [(one, kept) for one, kept in self._seen if not one.same(before)] + [(before, now)]
        return next((kept for one, kept in self._seen if one.same(seen)), Limits())
