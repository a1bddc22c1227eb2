"""Parts of the detector: the one that an analysis looks at, and those that it leaves out."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, NonNegativeInt, model_validator

from steering.core.pixels import NOTHING_BAD, Bad, invalid


class FrameRegion(BaseModel):
    """A rectangle of pixels, each range from its first pixel up to, and without, its last.

    Attributes:
        rows: First row and the one after the last, from 0 at the top.
        columns: First column and the one after the last, from 0 at the left.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: tuple[NonNegativeInt, NonNegativeInt]
    columns: tuple[NonNegativeInt, NonNegativeInt]

    @model_validator(mode="after")
    def _in_order(self) -> "FrameRegion":
        for name, (low, high) in (("rows", self.rows), ("columns", self.columns)):
            if low >= high:
                message = f"the {name} run from {low} to {high} px: the first must be below the second"
                raise ValueError(message)
        return self

    def check(self, high: int, wide: int) -> None:
        """See that it lies within frames of so many rows and columns.

        Raises:
            ValueError: If it reaches beyond them.
        """
        if self.rows[1] > high or self.columns[1] > wide:
            message = (
                f"the region of rows {self.rows[0]} to {self.rows[1]} and columns {self.columns[0]} to "
                f"{self.columns[1]} px reaches beyond the frame of {high} x {wide} px"
            )
            raise ValueError(message)

    def cut(self, frames: NDArray[Any], bad: Bad) -> tuple[NDArray[Any], Bad]:
        """Cut the region out of frames and of what is known of their pixels.

        Args:
            frames: Pixels, shape ``(frames, rows, columns)``.
            bad: Which of them are no counts.

        Raises:
            ValueError: If it reaches beyond the frames.
        """
        self.check(*frames.shape[1:])
        part = (slice(*self.rows), slice(*self.columns))
        some = np.ascontiguousarray(frames[(slice(None), *part)])
        if np.issubdtype(frames.dtype, np.signedinteger):
            # Whether -1 marks a pixel is told by the whole frame, not by its part; in floats NaN marks it.
            wrong, some = invalid(frames, bad), some.astype(np.float64)
            if wrong is not None:
                some[wrong[(slice(None), *part)]] = np.nan
            return some, NOTHING_BAD
        mask = None if bad.mask is None else bad.mask[part]
        return some, Bad(mask, bad.saturated)

    def keep(self, frames: NDArray[Any], bad: Bad) -> Bad:
        """Add all but the region to what is known to be no counts.

        Args:
            frames: Pixels, shape ``(frames, rows, columns)``.
            bad: What is known of them.

        Raises:
            ValueError: If it reaches beyond the frames.
        """
        self.check(*frames.shape[1:])
        mask = np.ones(frames.shape[1:], bool)
        mask[slice(*self.rows), slice(*self.columns)] = False
        return Bad(mask if bad.mask is None else mask | bad.mask, bad.saturated)


def leave_out(masked: tuple[FrameRegion, ...], frames: NDArray[Any], bad: Bad) -> Bad:
    """Add parts of the detector to what is known to be no counts.

    Args:
        masked: The parts.
        frames: Pixels, shape ``(frames, rows, columns)``.
        bad: What is known of them.

    Raises:
        ValueError: If a part reaches beyond the frames.
    """
    if not masked:
        return bad
    mask = _mask(masked, *frames.shape[1:])
    return Bad(mask if bad.mask is None else mask | bad.mask, bad.saturated)


@lru_cache(maxsize=8)
def _mask(masked: tuple[FrameRegion, ...], high: int, wide: int) -> NDArray[np.bool_]:
    mask = np.zeros((high, wide), bool)
    for one in masked:
        one.check(high, wide)
        mask[slice(*one.rows), slice(*one.columns)] = True
    mask.flags.writeable = False
    return mask
