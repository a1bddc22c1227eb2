"""Sum and centre of mass of each frame of any stream, with or without motors, for as long as it goes on.

The uncertainty of a total is that of counting, sqrt(counts). Those of centres follow from their scatter: the standard
deviation of single frames for the last centre, the standard error for the mean.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from steering.analyses._choices import StreamChoices
from steering.analyses._frames import MEASURED, masked_feature, measure
from steering.analyses._newest import KEPT, NewestFrames, check_kept
from steering.core.analysis import Exactness
from steering.core.block import FrameBlock
from steering.core.json import Json
from steering.core.result import Feature, Outcome


class CentreOfMass:
    """Where the light falls on the detector, and how much."""

    name = "centre_of_mass"
    exactness: Exactness = "bitwise"
    leaves_out_markers = True

    Parameters = StreamChoices

    def __init__(
        self, kept: int = KEPT, region: Mapping[str, Any] | None = None, masked: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        """Choose what is kept of a run without end, and what is looked at.

        Args:
            kept: So many of the newest frames are kept one by one; of all before them the sums.
            region: ``{"rows": (10, 20), "columns": (5, 40)}``: the only pixels that are looked at, without the last row
                and column that are named; all of them if left out.
            masked: Likewise, parts that are left out.

        Raises:
            ValueError: If none are kept, or there is no such region.
        """
        self._chosen = StreamChoices.model_validate({"kept": check_kept(kept), "region": region, "masked": masked})
        self._kept = self._chosen.kept

    @property
    def parameters(self) -> Mapping[str, Json]:
        """How many frames are kept, and the parts of the detector."""
        return self._chosen.plain()

    def empty(self) -> NewestFrames:
        """State of no frames."""
        return NewestFrames()

    def update(self, state: NewestFrames, block: FrameBlock, frames: NDArray[Any]) -> NewestFrames:
        """Add a block's frames.

        Args:
            state: Left as it is.
            block: Of any stream; its columns are not looked at.
            frames: Pixels in counts, shape ``(len(block), rows, columns)``.

        Raises:
            ValueError: If the frames have the wrong shape.
        """
        measured = measure(block, frames, (), self._chosen.region, self._chosen.masked)
        return state.merge(NewestFrames(measured.only(tuple(MEASURED))), self._kept)

    def merge(self, left: NewestFrames, right: NewestFrames) -> NewestFrames:
        """Unite the states of different frames."""
        return left.merge(right, self._kept)

    def result(self, state: NewestFrames) -> Outcome:
        """Say what all frames have, and show the newest.

        ``data.attrs["older"]`` counts the frames before those that are shown, ``["left_out"]`` those of all frames with
        a pixel that is not a number.
        """
        totals, rows, columns = (state.of_all(name) for name in ("frame_sum", "com_row", "com_column"))
        features = {"frames": Feature(float(len(state)), 0.0, "1")}
        if totals.count and np.isfinite(totals.total):
            features["total"] = Feature(totals.total, float(np.sqrt(max(totals.total, 0.0))), "counts")
        features |= masked_feature(state.of_all("frame_masked").mean)
        for axis, sums in (("row", rows), ("column", columns)):
            newest = state.table.column(f"com_{axis}")
            seen = newest[np.isfinite(newest)]
            if sums.count:
                features[f"mean_{axis}"] = Feature(sums.mean, sums.error, "px")
            if len(seen):
                features[f"last_{axis}"] = Feature(float(seen[-1]), sums.deviation, "px")
        variables = {name: ("frame", state.table.column(name), {"units": units}) for name, units in MEASURED.items()}
        index = {"frame": ("frame", state.table.index, {"units": "1"})}
        left_out = {"older": state.older, "left_out": len(state) - totals.count}
        return Outcome(features, xr.Dataset(variables, index, left_out))
