"""What the outcome of an analysis must look like, and when two of them are the same."""

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import xarray as xr

from steering.contract.broken import ContractError, require, require_kind
from steering.core.analysis import Exactness
from steering.core.result import Outcome

# Relative difference that each class of exactness allows.
_TOLERANCE: dict[Exactness, float] = {"bitwise": 0.0, "rounding": 1e-9, "iterative": 1e-3}
# Booleans, integers, floats, complex numbers, text, times: what files and tables can keep.
_KINDS = "biufcUSMm"


def require_well_formed(outcome: Outcome, what: str) -> None:
    """Check that an outcome can be shown and kept: finite features, units on everything, nothing that JSON lacks.

    Args:
        outcome: What is checked.
        what: What it is, for the sentence.

    Raises:
        ContractError: If it is not.
    """
    require_kind(outcome, Outcome, f"{what} must be an Outcome")
    for name, feature in outcome.features.items():
        require(feature.units, f'{what}: feature {name!r} has no unit; a plain number has the unit "1"')
        require(np.isfinite(feature.value), f"{what}: feature {name!r} is {feature.value}; leave it out instead")
        require(not feature.uncertainty < 0, f"{what}: feature {name!r} has the uncertainty {feature.uncertainty}")
        _require_json(asdict(feature), f"{what}: feature {name!r}")
    require_kind(outcome.data, xr.Dataset, f"{what}: data must be an xarray Dataset")
    _require_json(dict(outcome.data.attrs), f"{what}: data.attrs")
    for name, variable in outcome.data.variables.items():
        units = variable.attrs.get("units")
        require(isinstance(units, str) and units, f'{what}: variable {name!r} has no attrs["units"]')
        kept: np.dtype[Any] = np.asarray(variable.values).dtype
        require(kept.kind in _KINDS, f"{what}: variable {name!r} holds values of type {kept}, which no file keeps")
        _require_json(dict(variable.attrs), f"{what}: the attrs of variable {name!r}")


def require_same(found: Outcome, expected: Outcome, exactness: Exactness, sentence: str) -> None:
    """Check that two outcomes are the same to a class of exactness.

    Args:
        found: One outcome.
        expected: The other.
        exactness: Class of exactness.
        sentence: What the plugin does if they are not.

    Raises:
        ContractError: If they are not.
    """
    tolerance = _TOLERANCE[exactness]
    names = f"{sorted(found.features)}, not {sorted(expected.features)}"
    require(found.features.keys() == expected.features.keys(), f"{sentence}: features {names}")
    for name, feature in expected.features.items():
        other = found.features[name]
        near = _near([other.value, other.uncertainty], [feature.value, feature.uncertainty], tolerance)
        require(near and other.units == feature.units, f"{sentence}: {name} is {other}, not {feature}")
    _same_data(found.data, expected.data, tolerance, sentence)


def _same_data(found: xr.Dataset, expected: xr.Dataset, tolerance: float, sentence: str) -> None:
    variables = f"{sorted(map(str, found.variables))}, not {sorted(map(str, expected.variables))}"
    require(set(found.variables) == set(expected.variables), f"{sentence}: variables {variables}")
    require(set(found.coords) == set(expected.coords), f"{sentence}: other coordinates")
    for name, variable in expected.variables.items():
        other = found.variables[name]
        sizes = f"{dict(other.sizes)}, not {dict(variable.sizes)}"
        require(dict(other.sizes) == dict(variable.sizes), f"{sentence}: variable {name!r} has the shape {sizes}")
        require(_near(other.values, variable.values, tolerance), f"{sentence}: variable {name!r} differs")
        require(other.attrs == variable.attrs, f"{sentence}: variable {name!r} has the attrs {other.attrs}")


def _near(found: Any, expected: Any, tolerance: float) -> bool:
    left, right = np.asarray(found), np.asarray(expected)
    if left.dtype.kind not in "biufc":
        return bool((left == right).all())
    return bool(np.allclose(left, right, rtol=tolerance, atol=0.0, equal_nan=True))


def _require_json(value: Any, what: str) -> None:
    try:
        json.dumps(value)
    except (TypeError, ValueError) as error:
        message = f"{what} cannot be written as JSON: {error}"
        raise ContractError(message) from error
