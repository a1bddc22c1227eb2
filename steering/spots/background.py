"""The background of a detector, out of the very frames that are measured: for each pixel the mean of what is no spot.

Where spots are few, a pixel is dark in nearly all frames. The mean of its counts up to a limit is its background: an
amorphous ring, air scattering, a hot row. Sums of frames do not depend on the order in which these come, unlike a
background that runs with them. It is a dark for the analyses ``hedm`` and ``laue`` once it is written to a file, and
may be made anew, and taken, while the scan goes on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from steering.core.analysis import Exactness
from steering.core.block import Floats, FrameBlock
from steering.core.errors import SteeringError, cause
from steering.core.json import Json
from steering.core.pixels import invalid
from steering.core.result import Feature, Outcome


class BackgroundChoices(BaseModel):
    """What may be chosen of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    below: float = Field(
        50.0, gt=0, le=1e9, description="Counts up to which a pixel shows its background, and no spot",
        json_schema_extra={"units": "counts"},
    )  # fmt: skip
    each: int = Field(
        10, ge=1, le=10_000, description="Of so many frames one is looked at", json_schema_extra={"units": "frames"}
    )


@dataclass(frozen=True, eq=False)
class BackgroundState:
    """Sums over the frames so far.

    Attributes:
        frames: How many were looked at.
        sums: Counts of each pixel where it showed its background, shape ``(rows, columns)``; nothing before the first.
        times: In how many frames it did, of that shape.
    """

    frames: int = 0
    sums: Floats | None = None
    times: NDArray[np.uint32] | None = None


class Background:
    """What each pixel counts where there is no spot."""

    name = "background"
    exactness: Exactness = "rounding"
    leaves_out_markers = True

    Parameters = BackgroundChoices

    def __init__(self, below: float = 50.0, each: int = 10) -> None:
        """Choose what is background.

        Args:
            below: Counts up to which a pixel shows its background: what is brighter is a spot.
            each: Of so many frames one is looked at, by its index in the run: all of 1,440 frames say no more than 144.

        Raises:
            ValueError: If a number is not allowed.
        """
        self._chosen = BackgroundChoices(below=below, each=each)

    @property
    def parameters(self) -> Mapping[str, Json]:
        """Limit, and how many frames are looked at."""
        return self._chosen.model_dump(mode="json")

    def empty(self) -> BackgroundState:
        """State of no frames."""
        return BackgroundState()

    def update(self, state: BackgroundState, block: FrameBlock, frames: NDArray[Any]) -> BackgroundState:
        """Add those of a block's frames that are looked at.

        Args:
            state: Left as it is.
            block: Of any stream.
            frames: Pixels in counts, shape ``(len(block), rows, columns)``.

        Raises:
            ValueError: If the frames have the wrong shape, or another one than those before.
        """
        if frames.ndim != 3 or len(frames) != len(block) or not frames.size:
            message = f"frames have shape {frames.shape}. Allowed: ({len(block)}, rows, columns), not empty"
            raise ValueError(message)
        seen = frames[-block.start % self._chosen.each :: self._chosen.each]
        if not len(seen):
            return state
        dark = seen <= self._chosen.below
        wrong = invalid(seen, block.bad)
        if wrong is not None:
            dark &= ~wrong
        sums = np.where(dark, seen, seen.dtype.type(0)).sum(axis=0, dtype=np.float64)
        return self.merge(state, BackgroundState(len(seen), sums, dark.sum(axis=0, dtype=np.uint32)))

    def merge(self, left: BackgroundState, right: BackgroundState) -> BackgroundState:
        """Unite the states of different frames.

        Raises:
            ValueError: If their frames differ in shape.
        """
        if left.sums is None or left.times is None or right.sums is None or right.times is None:
            return right if left.sums is None else left
        if left.sums.shape != right.sums.shape:
            message = f"frames of shape {right.sums.shape} follow such of shape {left.sums.shape}"
            raise ValueError(message)
        return BackgroundState(left.frames + right.frames, left.sums + right.sums, left.times + right.times)

    def result(self, state: BackgroundState) -> Outcome:
        """Give the background of each pixel: NaN where it never showed any, as a hot or a masked one."""
        features = {"looked_at": Feature(float(state.frames), 0.0, "1")}
        if state.sums is None or state.times is None:
            return Outcome(features, xr.Dataset())
        known = state.times > 0
        mean = np.full(state.sums.shape, np.nan)
        np.divide(state.sums, state.times, out=mean, where=known)
        features["unknown"] = Feature(100 * float((~known).mean()), 0.0, "%")
        if known.any():
            features["background"] = Feature(float(mean[known].mean()), float("nan"), "counts/px")
            features["brightest_background"] = Feature(float(mean[known].max()), float("nan"), "counts/px")
        return Outcome(features, xr.Dataset({"background": (("row", "column"), mean, {"units": "counts"})}))


def write_background(path: str | Path, data: xr.Dataset) -> Path:
    """Write a background for ``dark`` of ``hedm`` and ``laue``; a file of that name is replaced as a whole.

    Args:
        path: Ends with ``.npy``.
        data: Of a result of :class:`Background`.

    Returns:
        The file.

    Raises:
        SteeringError: If there is no background yet, or it cannot be written.
    """
    file = Path(path)
    if file.suffix != ".npy":
        message = f"{file} does not end with .npy. Give it that ending: {file.with_suffix('.npy')}."
        raise SteeringError(message)
    if "background" not in data:
        message = "This result has no background yet. Wait for the first frames that are looked at."
        raise SteeringError(message)
    half = file.with_name(f".{file.stem}.half.npy")
    try:
        np.save(half, data["background"].values.astype(np.float32), allow_pickle=False)
        half.replace(file)
    except OSError as error:
        half.unlink(missing_ok=True)
        message = f"{file} cannot be written: {cause(error)}. Free space, or see that you may write there."
        raise SteeringError(message) from error
    return file
