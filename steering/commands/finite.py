"""Makes strict JSON of numbers."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast


def finite(value: Any) -> Any:
    """Replace NaN and infinities, which strict JSON does not know, by null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: finite(item) for name, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in cast("Sequence[Any]", value)]
    return value
