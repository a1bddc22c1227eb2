"""Far-field high-energy diffraction microscopy: spots of grains in a rotation, while it goes on.

Pixels above a threshold, blobs of each frame, spots over neighbouring frames; their angles, intensity and widths. The
azimuthal width says how far a grain's lattice is bent: it grows when a metal begins to yield.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from steering.analyses._frames import masked_feature
from steering.analyses._hedm_choices import HedmChoices
from steering.analyses._region import leave_out
from steering.analyses._shapes import shape_of
from steering.contract.alarm import Alarm
from steering.core import burst
from steering.core.analysis import Exactness, Needs
from steering.core.block import Floats, FrameBlock
from steering.core.json import Json
from steering.core.result import UNKNOWN_UNIT, Feature, Outcome
from steering.geometry.geometry import Geometry
from steering.hedm.angles import angles_of
from steering.hedm.arrays import MOST_LISTED, frame_arrays, spot_arrays, sweep_arrays
from steering.hedm.completeness import Completeness, completeness_of
from steering.hedm.features import features_of
from steering.hedm.instrument import Instrument, read_instrument
from steering.hedm.known import known_hits
from steering.hedm.run import CROWDED, EXPOSURE, FRAME_COLUMNS, INSIDE, MASKED, OMEGA, SLOW, Run, make_runs, united
from steering.hedm.spots import Spots, spots_of
from steering.hedm.sweeps import compared, whole
from steering.readers.darks import read_dark
from steering.spots.lit import Cut, Lit, Numbers, lit_of
from steering.spots.patches import fitter_of, of_spots

_USUAL_AXIS = "omega"
_FITS = ("fit_row", "fit_column")

State = tuple[tuple[Run, ...], tuple[int, int] | None, str]


class Hedm:
    """Finds spots in the frames of a rotation."""

    name = "hedm"
    exactness: Exactness = "bitwise"
    leaves_out_markers = True
    alarms = (Alarm("rare_excess", high=5.0),)

    Parameters = HedmChoices

    def __init__(
        self,
        threshold: float = 10.0,
        geometry: Mapping[str, float] | None = None,
        axis: str = "",
        omega_start: float | None = None,
        omega_step: float | None = None,
        slow: str = "",
        wedge: int = 0,
        dark: str = "",
        level: bool = False,  # noqa: FBT001, FBT002  (a choice by name, as all are)
        valley: float = 0.0,
        fewest_pixels: int = 4,
        fit_above: float | None = None,
        grains: str = "",
        crystal: Mapping[str, Any] | None = None,
        instrument: str = "",
        within: Sequence[float] = (3.0, 1.0),
        baseline: int = 1,
        region: Mapping[str, Any] | None = None,
        masked: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Choose what is bright, and what belongs together.

        Args:
            threshold: Counts above the background; a bright pixel has more.
            geometry: As :meth:`steering.geometry.geometry.Geometry.of` reads it; without it positions are in pixels.
            axis: Column of the rotation in degrees; ``omega`` if there is such a column, and none is needed.
            omega_start: Angle of the first frame in degrees, where there is no column.
            omega_step: From a frame to the next.
            slow: Column that changes from sweep to sweep.
            wedge: So many frames are a sweep; 0 if the angles say it.
            dark: File of a frame without beam, as :func:`steering.readers.darks.read_dark` reads it.
            level: Whether the median of each frame is taken off besides.
            valley: A pass between two peaks below this part of the lower one keeps them apart; 0 splits nothing.
            fewest_pixels: Smaller spots count for no width.
            fit_above: Peaks with at least so many counts are fitted; none if left out.
            grains: File ``grains.out`` of hexrd with the grains that are known.
            crystal: Their cell: ``lengths`` in angstrom, ``angles`` in degrees, ``atoms`` as parts of the edges, and
                ``shortest``, the smallest distance of planes that is looked for, in angstrom.
            instrument: File ``.hexrd``: its geometry and distortion are taken where no geometry is given.
            within: How far a spot may be from where a known grain should have one, in pixels and degrees.
            baseline: So many of the first sweeps say what is usual; rare events are told from them.
            region: The only pixels that are looked at, as in the other analyses.
            masked: Parts that are left out.

        Raises:
            ValueError: If one of them is not allowed.
        """
        given = {name: value for name, value in locals().items() if name != "self"}
        self._chosen = chosen = HedmChoices.model_validate(given)
        self._geometry = None if chosen.geometry is None else Geometry.of(chosen.geometry)
        if chosen.grains and chosen.crystal is None:
            message = (
                "the known grains need a crystal. Give its lengths in angstrom, angles in deg, atoms and shortest."
            )
            raise ValueError(message)
        for name in ("omega_start", "omega_step"):
            value = getattr(chosen, name)
            if value is not None and not np.isfinite(value):
                message = f"{name} is {value:g} deg. Allowed: a finite number, in deg."
                raise ValueError(message)

    @property
    def parameters(self) -> Mapping[str, Json]:
        """What was chosen."""
        return self._chosen.plain()

    @property
    def needs(self) -> Needs:
        """The columns that were chosen by name."""
        axis, slow = self._chosen.axis, self._chosen.slow
        return Needs(tuple(name for name in (axis, slow) if name), {axis: "deg"} if axis else {})

    def empty(self) -> State:
        """State of no frames."""
        return (), None, ""

    def update(self, state: State, block: FrameBlock, frames: NDArray[Any]) -> State:
        """Add a block's frames.

        Args:
            state: Left as it is.
            block: With the rotation in degrees, where there is such a column.
            frames: Counts, shape ``(len(block), rows, columns)``.

        Raises:
            ValueError: If the frames have the wrong shape, or a column that was chosen is missing.
            SteeringError: If the dark cannot be read.
        """
        runs, held, _ = state
        shape = shape_of("HEDM", block, frames, held)
        bad, above = leave_out(self._chosen.masked, frames, block.bad), self._chosen.fit_above
        cut = self._cut(shape)
        lit = lit_of(frames, bad, cut)
        fitter = None if above is None else fitter_of(frames, bad, block.start, above, cut.dark)
        found = make_runs(lit, self._known(block, lit), block.start, self._chosen.valley, fitter)
        return united((*runs, *found), shape, self._chosen.valley), shape, self._slow_unit(block)

    def merge(self, left: State, right: State) -> State:
        """Unite two sets of frames."""
        shape = left[1] if left[1] is not None else right[1]
        if shape is None:
            return left
        return united((*left[0], *right[0]), shape, self._chosen.valley), shape, left[2] or right[2]

    def result(self, state: State) -> Outcome:
        """Put spots together, and say where they are and how wide.

        A feature that the frames do not allow yet is left out.
        """
        runs, shape, unit = state
        if not runs or shape is None:
            return Outcome({}, xr.Dataset())
        spots, parts = spots_of(runs, self._chosen.wedge)
        instrument = self._instrument(shape)
        angles = angles_of(spots, None if instrument is None else instrument.geometry, shape)
        large = spots.pixels >= self._chosen.fewest_pixels
        # A sweep whose first spot is still to come says nothing yet.
        good = large & whole(spots, runs, parts)
        newest = int(spots.sweep[good].max()) if good.any() else -1
        chosen = np.flatnonzero(good & (spots.sweep == newest))
        listed = np.flatnonzero(large)[-MOST_LISTED:]
        data = spot_arrays(spots, angles, listed) | frame_arrays(runs, parts.sweep)
        if self._chosen.fit_above is not None:
            fits = of_spots(np.concatenate([run.fits for run in runs]), spots.blob, len(spots.wedge))
            data |= {name: ("spot", one[listed], {"units": "px"}) for name, one in zip(_FITS, fits, strict=True)}
        sweeps = compared(spots, angles, good, runs, parts.sweep, self._chosen.baseline)
        more, coordinates = sweep_arrays(sweeps, (self._chosen.slow, unit or UNKNOWN_UNIT))
        arrays = xr.Dataset(data | more, coordinates, {"small_spots": int((~large).sum())})
        features = features_of(spots, angles, chosen, int(runs[-1].sizes[-1]))
        known = np.concatenate([run.frames for run in runs])
        seen = np.flatnonzero(large & (spots.sweep == newest))
        at = known[parts.sweep == newest, OMEGA]
        complete = None if instrument is None else self._completeness(instrument, spots, seen, at)
        if complete is not None:
            arrays["completeness"] = ("grain", complete.share, {"units": "%"})
            arrays["expected_spots"] = ("grain", complete.expected, {"units": "1"})
            features |= {} if complete.feature is None else {"completeness": complete.feature}
        features["sweeps"] = Feature(float(parts.sweep[-1] + 1), 0.0, "1")
        features |= {
            name: one
            for name, one in zip(("rare", "rare_excess"), sweeps.newest, strict=True)
            if np.isfinite(one.value)
        }
        if known[:, CROWDED].any():
            features["crowded"] = Feature(100 * float(known[:, CROWDED].mean()), 0.0, "%")
        return Outcome(features | masked_feature(float(known[:, MASKED].mean())), arrays)

    def _instrument(self, shape: tuple[int, int]) -> Instrument | None:
        """Return where the panel stands, if anybody has said it."""
        found = read_instrument(self._chosen.instrument) if self._chosen.instrument else None
        if self._geometry is None:
            return found
        return Instrument(self._geometry, shape, None if found is None else found.distortion)

    def _completeness(self, instrument: Instrument, spots: Spots, seen: Numbers, omega: Floats) -> Completeness | None:
        """Say how much of the known grains is seen in the newest sweep; nothing if no grains are known."""
        chosen = self._chosen
        if not chosen.grains or chosen.crystal is None:
            return None
        count, hits = known_hits(chosen.grains, chosen.crystal.crystal(), chosen.crystal.shortest, instrument)
        return completeness_of(hits, count, spots, seen, omega, chosen.within)

    def _cut(self, shape: tuple[int, int]) -> Cut:
        chosen = self._chosen
        if chosen.region is not None:
            chosen.region.check(*shape)
        region = None if chosen.region is None else (chosen.region.rows, chosen.region.columns)
        return Cut(chosen.threshold, read_dark(chosen.dark) if chosen.dark else None, chosen.level, region)

    def _known(self, block: FrameBlock, lit: Lit) -> Floats:
        """Say what is known of each frame of a block, shape ``(frames, 6)``."""
        known = np.full((len(block), FRAME_COLUMNS), np.nan)
        known[:, OMEGA] = self._omega(block)
        known[:, MASKED], known[:, CROWDED] = lit.masked, lit.crowded
        known[:, INSIDE] = _inside(block)
        if "exposure" in block.columns:
            known[:, EXPOSURE] = block.columns["exposure"]
        if self._chosen.slow:
            known[:, SLOW] = self._column(block, self._chosen.slow)
        return known

    def _omega(self, block: FrameBlock) -> Floats:
        chosen = self._chosen
        if chosen.axis:
            return self._column(block, chosen.axis)
        if _USUAL_AXIS in block.columns:
            return block.columns[_USUAL_AXIS]
        if chosen.omega_step is not None:
            return np.asarray((chosen.omega_start or 0.0) + chosen.omega_step * block.indices, np.float64)
        return np.full(len(block), np.nan)

    def _column(self, block: FrameBlock, name: str) -> Floats:
        if name not in block.columns:
            have = ", ".join(block.columns) or "none"
            message = f"the frames have no column {name!r:.60}; they have: {have}. Name one of these, or leave it out."
            raise ValueError(message)
        return block.columns[name]

    def _slow_unit(self, block: FrameBlock) -> str:
        return block.units.get(self._chosen.slow, "") if self._chosen.slow else ""


def _inside(block: FrameBlock) -> Floats:
    """Say where in its event each frame is; the first one throughout where nobody says."""
    index = block.columns.get(burst.INDEX)
    return np.zeros(len(block)) if index is None else np.nan_to_num(index, nan=0.0)
