"""What an analysis says of the frames so far, and where it comes from."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from steering.core.errors import SteeringError
from steering.core.json import Json

if TYPE_CHECKING:
    # It loads slowly, and most of what handles results makes none.
    import xarray as xr

# What is said of a column whose events name no unit: a feature never goes without one, and none is made up.
UNKNOWN_UNIT = "unknown"


@dataclass(frozen=True)
class Feature:
    """A number with its uncertainty (one standard deviation, NaN if unknown) and unit."""

    value: float
    uncertainty: float
    units: str


@dataclass(frozen=True)
class Outcome:
    """What :meth:`Analysis.result` returns.

    Attributes:
        features: Named numbers to steer on; a feature that the data do not allow yet is left out.
        data: Arrays to show and keep; coordinates, dimensions and ``attrs["units"]`` are set.
    """

    features: Mapping[str, Feature]
    data: "xr.Dataset"


@dataclass(frozen=True)
class Provenance:
    """Where a result comes from.

    Attributes:
        run: Run uid.
        analysis: Name of the analysis.
        parameters: Its parameters.
        parameters_hash: Short hash of name and parameters; part of every task's key.
        code_version: Version of the package that ran.
        facility: Where it ran.
        frames: How many frames it holds.
        last_frame: Index of the newest frame in it, -1 if none.
        times: Unix times in seconds of the newest frame's way: ``photon`` (end of exposure), ``document``,
            ``received``, ``submitted``, ``started``, ``finished``, ``result``.
        label: What the scan calls the analysis: a run may have several of one kind.
    """

    run: str
    analysis: str
    parameters: Mapping[str, Json]
    parameters_hash: str
    code_version: str
    facility: str
    frames: int
    last_frame: int
    times: Mapping[str, float] = field(default_factory=dict[str, float])
    label: str = ""


@dataclass(frozen=True)
class Result:
    """A version of an analysis' outcome over a growing run."""

    version: int
    outcome: Outcome
    provenance: Provenance

    @property
    def basis(self) -> str:
        """How a proposal that rests on this result names it."""
        source = self.provenance
        return f"{source.analysis}@{source.parameters_hash} version {self.version}, {source.frames} frames"


def checked(outcome: object) -> Outcome:
    """Return what an analysis said, without numbers that are none.

    Raises:
        SteeringError: If it is no outcome.
    """
    import xarray as xr

    if not isinstance(outcome, Outcome):
        message = f"result() returned {type(outcome).__name__}. Return steering.core.result.Outcome(features, data)."
        raise SteeringError(message)
    features: dict[str, Feature] = {}
    for name, feature in outcome.features.items():
        if not isinstance(feature, Feature):  # pyright: ignore[reportUnnecessaryIsInstance]  (a stranger's code)
            message = f"The feature {name!r} is {type(feature).__name__}. Return Feature(value, uncertainty, units)."
            raise SteeringError(message)
        if math.isfinite(feature.value):
            features[name] = feature
    if not isinstance(outcome.data, xr.Dataset):  # pyright: ignore[reportUnnecessaryIsInstance]  (as above)
        message = f"data is {type(outcome.data).__name__}. Return an xarray.Dataset, which may be empty."
        raise SteeringError(message)
    return outcome if len(features) == len(outcome.features) else Outcome(features, outcome.data)


def parameters_hash(analysis: str, parameters: Mapping[str, Json]) -> str:
    """Hash an analysis' name and parameters to eight hexadecimal digits."""
    text = json.dumps([analysis, dict(parameters)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
