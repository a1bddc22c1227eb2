"""Azimuthal integration of small-angle and powder patterns: I(q) or I(2 theta) with errors, and features of it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field, field_validator

from steering.analyses._choices import Choices
from steering.analyses._frames import masked_feature
from steering.analyses._shapes import shape_of
from steering.core.analysis import Exactness, Needs
from steering.core.block import Floats, FrameBlock
from steering.core.json import Json
from steering.core.pixels import invalid
from steering.core.result import UNKNOWN_UNIT, Feature, Outcome
from steering.radial.adding import sums_of
from steering.radial.curve import curve_of, features_of
from steering.radial.rings import Grid, make_rings
from steering.radial.sums import Stretch, Stretches

State = tuple[Stretches, tuple[int, int] | None, str]


class RadialChoices(Choices):
    """What may be chosen of azimuthal integration."""

    geometry: dict[str, float] | None = Field(
        None, description="Where the detector stands; that of the beamline's file if left out"
    )
    along: Literal["q", "two_theta"] = Field("q", description="Of the curve: q in 1/angstrom or 2 theta in deg")
    low: float | None = Field(None, description="Where the first bin begins, in 1/angstrom or deg")
    high: float | None = Field(None, description="Where the last bin ends, in 1/angstrom or deg")
    bins: int = Field(200, ge=1, le=100_000, description="Points of the curve")
    spacing: Literal["linear", "log"] = Field("linear", description="Of the bins")
    solid_angle: bool = Field(default=True, description="Whether each pixel's solid angle is corrected")
    polarization: float | None = Field(
        None, ge=-1, le=1, description="The beam's linear polarisation, 1 along the rows; not corrected if left out"
    )
    monitor: str = Field("", description="Column of the events that the curve is normalised by, such as an ion chamber")
    peak: tuple[float, float] | None = Field(
        None, description="Where the peak is looked for, in 1/angstrom or deg; everywhere if left out"
    )
    average: tuple[float, float] | None = Field(
        None, description="Where the mean intensity is taken, in 1/angstrom or deg; everywhere if left out"
    )

    @field_validator("peak", "average")
    @classmethod
    def _in_order(cls, limits: tuple[float, float] | None) -> tuple[float, float] | None:
        if limits is not None and not (limits[0] < limits[1] and all(map(math.isfinite, limits))):
            message = f"a range goes from {limits[0]:g} to {limits[1]:g}. Write two finite numbers, the lower one first"
            raise ValueError(message)
        return limits


class Radial:
    """Adds up the counts in rings around the beam."""

    name = "radial"
    exactness: Exactness = "bitwise"
    leaves_out_markers = True

    Parameters = RadialChoices

    def __init__(
        self,
        geometry: Mapping[str, float] | None = None,
        along: str = "q",
        low: float | None = None,
        high: float | None = None,
        bins: int = 200,
        spacing: str = "linear",
        solid_angle: bool = True,  # noqa: FBT001, FBT002  (a choice by name, as all are)
        polarization: float | None = None,
        monitor: str = "",
        peak: Sequence[float] | None = None,
        average: Sequence[float] | None = None,
        region: Mapping[str, Any] | None = None,
        masked: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Choose rings, corrections, and what is read off the curve.

        Args:
            geometry: As :meth:`steering.geometry.geometry.Geometry.of` reads it; without it rings are around the
                frame's middle, in pixels, and nothing is corrected.
            along: ``"q"`` or ``"two_theta"``.
            low: Where the first bin begins, in 1/angstrom, degrees or pixels; at the first pixel if left out.
            high: Where the last one ends.
            bins: How many.
            spacing: ``"linear"`` or ``"log"``.
            solid_angle: Whether each pixel's solid angle is corrected.
            polarization: Degree of the beam's linear polarisation, 1 along the rows, -1 along the columns, 0 for none;
                not corrected if left out.
            monitor: Column that the curve is normalised by; frames for which it is not above 0 are left out.
            peak: Where the peak is looked for: lowest and highest place.
            average: Where the mean intensity is taken, likewise.
            region: The only pixels that are looked at, as in the other analyses.
            masked: Parts that are left out.

        Raises:
            ValueError: If one of them is not allowed.
        """
        given = {name: value for name, value in locals().items() if name != "self"}
        self._chosen = RadialChoices.model_validate(given)
        self._grid = Grid.of(self.parameters)

    @property
    def parameters(self) -> Mapping[str, Json]:
        """What was chosen."""
        return self._chosen.plain()

    @property
    def needs(self) -> Needs:
        """The monitor, if one was chosen."""
        return Needs((self._chosen.monitor,)) if self._chosen.monitor else Needs()

    def empty(self) -> State:
        """State of no frames."""
        return Stretches(), None, ""

    def update(self, state: State, block: FrameBlock, frames: NDArray[Any]) -> State:
        """Add a block's frames.

        Args:
            state: Left as it is.
            block: With the monitor, if one was chosen.
            frames: Counts, shape ``(len(block), rows, columns)``.

        Raises:
            ValueError: If the frames have the wrong shape, or the block lacks the monitor.
        """
        stretches, held, units = state
        shape = shape_of("Azimuthal integration", block, frames, held)
        for one in (self._chosen.region, *self._chosen.masked):
            if one is not None:
                one.check(*shape)
        rings, monitor = make_rings(self._grid, shape), self._monitor(block)
        wrong = invalid(frames, block.bad)
        counts = frames if wrong is None else np.where(wrong, frames.dtype.type(0), frames)
        keep = np.ones(len(block), bool) if monitor is None else np.isfinite(monitor) & (monitor > 0)
        newest = int(np.flatnonzero(keep)[-1]) if keep.any() else None
        some = slice(None) if keep.all() else keep
        sums = sums_of(rings, counts[some], wrong if wrong is None else wrong[some], _of(monitor, some), len(block))
        last = None
        if newest is not None:
            one = slice(newest, newest + 1)
            last = sums if len(block) == 1 else sums_of(rings, counts[one], _of(wrong, one), _of(monitor, one), 1)
        stretch = Stretch(block.start, block.stop, sums, last)
        return stretches.united([stretch]), shape, units or block.units.get(self._chosen.monitor, "")

    def merge(self, left: State, right: State) -> State:
        """Unite two sets of frames."""
        return left[0].united(right[0].all), left[1] or right[1], left[2] or right[2]

    def result(self, state: State) -> Outcome:
        """Make the curve of all frames and of the newest, and read features off the first.

        A feature that the frames do not allow is left out.
        """
        stretches, shape, unit = state
        whole = stretches.whole()
        if shape is None or whole is None or whole.newest is None:
            return Outcome({}, xr.Dataset())
        rings, along, x_units = make_rings(self._grid, shape), self._grid.along, self._grid.units
        units = f"counts/px/{unit or UNKNOWN_UNIT}" if self._chosen.monitor else "counts/px"
        curves = [curve_of(sums, rings) for sums in (whole.sums, whole.newest)]
        seen = whole.sums.frames * rings.pixels
        features = {"frames": Feature(float(whole.sums.frames), 0.0, "1")}
        features |= features_of(curves[0], x_units, units, self._chosen.peak, self._chosen.average)
        features |= masked_feature(whole.sums.missing / seen)
        dims = ("curve", along)
        data = {
            "intensity": (dims, np.stack([one.intensity for one in curves]), {"units": units}),
            "intensity_error": (dims, np.stack([one.error for one in curves]), {"units": units}),
        }
        coordinates = {
            along: (along, rings.middles, {"units": x_units}),
            "of": ("curve", ["all frames", "newest frame"], {"units": "1"}),
        }
        return Outcome(features, xr.Dataset(data, coordinates, {"skipped": whole.sums.skipped}))

    def _monitor(self, block: FrameBlock) -> Floats | None:
        name = self._chosen.monitor
        if not name:
            return None
        if name not in block.columns:
            have = ", ".join(block.columns) or "none"
            message = f"the frames have no column {name!r:.60}; they have: {have}. Name one of these as the monitor."
            raise ValueError(message)
        return block.columns[name]


def _of(values: NDArray[Any] | None, some: Any) -> NDArray[Any] | None:
    return None if values is None else values[some]
