"""Reads frames from a Tiled server by explicit slices: a plain read of an array that grows fails there."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.core.direct import made_for
from steering.core.errors import SteeringError
from steering.core.place import TiledFrames


def read_slice(place: TiledFrames, first: int, stop: int) -> NDArray[Any]:
    """Read frames ``first`` to ``stop - 1`` of an array.

    Returns:
        Array of shape ``(stop - first, rows, columns)``.

    Raises:
        SteeringError: If the server does not answer, or the array does not hold them.
    """
    import httpx

    begin, end = first // place.per_event, -(-stop // place.per_event)
    try:
        found = np.asarray(_array(place.url, place.key)[begin:end])
    except (httpx.HTTPError, OSError, ValueError, KeyError, IndexError) as error:
        _array.cache_clear()
        message = f"Frames {first} to {stop - 1} cannot be read from {place.url} ({type(error).__name__}: {error})."
        raise SteeringError(message) from error
    frames = found.reshape((-1, *found.shape[-2:]))[first - begin * place.per_event :][: stop - first]
    if len(frames) != stop - first:
        _array.cache_clear()
        message = f"{place.url} holds {len(frames)} of the frames {first} to {stop - 1}."
        raise SteeringError(message)
    return frames


@lru_cache(maxsize=8)
def _array(url: str, key: str) -> Any:
    from tiled.client import from_uri

    return made_for(url, lambda: from_uri(url, api_key=key))
