"""X-ray photon correlation spectroscopy: how fast a sample forgets its speckle, at each wave vector.

g2(q, tau) on the multi-tau grid of APS with errors, and fits of it; I(q), and I(t) in segments, which shows damage by
the beam. Correlations stay within a burst, as an event of many frames is; frames without events are one burst.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field, field_validator

from steering.analyses._choices import Choices
from steering.analyses._frames import masked_feature
from steering.contract.alarm import Alarm
from steering.core import burst
from steering.core.analysis import Exactness, Needs
from steering.core.block import Floats, FrameBlock
from steering.core.json import Json
from steering.core.result import Outcome
from steering.photons.frames import EventFrames
from steering.xpcs.arrays import arrays_of, light_of
from steering.xpcs.bins import Bins, Grid, make_bins
from steering.xpcs.chain import Chain, make_chain
from steering.xpcs.curves import Curves, curves_of
from steering.xpcs.features import best_of, features_of
from steering.xpcs.fit import fit_curves
from steering.xpcs.ordering import ordered
from steering.xpcs.pace import paces_of, same_pace
from steering.xpcs.state import Chains
from steering.xpcs.two_time import ageing_of, two_time_arrays, two_time_of

_TRILLION_FRAMES = 1 << 40

State = tuple[Chains, Bins | None]


class XpcsChoices(Choices):
    """What may be chosen of XPCS."""

    geometry: dict[str, float] | None = Field(
        None, description="Where the detector stands; that of the beamline's file if left out"
    )
    qmap: str = Field(
        "", max_length=4096, description="HDF5 file with maps of static and dynamic bins, instead of bins by q"
    )
    q_low: float | None = Field(None, description="Lowest q", json_schema_extra={"units": "1/angstrom"})
    q_high: float | None = Field(None, description="Highest q", json_schema_extra={"units": "1/angstrom"})
    bins: int = Field(10, ge=1, le=200, description="Dynamic bins: for each a curve")
    spacing: Literal["linear", "log"] = Field("linear", description="Of the bins in q")
    static_pixels: int = Field(
        128, ge=16, le=100_000, description="Pixels of a static bin", json_schema_extra={"units": "px"}
    )
    segment: int = Field(
        100, ge=1, le=1_000_000, description="Frames a point of I(t)", json_schema_extra={"units": "frames"}
    )
    slot: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="Frames that are added for a point of two-time correlations of the newest burst; 0 for none",
        json_schema_extra={"units": "frames"},
    )
    period: float | None = Field(
        None,
        gt=0,
        description="Time from one frame to the next; the exposure if left out",
        json_schema_extra={"units": "s"},
    )
    exposure: str = Field(
        "exposure", description="Column of the events that holds the exposure time in s", min_length=1
    )
    stretching: float | None = Field(None, gt=0, le=3, description="Exponent, if it is not to be fitted")
    contrast: float | None = Field(None, gt=0, le=2, description="Contrast, if it is not to be fitted")
    baseline: float | None = Field(None, ge=0.5, le=1.5, description="Baseline, if it is not to be fitted")
    bounds: dict[Literal["contrast", "tau0", "stretching", "baseline"], tuple[float, float]] | None = Field(
        None, description="Lowest and highest fitted value, tau0 in s"
    )
    shared: tuple[Literal["contrast", "stretching", "baseline"], ...] = Field(
        (), description="What the curves of all q have in common"
    )

    @field_validator("bounds")
    @classmethod
    def _in_order(cls, bounds: dict[str, tuple[float, float]] | None) -> dict[str, tuple[float, float]] | None:
        for name, (low, high) in (bounds or {}).items():
            if not low < high or (name == "tau0" and low <= 0) or not math.isfinite(low) or not math.isfinite(high):
                above = " above 0 s" if name == "tau0" else ""
                message = f"{name} goes from {low:g} to {high:g}. Write two finite numbers{above}, the lower one first"
                raise ValueError(message)
        return bounds


class Xpcs:
    """Correlates the counts of each pixel with those that it had before."""

    name = "xpcs"
    exactness: Exactness = "bitwise"
    leaves_out_markers = True
    alarms = (Alarm("damage", low=-5.0, high=5.0, sure=3.0),)
    takes_events = True

    Parameters = XpcsChoices

    def __init__(
        self,
        geometry: Mapping[str, float] | None = None,
        qmap: str = "",
        q_low: float | None = None,
        q_high: float | None = None,
        bins: int = 10,
        spacing: str = "linear",
        static_pixels: int = 128,
        segment: int = 100,
        slot: int = 0,
        period: float | None = None,
        exposure: str = "exposure",
        stretching: float | None = None,
        contrast: float | None = None,
        baseline: float | None = None,
        bounds: Mapping[str, tuple[float, float]] | None = None,
        shared: Sequence[str] = (),
        region: Mapping[str, Any] | None = None,
        masked: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Choose bins, clock and fit.

        Args:
            geometry: As :meth:`steering.geometry.geometry.Geometry.of` reads it; without it q is the distance from the
                frame's middle in pixels.
            qmap: File with maps of the bins, see :func:`steering.xpcs.qmap.read_qmap`; geometry, limits, number and
                spacing of the bins say nothing then.
            q_low: Lowest q in 1/angstrom; the frame's if left out.
            q_high: Highest q.
            bins: How many dynamic bins.
            spacing: ``"linear"`` or ``"log"``.
            static_pixels: So many pixels a static bin is to have.
            segment: Frames a point of I(t).
            slot: Frames of a slot of two-time correlations, of which the first 256 of the newest burst are kept; 0 for
                none.
            period: Seconds from one frame to the next; the exposure if left out.
            exposure: Column of the exposure in seconds.
            stretching: Fixed exponent; fitted if left out.
            contrast: Fixed contrast; fitted if left out.
            baseline: Fixed baseline; fitted if left out.
            bounds: Lowest and highest value of fitted parameters, tau0 in seconds.
            shared: Of contrast, stretching and baseline those that all curves have in common.
            region: The only pixels that are looked at, as in the other analyses.
            masked: Parts that are left out.

        Raises:
            ValueError: If one of them is not allowed.
        """
        given = {name: value for name, value in locals().items() if name != "self"}
        self._chosen = XpcsChoices.model_validate(given)
        chosen = self._chosen
        self._grid = Grid.of(self.parameters)
        fixed = {"stretching": chosen.stretching, "contrast": chosen.contrast, "baseline": chosen.baseline}
        self._fixed = {name: value for name, value in fixed.items() if value is not None}

    @property
    def parameters(self) -> Mapping[str, Json]:
        """What was chosen."""
        return self._chosen.plain()

    @property
    def needs(self) -> Needs:
        """The exposure, unless the period is chosen."""
        column = self._chosen.exposure
        return Needs() if self._chosen.period is not None else Needs((column,), {column: "s"})

    def empty(self) -> State:
        """State of no frames."""
        return Chains(), None

    def update(self, state: State, block: FrameBlock, frames: NDArray[Any] | EventFrames) -> State:
        """Add a block's frames.

        Args:
            state: Left as it is.
            block: With the exposure, and the columns of bursts if there are any.
            frames: Pixels in counts, shape ``(len(block), rows, columns)``, or events.

        Raises:
            ValueError: If the block lacks the exposure, or the frames have the wrong shape or other bins.
        """
        if frames.ndim != 3 or len(frames) != len(block) or not frames.size:
            message = f"frames have shape {frames.shape}. XPCS needs ({len(block)}, rows, columns), not empty."
            raise ValueError(message)
        bins = self._bins(frames.shape[1:], block.run)
        chains, held = state
        bins.follow(held)
        return chains.united(self._chains(block, frames, bins)), bins

    def merge(self, left: State, right: State) -> State:
        """Unite two sets of frames."""
        return left[0].united(right[0].all), left[1] if left[1] is not None else right[1]

    def result(self, state: State) -> Outcome:
        """Make the curves of the bursts that have the newest one's period, and fit them.

        A feature that the frames do not allow yet is left out.
        """
        chains, bins = state
        # A burst without one good pixel says nothing.
        found = [one for one in chains.bursts() if any(chain.good.any() for chain in one)]
        # One whose period nobody knows is counted with those of another.
        timed = [one for one in found if 0 < self._period(one) < math.inf]
        if bins is None or not timed:
            return Outcome({}, xr.Dataset())
        newest = timed[-1]
        period = self._period(newest)
        same = [one for one in timed if same_pace(self._period(one), period)]
        count = len(bins.q)
        curves = curves_of(same, bins.dynamic, count)
        delays = np.asarray(curves.lags * period, np.float64)
        chosen = self._chosen
        bounds = {str(name): pair for name, pair in (chosen.bounds or {}).items()}
        fitted = (curves.g2, curves.error, self._fixed, chosen.shared, bounds)
        fit = fit_curves(delays, *fitted) if len(delays) else None
        data = arrays_of(curves, delays, fit) | light_of(same, bins, period, self._chosen.segment)
        coordinates = {
            "q": ("q_bin", bins.q, {"units": self._grid.units}),
            "delay": ("delay", delays, {"units": "s"}),
        }
        _, (rows, columns) = bins.recipe
        described = {"bursts": len(same), "bursts_of_another_period": len(found) - len(same)}
        # What fills the last part of a burst that was ended is a burst of its own, of the same events.
        described |= {"points": len({one[0].key[0] for one in found}), "frame_rows": rows, "frame_columns": columns}
        described["bins_mark"] = bins.mark
        whole = xr.Dataset(data | self._two_time(newest, bins, curves, period), coordinates, described)
        features = features_of(whole, curves, fit) | ageing_of(whole) | masked_feature(_left_out(newest, bins))
        return Outcome(features, whole)

    def _two_time(self, newest: list[Chain], bins: Bins, curves: Curves, period: float) -> dict[str, Any]:
        """Correlate the newest burst with itself at two times, if that is wanted and none of its frames is missing."""
        length = self._chosen.slot
        if not length or len(newest) != 1 or not len(curves.lags):
            return {}
        found = two_time_of(sorted(newest[0].slots.items()), length, newest[0].good, bins)
        return {} if found is None else two_time_arrays(found, best_of(curves), length * period, self._fixed)

    def _period(self, chains: list[Chain]) -> float:
        return self._chosen.period if self._chosen.period is not None else chains[0].exposure

    def _bins(self, shape: tuple[int, ...], run: str) -> Bins:
        rows, columns = int(shape[0]), int(shape[1])
        for one in (self._chosen.region, *self._chosen.masked):
            if one is not None:
                one.check(rows, columns)
        return make_bins(self._grid, (rows, columns), run)

    def _chains(self, block: FrameBlock, frames: NDArray[Any] | EventFrames, bins: Bins) -> Iterator[Chain]:
        """Cut a block where a burst ends, a frame is missing, the pace changes, or other pixels are bad."""
        events, indices = _places(block)
        exposure = self._exposure(block)
        counts, keys = ordered(block, frames, bins)
        marks = [*zip(events.tolist(), indices - np.arange(len(block)), paces_of(exposure), keys, strict=True)]
        begin = 0
        for end in range(1, len(block) + 1):
            if end < len(block) and marks[end] == marks[begin]:
                continue
            good = bins.filled.sum(axis=1)
            if keys[begin]:
                bad = np.unpackbits(np.frombuffer(keys[begin], np.uint8), count=bins.pixels.size)
                good = good - (bad.astype(bool).reshape(bins.pixels.shape) & bins.filled).sum(axis=1)
            yield make_chain(
                (int(events[begin]), keys[begin]), block.start + begin, int(indices[begin]), good,
                exposure[begin:end], counts[begin:end], self._chosen.segment, self._chosen.slot,
            )  # fmt: skip
            begin = end

    def _exposure(self, block: FrameBlock) -> Floats:
        name = self._chosen.exposure
        if self._chosen.period is not None:
            return np.full(len(block), self._chosen.period)
        if name not in block.columns:
            message = f"the frames have no column {name!r}. Give the time from one frame to the next: period, in s."
            raise ValueError(message)
        return block.columns[name]


def _places(block: FrameBlock) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Say of each frame to which burst it belongs and where in it it is; without columns all are one burst."""
    event, index = block.columns.get(burst.EVENT), block.columns.get(burst.INDEX)
    if event is None or index is None or not (np.isfinite(event).all() and np.isfinite(index).all()):
        return np.zeros(len(block), np.int64), block.indices
    inside = np.clip(index, 0, _TRILLION_FRAMES).astype(np.int64)
    return np.clip(event, 0, _TRILLION_FRAMES).astype(np.int64), inside


def _left_out(chains: list[Chain], bins: Bins) -> float:
    """Say which share of the newest burst's pixels are no counts."""
    frames = sum(chain.levels[0].count for chain in chains)
    good = sum(int(chain.good.sum()) * chain.levels[0].count for chain in chains)
    return 1.0 - good / (frames * int(bins.filled.sum()))
