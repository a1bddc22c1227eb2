"""What the spots of a sample have had of the beam."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Doses:
    """Seconds of the full beam, spot by spot.

    Attributes:
        spot: Size of the beam in micrometres: so far the stage must go for a fresh spot.
        had: What each spot has had, in seconds of the full beam.
    """

    spot: float
    had: dict[tuple[int, int], float] = field(default_factory=dict[tuple[int, int], float])

    def add(self, positions: Mapping[str, float], light: float) -> float:
        """Add to the spot that is in the beam; return what it had before.

        Args:
            positions: Of each axis, in its unit; the stage is ``sx`` and ``sy``.
            light: Seconds of the full beam.
        """
        spot = (round(positions.get("sx", 0.0) / self.spot), round(positions.get("sy", 0.0) / self.spot))
        before = self.had.get(spot, 0.0)
        self.had[spot] = before + light
        return before
