"""Writes results into the record, beside the runs: ``results / RUN / ANALYSIS-...``, one array a variable.

Several sessions may follow one run and each write its result; each writes under a name of its own, and a reader takes
the one that holds most frames.
"""

import secrets
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import httpx
import numpy as np

from steering.archive.run_results import RESULTS
from steering.core.json import Json
from steering.core.result import Result

# HTTP's answer where a name is taken.
_CONFLICT = 409


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
    variables: dict[str, Json] = {
        str(name): {
            "dims": [str(dimension) for dimension in variable.dims],
            "attrs": _attributes(variable.attrs),
            "coordinate": name in data.coords,
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
    for name, variable in data.variables.items():
        node.write_array(np.asarray(variable.values), key=str(name))


def _container(parent: Any, key: str) -> Any:
    if key not in parent:
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
