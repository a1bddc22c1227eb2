"""A map: for each point of a two-axis scan the sum, maximum and centre of mass of its frame."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from steering.analyses.frame_table import EMPTY, FrameTable, measure
from steering.core.analysis import Exactness
from steering.core.block import Floats, FrameBlock
from steering.core.json import Json
from steering.core.result import Feature, Outcome

_MEASURED = {"frame_sum": "counts", "frame_maximum": "counts", "com_row": "px", "com_column": "px"}


class MapFeatures:
    """Sum, maximum and centre of mass per point, on whatever grids the scan took its points."""

    name = "map_features"
    exactness: Exactness = "bitwise"

    def __init__(self, slow: str = "sy", fast: str = "sx", exposure: str = "exposure") -> None:
        """Choose the columns of the events.

        Args:
            slow: Slow axis.
            fast: Fast axis.
            exposure: Exposure time in seconds.
        """
        self._axes = (slow, fast)
        self._exposure = exposure

    @property
    def parameters(self) -> Mapping[str, Json]:
        """The columns."""
        return {"slow": self._axes[0], "fast": self._axes[1], "exposure": self._exposure}

    def empty(self) -> FrameTable:
        """Table of no frames."""
        return EMPTY

    def update(self, state: FrameTable, block: FrameBlock, frames: NDArray[Any]) -> FrameTable:
        """Add a block's frames.

        Raises:
            ValueError: If the block lacks a position or the exposure.
        """
        missing = [name for name in (*self._axes, self._exposure) if name not in block.columns]
        if missing:
            message = f"the events have no column {' and '.join(missing)}; they have: {', '.join(block.columns)}"
            raise ValueError(message)
        return state.merge(measure(block, frames))

    def merge(self, left: FrameTable, right: FrameTable) -> FrameTable:
        """Unite two tables."""
        return left.merge(right)

    def result(self, state: FrameTable) -> Outcome:
        """Lay out the points in the order in which they were measured."""
        data = self._points(state)
        features = {"points": Feature(float(data.sizes["point"]), 0.0, "1")}
        if data.sizes["point"]:
            counts, intensity = float(data["frame_sum"].sum()), data["intensity"].values
            top = int(np.argmax(intensity))
            seconds = data["exposure"].values
            features["total"] = Feature(counts, float(np.sqrt(counts)), "counts")
            mean_error = float(np.sqrt(np.sum(data["frame_sum"].values / seconds**2)) / len(intensity))
            features["mean_intensity"] = Feature(float(intensity.mean()), mean_error, "counts/s")
            top_error = float(np.sqrt(data["frame_sum"].values[top]) / seconds[top])
            features["maximum"] = Feature(float(intensity[top]), top_error, "counts/s")
            for axis in self._axes:
                step = float(data[f"{axis}_step"].values[top])
                place = float(data[axis].values[top])
                features[f"{axis}_at_maximum"] = Feature(place, step / float(np.sqrt(12)), data[axis].attrs["units"])
        return Outcome(features, data)

    def _points(self, table: FrameTable) -> xr.Dataset:
        nothing = np.empty(0)
        exposure = table.columns.get(self._exposure, nothing)
        usable = exposure > 0
        for axis in self._axes:
            usable = usable & np.isfinite(table.columns.get(axis, nothing))

        def column(name: str, missing: float = np.nan) -> Floats:
            found = table.columns.get(name)
            return (found if found is not None else np.full(len(table), missing))[usable]

        variables: dict[str, tuple[str, NDArray[Any], dict[str, str]]] = {
            name: ("point", column(name), {"units": units}) for name, units in _MEASURED.items()
        }
        for axis in self._axes:
            units = {"units": table.units.get(axis, "um")}
            variables[axis] = ("point", column(axis), units)
            variables[f"{axis}_step"] = ("point", column(f"{axis}_step"), units)
        seconds = exposure[usable]
        variables["intensity"] = ("point", column("frame_sum") / seconds, {"units": "counts/s"})
        variables["exposure"] = ("point", seconds, {"units": "s"})
        variables["grid"] = ("point", column("grid", 0.0).astype(np.int64), {"units": "1"})
        variables["frame"] = ("point", table.index[usable], {"units": "1"})
        data = xr.Dataset(variables, attrs={"left_out": len(table) - int(usable.sum())})
        return data.set_coords(list(self._axes))
