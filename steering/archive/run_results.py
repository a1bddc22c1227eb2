"""Reads the results that the record keeps of one run."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.core.errors import SteeringError
from steering.core.result import Feature, Outcome, Provenance, Result

RESULTS = "results"


class NotYetError(SteeringError):
    """A result is being written into the record, or its writer was stopped: it cannot be read."""


class RunResults:
    """Of each analysis of a run the complete result that holds most frames, and of these the newest."""

    def __init__(self, client: Any, uid: str) -> None:
        """Read through a Tiled client of the catalogue's root; what is there now, later results are not seen."""
        self._uid = uid
        self._nodes: list[Any] = list(client.get(RESULTS, {}).get(uid, {}).values())
        # Each look at what a node holds is a question to the server.
        self._chosen: dict[str, Any] = {}

    @property
    def labels(self) -> list[str]:
        """What the analyses are called of which there are results."""
        return list(dict.fromkeys(name for node in self._nodes for name in _names(node.metadata["provenance"])))

    def features(self, label: str) -> dict[str, Feature]:
        """Read the final features of an analysis.

        Raises:
            SteeringError: If the record holds none.
        """
        return _features(self._node(label))

    def provenance(self, label: str) -> dict[str, Any]:
        """Read where the final result of an analysis comes from: run, parameters, version, facility, times.

        Raises:
            SteeringError: If the record holds none.
        """
        return dict(self._node(label).metadata["provenance"])

    def data(self, label: str) -> xr.Dataset:
        """Read the final arrays of an analysis.

        Returns:
            Dataset whose ``attrs`` hold the features and the provenance as JSON, so that it can be written as netCDF.

        Raises:
            SteeringError: If the record holds none.
        """
        node = self._node(label)
        said = {name: node.metadata[name] for name in ("features", "provenance")}
        return _data(node).assign_attrs(_writable(said))

    def result(self, label: str) -> Result:
        """Read the final result of an analysis as a session has it.

        Raises:
            SteeringError: If the record holds none.
        """
        node = self._node(label)
        source = dict(node.metadata["provenance"])
        version = int(source.pop("version", 1))
        return Result(version, Outcome(_features(node), _data(node)), Provenance(**source))

    def curve(self, label: str) -> tuple[Floats, Floats]:
        """Read the positions and intensities of a curve, and no other array.

        Returns:
            Two arrays of shape ``(points,)`` in their own units; empty if the result is no curve.

        Raises:
            SteeringError: If the record holds none.
        """
        along = self._along(label)
        if len(along) != 1:
            return np.empty(0), np.empty(0)
        x, y = self._read(label, *along, "intensity")
        return x, y

    def map(self, label: str) -> tuple[Floats, Floats, Floats]:
        """Read the positions and intensities of a map, and no other array.

        Returns:
            Positions along the fast and along the slow axis and intensities, each of shape ``(points,)`` in its own
            unit; empty if the result is no map.

        Raises:
            SteeringError: If the record holds none.
        """
        along = self._along(label)
        if len(along) != 2:
            return np.empty(0), np.empty(0), np.empty(0)
        parameters: Mapping[str, Any] = self.provenance(label).get("parameters") or {}
        # The axes are named slowest first.
        named = [name for name in parameters.get("axes") or () if name in along]
        slow, fast = named if len(named) == 2 else along
        x, y, values = self._read(label, fast, slow, "intensity")
        return x, y, values

    def _along(self, label: str) -> list[str]:
        """Name the axes on which each intensity has a position: one of a curve, two of a map."""
        described: Mapping[str, Mapping[str, Any]] = self._node(label).metadata["variables"]
        dims = described.get("intensity", {}).get("dims", [])
        along = [name for name, entry in described.items() if entry["coordinate"] and entry["dims"] == dims]
        return along if len(dims) == 1 else []

    def _read(self, label: str, *names: str) -> tuple[Floats, ...]:
        found = _variables(self._node(label), names)
        return tuple(np.asarray(found[name], dtype=np.float64) for name in names)

    def _node(self, label: str) -> Any:
        if label not in self._chosen:
            self._chosen[label] = self._choose(label)
        return self._chosen[label]

    def _choose(self, label: str) -> Any:
        found = [
            node for node in self._nodes if label in _names(node.metadata["provenance"]) and set(node) >= _arrays(node)
        ]
        if not found:
            message = f"The record holds no result of {label!r} for run {self._uid[:8]} yet."
            raise NotYetError(message)
        return max(found, key=lambda node: _age(node.metadata["provenance"]))


def _arrays(node: Any) -> set[str]:
    """Name the arrays that a complete result has."""
    described: Mapping[str, Mapping[str, Any]] = node.metadata["variables"]
    return {entry["in"]["array"] if entry.get("in") else name for name, entry in described.items()}


def _variables(node: Any, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Read some variables; those that are rows of one array with one request."""
    described: Mapping[str, Mapping[str, Any]] = node.metadata["variables"]
    read: dict[str, NDArray[Any]] = {}
    found: dict[str, NDArray[Any]] = {}
    for name in names:
        # A record of before has each by its own name.
        place: Mapping[str, Any] = described[name].get("in") or {"array": name, "row": ...}
        key: str = place["array"]
        if key not in read:
            read[key] = np.asarray(node[key].read())
        found[name] = read[key][place["row"]]
    return found


def _data(node: Any) -> xr.Dataset:
    described: Mapping[str, Mapping[str, Any]] = node.metadata["variables"]
    values = _variables(node, described)
    variables = {
        name: (tuple(entry["dims"]), values[name], _writable(entry["attrs"])) for name, entry in described.items()
    }
    coordinates = {name for name, entry in described.items() if entry["coordinate"]}
    return xr.Dataset(variables, attrs=_writable(node.metadata.get("attrs") or {})).set_coords(coordinates)


def _features(node: Any) -> dict[str, Feature]:
    kept: Mapping[str, Mapping[str, Any]] = node.metadata["features"]
    return {
        name: Feature(_number(entry["value"]), _number(entry["uncertainty"]), str(entry["units"]))
        for name, entry in kept.items()
    }


def _names(provenance: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a result may be asked for by: its label; where it has none of its own, its analysis."""
    label, analysis = str(provenance.get("label") or ""), str(provenance["analysis"])
    return (label,) if label else (analysis,)


def _age(provenance: Mapping[str, Any]) -> tuple[int, float]:
    times: Mapping[str, Any] = provenance.get("times") or {}
    return int(provenance["frames"]), float(times.get("result") or 0.0)


def _number(value: Any) -> float:
    # JSON has no NaN.
    return math.nan if value is None else float(value)


def _writable(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Turn attributes into what netCDF can hold: numbers and texts; anything else as JSON."""
    return {
        name: value if isinstance(value, str | float) or type(value) is int else json.dumps(value)
        for name, value in attributes.items()
    }
