"""Where the detectors of a run stood, as its start document says it."""

from collections.abc import Mapping
from typing import Any, cast

# What the main detector of a beamline of ours is called.
MAIN_DETECTOR = "det"


def geometry_of(start: Mapping[str, Any], detector: str = "") -> Mapping[str, Any]:
    """Read where a detector stood from a run's start document.

    Args:
        start: May have ``geometry``: by the name of each detector the numbers of
            :class:`steering.geometry.geometry.Geometry`.
        detector: Its name. If empty the main one's, or that of the only one there is, whatever its name.

    Returns:
        As it stands there; empty if it does not.
    """
    found = start.get("geometry")
    if not isinstance(found, Mapping):
        return {}
    by_name = cast("Mapping[str, Any]", found)
    name = detector or (MAIN_DETECTOR if len(by_name) != 1 else next(iter(by_name)))
    one = by_name.get(name)
    return cast("Mapping[str, Any]", one) if isinstance(one, Mapping) else {}
