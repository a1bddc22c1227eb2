"""A map: for each point of a two-axis scan the sum, maximum and centre of mass of its frame.

Intensity is frame sum / exposure (counts/s); the uncertainties of sums are those of counting, sqrt(counts). The
position of the maximum is uncertain by the size of its cell / sqrt(12), as any place within the cell is as likely.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from steering.analyses._choices import TimedChoices
from steering.analyses._frames import EMPTY, FrameTable, masked_feature, measure
from steering.core.analysis import Exactness, Needs
from steering.core.block import FrameBlock
from steering.core.json import Json
from steering.core.result import Feature, Outcome

_USUAL_UNIT = "um"
_COUNTED = {"frame_sum": "counts", "frame_maximum": "counts", "com_row": "px", "com_column": "px"}


class MapFeatures:
    """Sum, maximum and centre of mass per point, on whatever grids the scan took its points."""

    name = "map_features"
    exactness: Exactness = "bitwise"
    leaves_out_markers = True

    Parameters = TimedChoices

    def __init__(
        self,
        axes: Sequence[str] = ("sy", "sx"),
        exposure: str = "exposure",
        region: Mapping[str, Any] | None = None,
        masked: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Choose the columns of the events, and what is looked at.

        Args:
            axes: Slow and fast axis. For each the column ``<axis>_step`` is the size of a point's cell, if there is
                one; the column ``grid`` says which grid a point belongs to, 0 for the first.
            exposure: Exposure time in seconds.
            region: ``{"rows": (10, 20), "columns": (5, 40)}``: the only pixels that are looked at, without the last row
                and column that are named; all of them if left out.
            masked: Likewise, parts that are left out.

        Raises:
            ValueError: If there are not two different axes, or there is no such region.
        """
        if len(axes) != 2 or axes[0] == axes[1]:
            message = f"a map has two different axes, slow and fast, for example sy and sx; not {list(axes)}"
            raise ValueError(message)
        self._axes = (axes[0], axes[1])
        self._chosen = TimedChoices.model_validate({"exposure": exposure, "region": region, "masked": masked})
        self._exposure = exposure

    @property
    def parameters(self) -> Mapping[str, Json]:
        """The columns, and the parts of the detector."""
        return {"axes": list(self._axes), **self._chosen.plain()}

    @property
    def needs(self) -> Needs:
        """The columns."""
        return Needs((*self._axes, self._exposure), {self._exposure: "s"})

    def empty(self) -> FrameTable:
        """Table of no frames."""
        return EMPTY

    def update(self, state: FrameTable, block: FrameBlock, frames: NDArray[Any]) -> FrameTable:
        """Add a block's frames.

        Args:
            state: Left as it is.
            block: With the columns of both axes and of the exposure.
            frames: Pixels in counts, shape ``(len(block), rows, columns)``.

        Raises:
            ValueError: If the block lacks a position or the exposure, or the frames have the wrong shape.
        """
        columns, chosen = (*self._axes, self._exposure), self._chosen
        return state.merge(measure(block, frames, columns, chosen.region, chosen.masked))

    def merge(self, left: FrameTable, right: FrameTable) -> FrameTable:
        """Unite two tables."""
        return left.merge(right)

    def result(self, state: FrameTable) -> Outcome:
        """Lay out the points in the order in which they were measured.

        Points without a position, without exposure, or with a pixel that is not a number are left out, and counted in
        ``data.attrs["left_out"]``.
        """
        data = self._points(state)
        features = {"points": Feature(float(data.sizes["point"]), 0.0, "1")}
        if not data.sizes["point"]:
            return Outcome(features, data)
        counts, intensity = data["frame_sum"].values, data["intensity"].values
        # Float frames may be background-subtracted, and so below zero.
        errors = np.sqrt(np.maximum(counts, 0)) / data["exposure"].values
        total, top = float(counts.sum()), int(np.argmax(intensity))
        features["total"] = Feature(total, float(np.sqrt(max(total, 0.0))), "counts")
        mean_error = float(np.sqrt(np.sum(errors**2)) / len(intensity))
        features |= masked_feature(float(np.nanmean(state.column("frame_masked"))))
        features["mean_intensity"] = Feature(float(intensity.mean()), mean_error, "counts/s")
        features["maximum"] = Feature(float(intensity[top]), float(errors[top]), "counts/s")
        for axis in self._axes:
            cell, place = abs(float(data[f"{axis}_step"].values[top])), float(data[axis].values[top])
            features[f"{axis}_at_maximum"] = Feature(place, cell / float(np.sqrt(12)), data[axis].attrs["units"])
        return Outcome(features, data)

    def _points(self, table: FrameTable) -> xr.Dataset:
        exposure = table.column(self._exposure)
        usable = (exposure > 0) & np.isfinite(exposure) & np.isfinite(table.column("frame_sum"))
        for axis in self._axes:
            usable = usable & np.isfinite(table.column(axis))
        variables: dict[str, tuple[str, NDArray[Any], dict[str, str]]] = {
            name: ("point", table.column(name)[usable], {"units": units}) for name, units in _COUNTED.items()
        }
        for axis in self._axes:
            units = {"units": table.unit(axis, _USUAL_UNIT)}
            variables[axis] = ("point", table.column(axis)[usable], units)
            variables[f"{axis}_step"] = ("point", table.column(f"{axis}_step")[usable], units)
        seconds = exposure[usable]
        variables["intensity"] = ("point", table.column("frame_sum")[usable] / seconds, {"units": "counts/s"})
        variables["exposure"] = ("point", seconds, {"units": "s"})
        variables["grid"] = ("point", table.column("grid", 0.0)[usable].astype(np.int64), {"units": "1"})
        variables["frame"] = ("point", table.index[usable], {"units": "1"})
        data = xr.Dataset(variables, attrs={"left_out": len(table) - int(usable.sum())})
        return data.set_coords(list(self._axes))
