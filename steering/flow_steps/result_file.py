"""A result in a JSON file: features, provenance, and arrays up to a limit. Read back without running anything."""

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import xarray as xr

from steering.core.errors import SteeringError, said
from steering.core.result import Outcome, Provenance, Result
from steering.flows.feature_json import features_json, read_features

# Arrays of a result travel up to so many bytes together, as Globus Compute has it; larger ones stay in the export.
MOST_BYTES = 10_000_000


def write_result_file(path: Path, result: Result) -> None:
    """Write a result, whole or not at all; on the disk when this returns.

    Args:
        path: Where.
        result: What. Of its arrays the smallest go first; what is beyond the limit is named only.
    """
    variables: dict[str, Any] = {}
    left, data = MOST_BYTES, result.outcome.data
    for name in sorted(data.variables, key=lambda one: data[one].nbytes):
        values = np.asarray(data[name].values)
        left -= values.nbytes
        kept = left >= 0 and values.dtype.kind in "biufU"
        variables[str(name)] = {
            "dims": [str(one) for one in data[name].dims],
            "shape": list(values.shape),
            "dtype": values.dtype.str,
            "coordinate": name in data.coords,
            "attrs": {str(key): _plain(one) for key, one in data[name].attrs.items()},
            "values": base64.b64encode(np.ascontiguousarray(values).tobytes()).decode() if kept else None,
        }
    content = {
        "version": result.version,
        "features": features_json(result.outcome.features),
        "provenance": asdict(result.provenance),
        "attrs": {str(key): _plain(one) for key, one in data.attrs.items()},
        "variables": variables,
    }
    made = path.with_name(f".{path.name}.part")
    with made.open("w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    made.replace(path)


def read_result_file(path: Path) -> Result:
    """Read a result.

    Raises:
        SteeringError: If it is none.
    """
    try:
        return read_result(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, SteeringError) as error:
        raise SteeringError(
            f"{path} holds no result ({error!s:.150}). Resume its flow to have it made again."
        ) from error


def read_result(text: str) -> Result:
    """Read a result from what is in its file, whoever wrote it.

    Raises:
        SteeringError: If it is none.
    """
    try:
        content: dict[str, Any] = json.loads(text)
        kept = {name: one for name, one in content["variables"].items() if one["values"] is not None}
        variables = {name: (tuple(one["dims"]), _array(one), one["attrs"]) for name, one in kept.items()}
        data = xr.Dataset(variables, attrs=content["attrs"])
        data = data.set_coords([name for name, one in kept.items() if one["coordinate"]])
        outcome = Outcome(read_features(content["features"]), data)
        return Result(int(content["version"]), outcome, _provenance(content["provenance"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise SteeringError(f"it is no result: {said(error):.100}") from error


def results_of(outcome: Mapping[str, Any]) -> dict[str, Result]:
    """Read the results of a compute step that is done, by label.

    Raises:
        SteeringError: If a file of it is not there any more.
    """
    files: Mapping[str, str] = outcome.get("results") or {}
    return {label: read_result_file(Path(path)) for label, path in files.items()}


def _provenance(given: Mapping[str, Any]) -> Provenance:
    """Read where a result comes from.

    Raises:
        TypeError: If a field is missing, or is of another type.
    """
    made = Provenance(**given)
    said: Mapping[str, Any] = vars(made)
    kinds = dict.fromkeys(said, str) | {"frames": int, "last_frame": int, "parameters": dict, "times": dict}
    times: Mapping[str, Any] = said["times"]
    if any(type(said[name]) is not kind for name, kind in kinds.items()) or not all(
        isinstance(one, int | float) for one in times.values()
    ):
        message = "a field of its provenance is of another type"
        raise TypeError(message)
    return made


def _array(one: Mapping[str, Any]) -> Any:
    raw = base64.b64decode(one["values"], validate=True)
    return np.frombuffer(raw, dtype=np.dtype(one["dtype"])).reshape(one["shape"]).copy()


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return cast("Any", value).tolist()
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
