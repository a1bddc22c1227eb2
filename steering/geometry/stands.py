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
        detector: Its name; the main one's if empty.

    Returns:
        As it stands there; empty if it does not.
    """
    found = start.get("geometry")
    one = cast("Mapping[str, Any]", found).get(detector or MAIN_DETECTOR) if isinstance(found, Mapping) else None
    return cast("Mapping[str, Any]", one) if isinstance(one, Mapping) else {}
