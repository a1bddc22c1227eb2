"""What a simulated beamline has beside its own motors and samples: those of a technique that is tried on it."""

import importlib
from collections.abc import Mapping
from typing import Any, cast

from steering.core.errors import SteeringError
from steering.sim.motor import Motor
from steering.sim.samples import Sample

# Seconds to reach the speed.
_RAMP = 0.002


def load_samples(named: Mapping[str, str]) -> dict[str, Sample]:
    """Load samples of a person's own.

    Args:
        named: By name, each as ``"module:Class"``; made by its ``load()`` if it has one.

    Raises:
        SteeringError: If one cannot be loaded, or is no sample.
    """
    return {name: _load(name, where) for name, where in named.items()}


def _load(name: str, where: str) -> Sample:
    module, _, attribute = where.partition(":")
    try:
        found: Any = getattr(importlib.import_module(module), attribute)
        made: Any = found.load() if hasattr(found, "load") else found()
        rows, columns = made.shape
    except Exception as error:  # a stranger's class may raise anything
        said = f"{type(error).__name__}: {error}"
        message = f"The sample {name} cannot be made from {where!r:.100} ({said:.200}). Write module:Class."
        raise SteeringError(message) from error
    if not (callable(getattr(made, "frame", None)) and int(rows) > 0 and int(columns) > 0):
        message = f"The sample {name} has no frame(positions, exposure, random), or an empty shape."
        raise SteeringError(message)
    return cast("Sample", made)


def make_motors(prefix: str, described: Mapping[str, Mapping[str, Any]], haste: float) -> dict[str, Motor]:
    """Make motors of a person's own.

    Args:
        prefix: Of all PVs.
        described: By name: units, low, high, and speed in units per second.
        haste: How many times faster than life they are.
    """
    return {
        name: Motor(
            f"{prefix}{name}", units=str(one["units"]), limits=(float(one["low"]), float(one["high"])),
            speed=float(one["speed"]), ramp=_RAMP, haste=haste,
            start=min(max(0.0, float(one["low"])), float(one["high"])),
        )
        for name, one in described.items()
    }  # fmt: skip


def order_samples(detector: str, first: str, samples: Mapping[str, Sample]) -> dict[str, Sample]:
    """Put the sample first that a detector has in its beam.

    Raises:
        SteeringError: If there is none of that name.
    """
    if first not in samples:
        message = f"The detector {detector} shows {first!r:.60}, which is no sample. Allowed: {', '.join(samples)}."
        raise SteeringError(message)
    return {first: samples[first], **samples}
