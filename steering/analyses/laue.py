"""Laue microdiffraction: spots of white light, the grains that they belong to, and how these are strained.

Each frame is looked at by itself: its spots, the directions of their planes from where the panel stands, which of them
belong to grains that are known, how far these are turned, and their deviatoric strain. A map of it grows with the scan.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from steering.analyses._choices import Choices
from steering.analyses._frames import masked_feature
from steering.analyses._region import leave_out
from steering.analyses._shapes import shape_of
from steering.contract.alarm import Alarm
from steering.core.analysis import Exactness, Needs
from steering.core.block import Floats, FrameBlock
from steering.core.json import Json
from steering.core.result import UNKNOWN_UNIT, Outcome
from steering.laue.choices import IndexingChoices
from steering.laue.depth import in_mm
from steering.laue.frames import fitting_panel, looked
from steering.laue.indexing import Optics
from steering.laue.looker import instrument_of, orientations_of
from steering.laue.looking import numbered
from steering.laue.maps import Axes, arrays_of, features_of
from steering.laue.spots import Finder, find_spots
from steering.laue.tables import (
    CROWDED,
    EXPOSURE,
    FAST,
    FAST_STEP,
    FRAME_COLUMNS,
    GRID,
    MASKED,
    NOTHING,
    SLOW,
    SLOW_STEP,
    Tables,
)  # fmt: skip
from steering.readers.darks import read_dark
from steering.spots.crystal import Crystal
from steering.spots.lit import Cut

# Orientations of new grains that are nearer to each other than this are one grain, in degrees.
_SAME = 1.0
_NO_PANEL = "Where the panel stands is not known, so spots have no directions. Give geometry_file, or panel."
_NO_CRYSTAL = "The crystal is not known, so no spot is indexed. Give the crystal, and orientations, turns or search."

State = tuple[Tables, tuple[int, int] | None, tuple[str, ...]]


class LaueChoices(IndexingChoices, Choices):
    """What may be chosen of Laue microdiffraction."""


class Laue:
    """Finds and indexes the spots of white-beam patterns."""

    name = "laue"
    exactness: Exactness = "bitwise"
    leaves_out_markers = True
    alarms = (Alarm("indexed", novelty=6.0),)

    Parameters = LaueChoices

    def __init__(
        self,
        threshold: float = 10.0,
        dark: str = "",
        level: bool = False,  # noqa: FBT001, FBT002  (a choice by name, as all are)
        valley: float = 0.0,
        fewest_pixels: int = 3,
        fit_above: float = 50.0,
        geometry_file: str = "",
        panel_number: int = 0,
        panel: Mapping[str, Any] | None = None,
        binning: int = 1,
        origin: Sequence[int] = (0, 0),
        crystal: Mapping[str, Any] | None = None,
        band: Sequence[float] = (7.0, 30.0),
        orientations: str = "",
        turns: Sequence[Sequence[float]] = (),
        search: bool = False,  # noqa: FBT001, FBT002  (a choice by its name)
        within: Sequence[float] = (0.5, 0.1),
        fewest_spots: int = 8,
        strain_along: str = "laboratory",
        depth: str = "",
        axes: Sequence[str] = (),
        kept: int = 1000,
        region: Mapping[str, Any] | None = None,
        masked: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Choose what is a spot, where the panel stands, and which grains are known.

        Args:
            threshold: Counts above the background; a bright pixel has more.
            dark: File of a frame without beam, as :func:`steering.readers.darks.read_dark` reads it.
            level: Whether the median of each frame is taken off besides.
            valley: A pass between two peaks below this part of the lower one keeps them apart; 0 splits nothing.
            fewest_pixels: What has fewer is no spot.
            fit_above: Peaks with at least so many counts are fitted.
            geometry_file: 34-ID-E's ``geoN_*.xml``.
            panel_number: Which of its detectors: its N.
            panel: Without a file ``shape`` (rows, columns), ``size`` in mm, ``rotation`` in rad and ``translation`` in
                mm (R and P of 34-ID-E).
            binning: So many rows and columns of that panel are one in a frame.
            origin: Row and column of the (binned) panel at which frames begin.
            crystal: ``lengths`` in angstrom, ``angles`` in degrees, ``atoms`` as parts of the edges.
            band: Lowest and highest energy of the beam in keV.
            orientations: File of orientations: see :func:`steering.laue.orientations.read_orientations`.
            turns: Orientations as vectors about which the crystal is turned, their lengths in rad.
            search: Whether grains are looked for that nobody knows.
            within: How far a known orientation may be off, and a spot of a grain that was found, in degrees.
            fewest_spots: A grain with fewer is none.
            strain_along: ``laboratory``, ``sample`` (34-ID-E's X, H, F) or ``crystal``.
            depth: Column with the depth along the beam that a frame was reconstructed for, in micrometres.
            axes: Of the scan; the last two are slow and fast axis of a map.
            kept: Of so many of the newest frames all spots are listed.
            region: The only pixels that are looked at, as in the other analyses.
            masked: Parts that are left out.

        Raises:
            ValueError: If one of them is not allowed.
        """
        given = {name: value for name, value in locals().items() if name != "self"}
        self._chosen = LaueChoices.model_validate(given)

    @property
    def parameters(self) -> Mapping[str, Json]:
        """What was chosen."""
        return self._chosen.plain()

    @property
    def crystal(self) -> Crystal:
        """The crystal.

        Raises:
            ValueError: If it or the panel is not known.
        """
        return instrument_of(self._chosen)[0]

    @property
    def optics(self) -> Optics:
        """What all frames have in common: the panel, the beam, and what is near enough.

        Raises:
            ValueError: If the panel or the crystal is not known.
            SteeringError: If the panel's file cannot be read.
        """
        return instrument_of(self._chosen)[1]

    @property
    def needs(self) -> Needs:
        """The columns that were chosen by name."""
        chosen = self._chosen
        depth = {chosen.depth: "um"} if chosen.depth else {}
        return Needs((*chosen.axes, *depth), depth)

    def empty(self) -> State:
        """State of no frames."""
        return NOTHING, None, ()

    def update(self, state: State, block: FrameBlock, frames: NDArray[Any]) -> State:
        """Add a block's frames.

        Args:
            state: Left as it is.
            block: With the columns that were chosen.
            frames: Counts, shape ``(len(block), rows, columns)``.

        Raises:
            ValueError: If the frames have the wrong shape, or a column that was chosen is missing.
            SteeringError: If a file cannot be read.
        """
        tables, held, units = state
        shape = shape_of("Laue", block, frames, held)
        panel = fitting_panel(self._chosen, shape)
        bad = leave_out(self._chosen.masked, frames, block.bad)
        spots = find_spots(frames, bad, block.start, self._finder(shape))
        known = self._known(block)
        known[:, MASKED], known[:, CROWDED] = spots.masked, spots.crowded
        name, depth = self._chosen.depth, np.zeros(len(block))
        if name:
            depth = in_mm(self._column(block, name), block.units.get(name, UNKNOWN_UNIT))
        found = looked(block.indices, spots, known, depth, self._chosen, panel)
        axes = tuple(block.units.get(name, UNKNOWN_UNIT) for name in self._chosen.shown_along)
        return tables.united(found, self._chosen.kept), shape, units or axes

    def merge(self, left: State, right: State) -> State:
        """Unite two sets of frames."""
        return left[0].united(right[0], self._chosen.kept), left[1] or right[1], left[2] or right[2]

    def result(self, state: State) -> Outcome:
        """Lay out what was found.

        A feature that the frames do not allow is left out; ``data.attrs["remark"]`` says what is not known.
        """
        tables, shape, units = state
        if shape is None:
            return Outcome({}, xr.Dataset())
        chosen = self._chosen
        grains = tables.grains.values
        number, turns = grains[:, 0], np.empty((0, 3, 3))
        if chosen.search and chosen.crystal is not None:
            known = len(orientations_of(chosen))
            number, turns = numbered(grains, known, chosen.crystal.crystal(), _SAME)
        data = arrays_of(tables, Axes(chosen.shown_along, units), number, turns)
        if chosen.panel is None and not chosen.geometry_file:
            data.attrs["remark"] = _NO_PANEL
        elif chosen.crystal is None or not (chosen.orientations or chosen.turns or chosen.search):
            data.attrs["remark"] = _NO_CRYSTAL
        share = float(tables.frames.values[:, MASKED].mean())
        return Outcome(features_of(tables, len(turns), search=chosen.search) | masked_feature(share), data)

    def _finder(self, shape: tuple[int, int]) -> Finder:
        chosen = self._chosen
        if chosen.region is not None:
            chosen.region.check(*shape)
        region = None if chosen.region is None else (chosen.region.rows, chosen.region.columns)
        cut = Cut(chosen.threshold, read_dark(chosen.dark) if chosen.dark else None, chosen.level, region)
        return Finder(cut, chosen.valley, chosen.fewest_pixels, chosen.fit_above)

    def _known(self, block: FrameBlock) -> Floats:
        """Say what is known of each frame before it is looked at, shape ``(frames, 11)``."""
        known = np.full((len(block), FRAME_COLUMNS), np.nan)
        if "exposure" in block.columns:
            known[:, EXPOSURE] = block.columns["exposure"]
        known[:, GRID] = np.nan_to_num(block.columns.get("grid", np.zeros(len(block))))
        for name, place, step in zip(self._chosen.shown_along, (SLOW, FAST), (SLOW_STEP, FAST_STEP), strict=False):
            known[:, place] = self._column(block, name)
            known[:, step] = block.columns.get(f"{name}_step", np.full(len(block), np.nan))
        return known

    def _column(self, block: FrameBlock, name: str) -> Floats:
        if name not in block.columns:
            have = ", ".join(block.columns) or "none"
            message = f"the frames have no column {name!r:.60}; they have: {have}. Name one of these, or leave it out."
            raise ValueError(message)
        return block.columns[name]
