"""How deep the light of a frame comes from, of a frame that was reconstructed for a depth."""

from steering.core.block import Floats
from steering.core.result import UNKNOWN_UNIT
from steering.laue.geon import MM_OF

_USUAL = "um"


def in_mm(depth: Floats, units: str) -> Floats:
    """Return depths in mm.

    Args:
        depth: Along the beam behind the origin, of any shape.
        units: Of them; what names none is taken as micrometres.

    Raises:
        ValueError: If that is no length.
    """
    scale = MM_OF.get(_USUAL if units in ("", UNKNOWN_UNIT) else units)
    if scale is None:
        message = f"the depth is in {units}. Allowed: {', '.join(sorted(MM_OF))}."
        raise ValueError(message)
    return depth * scale
