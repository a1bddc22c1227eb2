"""Azimuthal integration of small-angle and powder patterns: I(q) or I(2 theta) with errors, and features of it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from steering.analyses._choices import Choices
from steering.analyses._frames import masked_feature
from steering.analyses._shapes import shape_of
from steering.contract.alarm import Alarm
from steering.core.analysis import Exactness, Needs
from steering.core.block import Floats, FrameBlock
from steering.core.json import Json
from steering.core.pixels import invalid
from steering.core.result import UNKNOWN_UNIT, Feature, Outcome
from steering.radial.adding import stretch_of
from steering.radial.apart import Apart, runs_of
from steering.radial.bursts import NOTHING, Bursts, bursts_of
from steering.radial.choices import CurveChoices
from steering.radial.curve import curve_of, features_of
from steering.radial.guinier import fit_guinier
from steering.radial.rings import Grid, make_rings

State = tuple[Apart, tuple[int, int] | None, str, Bursts]


class RadialChoices(CurveChoices, Choices):
    """What may be chosen of azimuthal integration."""


class Radial:
    """Adds up the counts in rings around the beam."""

    name = "radial"
    exactness: Exactness = "bitwise"
    leaves_out_markers = True
    alarms = (Alarm("damage", low=-5.0, high=5.0, sure=3.0),)

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
        guinier: Sequence[float] | None = None,
        watched: Sequence[float] | None = None,
        apart: str = "",
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
            guinier: Where the radius of gyration is fitted, as far as q Rg <= 1.3; it is not if left out.
            watched: Where the newest burst's frames are looked at for damage; they are not if left out.
            apart: Column of which frames have another value than the newest one are left out of the curve.
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
        """The columns that were chosen, if any were."""
        return Needs(tuple(name for name in (self._chosen.monitor, self._chosen.apart) if name))

    def empty(self) -> State:
        """State of no frames."""
        return Apart(), None, "", NOTHING

    def update(self, state: State, block: FrameBlock, frames: NDArray[Any]) -> State:
        """Add a block's frames.

        Args:
            state: Left as it is.
            block: With the monitor, if one was chosen.
            frames: Counts, shape ``(len(block), rows, columns)``.

        Raises:
            ValueError: If the frames have the wrong shape, or the block lacks the monitor.
        """
        sums, held, units, bursts = state
        shape = shape_of("Azimuthal integration", block, frames, held)
        for one in (self._chosen.region, *self._chosen.masked):
            if one is not None:
                one.check(*shape)
        rings, monitor = make_rings(self._grid, shape), self._column(block, self._chosen.monitor)
        wrong = invalid(frames, block.bad)
        counts = frames if wrong is None else np.where(wrong, frames.dtype.type(0), frames)
        for first, end, value in runs_of(self._column(block, self._chosen.apart), len(block)):
            some = slice(first, end)
            parts = rings, counts[some], _of(wrong, some), _of(monitor, some)
            sums = sums.united(value, [stretch_of(block.start + first, *parts)])
        if self._chosen.watched is not None:
            bursts = bursts.united(bursts_of(block, counts, wrong, monitor, rings, self._chosen.watched))
        return sums, shape, units or block.units.get(self._chosen.monitor, ""), bursts

    def merge(self, left: State, right: State) -> State:
        """Unite two sets of frames."""
        return left[0].merged(right[0]), left[1] or right[1], left[2] or right[2], left[3].united(right[3])

    def result(self, state: State) -> Outcome:
        """Make the curve of all frames and of the newest, and read features off the first.

        A feature that the frames do not allow is left out.
        """
        apart, shape, unit, bursts = state
        value, held = apart.newest()
        whole = held.whole()
        if shape is None or whole is None or whole.newest is None:
            return Outcome({}, xr.Dataset())
        rings, along, x_units = make_rings(self._grid, shape), self._grid.along, self._grid.units
        units = f"counts/px/{unit or UNKNOWN_UNIT}" if self._chosen.monitor else "counts/px"
        curves = [curve_of(sums, rings) for sums in (whole.sums, whole.newest)]
        seen = whole.sums.frames * rings.pixels
        features: dict[str, Feature] = {"frames": Feature(float(whole.sums.frames), 0.0, "1")}
        features |= features_of(curves[0], x_units, units, self._chosen.peak, self._chosen.average)
        features |= {**bursts.features(), **masked_feature(whole.sums.missing / seen)}
        dims, described = ("curve", along), {"skipped": whole.sums.skipped}
        if self._chosen.apart:
            known = math.isfinite(float(value))
            features |= {self._chosen.apart: Feature(float(value), 0.0, "1")} if known else {}
            described["frames_of_another_value"] = apart.others
        data = {
            "intensity": (dims, np.stack([one.intensity for one in curves]), {"units": units}),
            "intensity_error": (dims, np.stack([one.error for one in curves]), {"units": units}),
        }
        if self._chosen.guinier is not None and along == "q":
            fitted = fit_guinier(curves[0], self._chosen.guinier)
            fit = np.full((2, len(rings.middles)), np.nan)
            if fitted is not None:
                features |= fitted.features(units)
                fit[0] = fitted(rings.middles)
            data["intensity_fit"] = (dims, fit, {"units": units})
        if self._chosen.watched is not None:
            data |= bursts.arrays(units)
            described["points"] = len(bursts.events)
        coordinates = {
            along: (along, rings.middles, {"units": x_units, "long_name": along.replace("two_", "2 ")}),
            "of": ("curve", ["all frames", "newest frame"], {"units": "1"}),
        }
        return Outcome(features, xr.Dataset(data, coordinates, described))

    def _column(self, block: FrameBlock, name: str) -> Floats | None:
        if not name:
            return None
        if name not in block.columns:
            have = ", ".join(block.columns) or "none"
            what = "monitor" if name == self._chosen.monitor else "one that keeps frames apart"
            message = f"the frames have no column {name!r:.60}; they have: {have}. Name one of these as the {what}."
            raise ValueError(message)
        return block.columns[name]


def _of(values: NDArray[Any] | None, some: Any) -> NDArray[Any] | None:
    return None if values is None else values[some]
