"""The same frames in several places."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from numpy.typing import NDArray

from steering.core.block import Floats
from steering.core.errors import SteeringError
from steering.core.pixels import NOTHING_BAD, Bad
from steering.core.place import Place


@dataclass(frozen=True)
class FirstReachable:
    """The same frames in several places; a worker takes the first that it can reach.

    Attributes:
        places: In order of preference.
    """

    places: tuple[Place, ...]

    def read(self, first: int, stop: int) -> tuple[NDArray[Any], Floats]:
        """Read the frames in the first place that can be reached.

        Raises:
            SteeringError: If none can; says why for each.
        """
        refusals: list[str] = []
        for place in self.places:
            try:
                return place.read(first, stop)
            except SteeringError as error:
                refusals.append(str(error))
        message = (
            f"Frames {first} to {stop - 1} cannot be reached in any of {len(refusals)} places. {' '.join(refusals)}"
        )
        raise SteeringError(message)

    def bad(self, shape: tuple[int, int]) -> Bad:
        """Say what the first of them says that says anything."""
        said = (place.bad(shape) for place in self.places)
        return next((one for one in said if one is not NOTHING_BAD), NOTHING_BAD)

    def part(self, part: slice) -> Place:
        """Return some of the frames, in all places."""
        return FirstReachable(tuple(place.part(part) for place in self.places))

    def goes_on_in(self, after: Place) -> bool:
        """Say whether each place goes on."""
        return (
            isinstance(after, FirstReachable)
            and len(after.places) == len(self.places)
            and all(one.goes_on_in(other) for one, other in zip(self.places, after.places, strict=True))
        )

    def joined(self, others: Sequence[Place]) -> Place:
        """Join the places one by one."""
        rest = zip(*(one.places for one in cast("Sequence[FirstReachable]", others)), strict=True)
        return FirstReachable(tuple(place.joined(more) for place, more in zip(self.places, rest, strict=True)))

    def weight(self, frames: int) -> int:
        """Add the places' weights."""
        return sum(place.weight(frames) for place in self.places)
