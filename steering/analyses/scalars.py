"""All that was recorded with each event, against the event's number: for runs without frames, and any other.

The features are the newest, the lowest and the highest value of each column, in the unit that was recorded. They are
read and not estimated, so their uncertainty is not known here.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from steering.analyses._frames import EMPTY, FrameTable
from steering.core.analysis import Exactness
from steering.core.block import FrameBlock
from steering.core.json import Json
from steering.core.result import UNKNOWN_UNIT, Feature, Outcome

EVENT = "event"


class Scalars:
    """A table of all columns against event number."""

    name = "scalars"
    exactness: Exactness = "bitwise"
    leaves_out_markers = True

    @property
    def parameters(self) -> Mapping[str, Json]:
        """None."""
        return {}

    def empty(self) -> FrameTable:
        """Table of no events."""
        return EMPTY

    def update(self, state: FrameTable, block: FrameBlock, frames: NDArray[Any]) -> FrameTable:
        """Add a block's events.

        Args:
            state: Left as it is.
            block: With any columns, of any units.
            frames: Not looked at.
        """
        del frames
        return state.merge(FrameTable(block.indices, dict(block.columns), dict(block.units)))

    def merge(self, left: FrameTable, right: FrameTable) -> FrameTable:
        """Unite two tables."""
        return left.merge(right)

    def result(self, state: FrameTable) -> Outcome:
        """Lay out the events in the order of their numbers, which count from 1 as Bluesky's do.

        A column of an event that lacks it is NaN there. ``<column>_last`` is left out where the newest event has no
        finite value, and ``<column>_min`` and ``<column>_max`` where no event has.
        """
        features = {"events": Feature(float(len(state)), 0.0, "1")}
        # A column of that name would be mistaken for the numbers that all are laid out against.
        names = {name: f"{name}_column" if name == EVENT else name for name in sorted(state.columns)}
        variables: dict[str, tuple[str, NDArray[Any], dict[str, str]]] = {}
        for column, name in names.items():
            values, units = state.column(column), state.unit(column, UNKNOWN_UNIT)
            variables[name] = (EVENT, values, {"units": units})
            features |= _features(name, values, units)
        numbers = (EVENT, state.index + 1, {"units": "1"})
        return Outcome(features, xr.Dataset(variables, {EVENT: numbers}))


def _features(name: str, values: NDArray[np.float64], units: str) -> dict[str, Feature]:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return {}
    found = {"min": float(finite.min()), "max": float(finite.max())}
    if np.isfinite(values[-1]):
        found = {"last": float(values[-1]), **found}
    return {f"{name}_{what}": Feature(value, float("nan"), units) for what, value in found.items()}
