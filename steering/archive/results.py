"""Writes results into the record, beside the runs: ``results / RUN / ANALYSIS-...``.

A variable of two and more dimensions is an array of its name. Variables of one dimension, and numbers, of one length
and type stand together as rows of one array, such as ``point-float64``: each array costs the record two requests, a
curve has ten variables, and a request takes 25 ms of a core. The metadata say of each variable where it stands.

Several sessions may follow one run and each write its result; each writes under a name of its own, and a reader takes
the one that holds most frames.
"""

import secrets
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import httpx
import numpy as np
import xarray as xr

from steering.archive.run_results import RESULTS
from steering.core.json import Json
from steering.core.result import Result

# HTTP's answer where a name is taken.
_CONFLICT = 409
# Kinds of numpy's types whose rows are one array: booleans, integers, floats.
_NUMBERS = "biuf"


def write_result(client: Any, result: Result) -> None:
    """Write a result with its provenance, beside those that are there.

    Args:
        client: Tiled client of the catalogue's root.
        result: What to write.
    """
    source = result.provenance
    results = _container(client, RESULTS)
    run = _container(results, source.run)
    data = result.outcome.data
    together = _together(data)
    rows: dict[str, Json] = {
        name: {"array": key, "row": row} for key, names in together.items() for row, name in enumerate(names)
    }
    variables: dict[str, Json] = {
        str(name): {
            "dims": [str(dimension) for dimension in variable.dims],
            "attrs": _attributes(variable.attrs),
            "coordinate": name in data.coords,
            "in": rows.get(str(name)),
        }
        for name, variable in data.variables.items()
    }
    features = {name: asdict(feature) for name, feature in result.outcome.features.items()}
    metadata = {
        "features": features,
        "provenance": {**asdict(source), "version": result.version},
        "variables": variables,
        "attrs": _attributes(data.attrs),
    }
    node = run.create_container(f"{source.label or source.analysis}-{secrets.token_hex(4)}", metadata=metadata)
    for key, names in together.items():
        node.write_array(np.stack([data[name].values for name in names]), key=key)
    for name, variable in data.variables.items():
        if str(name) not in rows:
            node.write_array(np.asarray(variable.values), key=str(name))


def _together(data: xr.Dataset) -> dict[str, list[str]]:
    """Name the variables that are rows of one array, by its key; nothing that stands alone."""
    alike: dict[str, list[str]] = {}
    for name, variable in data.variables.items():
        kind: np.dtype[Any] = variable.to_numpy().dtype
        if variable.ndim <= 1 and variable.size and kind.kind in _NUMBERS and isinstance(name, str):
            key = f"{next(iter(variable.dims), 'number')}-{kind.name}"
            alike.setdefault(key, []).append(name)
    # What is called as such an array is, keeps its name.
    return {key: names for key, names in alike.items() if len(names) > 1 and key not in data.variables}


def _container(parent: Any, key: str) -> Any:
    try:
        return parent[key]
    except KeyError:
        pass
    try:
        return parent.create_container(key)
    except httpx.HTTPStatusError as error:
        # Another session made it in this moment.
        if error.response.status_code != _CONFLICT:
            raise
    return parent[key]


def _attributes(attributes: Mapping[Any, Any]) -> dict[str, Json]:
    """Keep what JSON can say; numpy scalars become numbers."""
    plain: dict[str, Json] = {}
    for name, value in attributes.items():
        plain[str(name)] = value.item() if isinstance(value, np.generic) else value
    return plain
