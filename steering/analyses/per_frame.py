"""Your own function of one frame, as an analysis.

The uncertainty of a mean is its standard error, from the scatter of the frames' values; that of the last value is
their standard deviation.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from steering.analyses._frames import FrameTable
from steering.analyses._newest import KEPT, NewestFrames, check_kept
from steering.analyses.packed import Packed, pack
from steering.core.analysis import Exactness
from steering.core.block import FrameBlock
from steering.core.json import Json
from steering.core.pixels import cleaned, invalid
from steering.core.result import Feature, Outcome

_LOOKED_AT = 1 << 19

FrameFunction: TypeAlias = Callable[[NDArray[Any]], Any]


class PerFrame:
    """Calls a function with each frame and keeps what it gives, by frame.

    The function must give the same numbers for the same frame whenever and wherever it is called.

    Attributes:
        name: Of the analysis.
    """

    exactness: Exactness = "bitwise"
    leaves_out_markers = True

    def __init__(
        self,
        function: "FrameFunction | Packed",
        *,
        name: str = "",
        units: str | Mapping[str, str] = "1",
        kept: int = KEPT,
    ) -> None:
        """Wrap a function.

        Args:
            function: Takes one frame of shape ``(rows, columns)``, which it must not change, and returns a number, or
                a dictionary of numbers by name. Workers get a copy of it, so it may be defined in a notebook.
            name: Of the analysis, and of the value if the function returns one number; the function's own if left out.
            units: Of the number, or of each by its name.
            kept: So many of the newest frames are kept one by one; of all before them the sums.

        Raises:
            ValueError: If none is kept, or a unit is empty.
            SteeringError: If the function cannot be sent to workers.
        """
        self.name = name or str(getattr(function, "__name__", type(function).__name__)).strip("<>")
        self._units: Mapping[str, str] = {self.name: units} if isinstance(units, str) else dict(units)
        empty = [one for one, unit in self._units.items() if not unit]
        if empty:
            message = f'the unit of {", ".join(empty)} is empty; a plain number has the unit "1"'
            raise ValueError(message)
        self._kept = check_kept(kept)
        self._packed = function if isinstance(function, Packed) else pack(function, self.name)

    def __reduce__(self) -> tuple[Any, ...]:
        """Send the function as it was packed once."""
        return _received, (self._packed, self.name, tuple(self._units.items()), self._kept)

    @property
    def parameters(self) -> Mapping[str, Json]:
        """The function, by a hash of what it does, its units, and how many frames are kept."""
        return {
            "function": self._packed.fingerprint,
            "units": dict(self._units),
            "kept": self._kept,
        }

    def empty(self) -> NewestFrames:
        """State of no frames."""
        return NewestFrames()

    def update(self, state: NewestFrames, block: FrameBlock, frames: NDArray[Any]) -> NewestFrames:
        """Call the function with each frame of a block.

        Args:
            state: Left as it is.
            block: Of any stream; its columns are not looked at.
            frames: Pixels, shape ``(len(block), rows, columns)``. The function is given a masked array for a frame with
                pixels that are no counts.

        Raises:
            ValueError: If the function fails, or does not return what it should.
        """
        if len(frames) != len(block):
            message = f"frames have shape {frames.shape}, but the block has {len(block)} frames."
            raise ValueError(message)
        values: list[Any] = []
        # A few at a time, which are in the processor's cache when the function looks at them.
        few = max(1, _LOOKED_AT // max(1, frames[:1].nbytes))
        try:
            function: FrameFunction = self._packed.value
            for first in range(0, len(frames), few):
                some = frames[first : first + few]
                if invalid(some, block.bad) is not None:
                    # What the function is given of a frame does not depend on the frames beside it.
                    values.extend(function(cleaned(frame, block.bad)) for frame in some)
                else:
                    values.extend(map(function, some))
        except Exception as error:
            message = (
                f"{self.name} fails for frame {block.start + len(values)}, of shape {frames.shape[1:]} and type "
                f"{frames.dtype} ({type(error).__name__}: {error}). Correct the function."
            )
            raise ValueError(message) from error
        columns = self._columns(values)
        return state.merge(NewestFrames(FrameTable(block.indices, columns, self._units)), self._kept)

    def merge(self, left: NewestFrames, right: NewestFrames) -> NewestFrames:
        """Unite the states of different frames."""
        return left.merge(right, self._kept)

    def result(self, state: NewestFrames) -> Outcome:
        """Give the mean of each value over all frames, its newest, and the values of the newest frames.

        A value that is not a finite number is left out of the means. ``data.attrs["older"]`` counts the frames before
        those that are shown.
        """
        features = {"frames": Feature(float(len(state)), 0.0, "1")}
        variables: dict[str, tuple[str, NDArray[Any], dict[str, str]]] = {}
        for name, units in self._units.items():
            values, sums = state.table.column(name), state.of_all(name)
            variables[name] = ("frame", values, {"units": units})
            seen = values[np.isfinite(values)]
            if sums.count and np.isfinite(sums.mean):
                features[f"mean_{name}"] = Feature(sums.mean, sums.error, units)
            if len(seen):
                features[f"last_{name}"] = Feature(float(seen[-1]), sums.deviation, units)
        index = {"frame": ("frame", state.table.index, {"units": "1"})}
        return Outcome(features, xr.Dataset(variables, index, {"older": state.older}))

    def _columns(self, values: list[Any]) -> dict[str, NDArray[np.float64]]:
        try:
            if isinstance(values[0], Mapping):
                return {name: np.array([float(value[name]) for value in values]) for name in self._units}
            if len(self._units) == 1:
                return {name: np.array([float(value) for value in values]) for name in self._units}
        except (TypeError, ValueError, KeyError) as error:
            message = (
                f"{self.name} returned {values[0]!r} for a frame ({type(error).__name__}: {error}). Allowed: one "
                f"number, or a dictionary of numbers with the names in units: {', '.join(self._units)}."
            )
            raise ValueError(message) from error
        message = f"{self.name} returned {values[0]!r}, but units names {', '.join(self._units)}."
        raise ValueError(message)


def _received(packed: Packed, name: str, units: tuple[tuple[str, str], ...], kept: int) -> PerFrame:
    return PerFrame(packed, name=name, units=dict(units), kept=kept)
