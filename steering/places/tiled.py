"""Frames in an array of a Tiled server, read by explicit slices: a plain read of an array that grows fails there."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.core.errors import SteeringError
from steering.core.pixels import NOTHING_BAD, Bad
from steering.core.place import Place
from steering.machine.direct import key_headers, made_for

# A time, and what holds a reference to a few frames.
_WEIGHT = 10


@dataclass(frozen=True)
class TiledFrames:
    """Frames in an array of a Tiled server, read by HTTP slices.

    Attributes:
        url: Of the array, as its metadata has it (``.../api/v1/metadata/PATH``).
        per_event: How many frames one entry of the array's first axis holds.
        key: API key. Never printed.
        times: Unix time in seconds of each frame, or NaN; empty if nobody says.
    """

    url: str
    per_event: int = 1
    key: str = field(default="", repr=False)
    times: tuple[float, ...] = ()

    def read(self, first: int, stop: int) -> tuple[NDArray[Any], Floats]:
        """Ask for frames.

        Raises:
            SteeringError: If the server does not answer, or the array does not hold them.
        """
        return self._slice(first, stop), np.array(self.times or [np.nan] * (stop - first))

    def bad(self, shape: tuple[int, int]) -> Bad:
        """Say nothing: the server does not tell."""
        del shape
        return NOTHING_BAD

    def part(self, part: slice) -> Place:
        """Return the same array, with the times of some of the frames."""
        return replace(self, times=self.times[part])

    def goes_on_in(self, after: Place) -> bool:
        """Say whether the others lie in the same array."""
        return (
            isinstance(after, TiledFrames)
            and bool(self.times) == bool(after.times)
            and after == replace(self, times=after.times)
        )

    def joined(self, others: Sequence[Place]) -> Place:
        """Return the array with the times of all."""
        times = (when for one in (self, *cast("Sequence[TiledFrames]", others)) for when in one.times)
        return replace(self, times=tuple(times))

    def weight(self, frames: int) -> int:
        """Count what is named of each frame."""
        return _WEIGHT * frames

    def _slice(self, first: int, stop: int) -> NDArray[Any]:
        import httpx

        begin, end = first // self.per_event, -(-stop // self.per_event)
        try:
            array = _array(self.url, self.key)
            if array.shape[0] < end:
                # It had not so many frames when it was looked at: one that grows is looked at again.
                _array.cache_clear()
                array = _array(self.url, self.key)
            found = np.asarray(array[begin:end])
        except (httpx.HTTPError, OSError, ValueError, KeyError, IndexError) as error:
            _array.cache_clear()
            message = f"Frames {first} to {stop - 1} cannot be read from {self.url} ({type(error).__name__}: {error})."
            raise SteeringError(message) from error
        frames = found.reshape((-1, *found.shape[-2:]))[first - begin * self.per_event :][: stop - first]
        if len(frames) != stop - first:
            _array.cache_clear()
            message = f"{self.url} holds {len(frames)} of the frames {first} to {stop - 1}."
            raise SteeringError(message)
        return frames


@lru_cache(maxsize=8)
def _array(url: str, key: str) -> Any:
    from tiled.client import from_uri

    return made_for(url, lambda: from_uri(url, api_key=key, headers=key_headers(key)))
