"""Features as JSON, which knows no NaN."""

import math
from collections.abc import Mapping
from typing import Any

from steering.core.result import Feature


def features_json(features: Mapping[str, Feature]) -> dict[str, Any]:
    """Write features as JSON; an uncertainty that is not known is null."""
    return {
        name: {
            "value": one.value if math.isfinite(one.value) else None,
            "uncertainty": one.uncertainty if math.isfinite(one.uncertainty) else None,
            "units": one.units,
        }
        for name, one in features.items()
    }


def read_features(content: Mapping[str, Mapping[str, Any]]) -> dict[str, Feature]:
    """Read features that were written as JSON."""
    return {
        name: Feature(_number(one["value"]), _number(one["uncertainty"]), str(one["units"]))
        for name, one in content.items()
    }


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
