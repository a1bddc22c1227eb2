"""Ptychography: object and probe from the far fields of overlapping spots, while the scan goes on.

The state is the set of the frames' amplitudes; a result is a function of that set alone (:mod:`steering.ptychography`).
It takes a second or more, so it is made beside the analyses that keep pace with the detector. Sum and centre of mass of
each frame (the maps of transmission and of differential phase contrast) are those of ``map_features``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field

from steering.analyses._choices import Choices
from steering.analyses._region import leave_out
from steering.analyses._shapes import shape_of
from steering.contract.alarm import Alarm
from steering.core.analysis import Exactness, Needs
from steering.core.block import FrameBlock
from steering.core.json import Json
from steering.core.result import Feature, Outcome
from steering.geometry.geometry import Geometry
from steering.ptychography.cxi import read_probe
from steering.ptychography.lattice import Lattice, pixel_of, together
from steering.ptychography.outcome import outcome_of
from steering.ptychography.patterns import MEGABYTE, NOTHING, Patterns, Window, left_out
from steering.ptychography.reconstruction import FEWEST, FIRST_STAGE, Course, reconstruct

# Nanometres are micrometres times the first, metres are micrometres times the second.
_NANOMETRES, _METRES = 1e-3, 1e6
_NO_PIXEL = (
    "The size of the object's pixels is not known: give pixel_size in nm, or the detector's geometry in the "
    "beamline's file."
)


class PtychographyChoices(Choices):
    """What may be chosen of ptychography."""

    axes: tuple[str, str] = Field(("sy", "sx"), description="Slow and fast axis: rows and columns of the object")
    geometry: dict[str, float] | None = Field(
        None, description="Where the detector stands; that of the beamline's file if left out"
    )
    pixel_size: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="Size of an object's pixel; from the geometry if left out",
        json_schema_extra={"units": "nm"},
    )
    centre: tuple[float, float] | None = Field(
        None,
        description="Row and column of the direct beam; the frame's middle if left out",
        json_schema_extra={"units": "px"},
    )
    size: int = Field(
        0,
        ge=0,
        le=8192,
        description="Part of the frame around the direct beam; 0: all",
        json_schema_extra={"units": "px"},
    )
    binning: int = Field(
        1, ge=1, le=64, description="So many rows and columns are one", json_schema_extra={"units": "px"}
    )
    iterations: int = Field(10, ge=1, le=1000, description="Of each stage: each time a quarter more frames are there")
    modes: int = Field(1, ge=1, le=8, description="Modes of the probe: how many beams that do not interfere")
    defocus: float = Field(
        0.0,
        allow_inf_nan=False,
        description="How far the sample is out of the focus, for the first guess of the probe",
        json_schema_extra={"units": "um"},
    )
    probe: str = Field(
        "", max_length=4096, description="File of a probe to begin with (CXI or .npy) that the workers see"
    )
    position_error: float = Field(
        0.0,
        ge=0,
        le=1000,
        allow_inf_nan=False,
        description="Positions are corrected by up to so much, to parts of a pixel; 0: taken as they are",
        json_schema_extra={"units": "um"},
    )
    memory: int = Field(
        256,
        ge=1,
        le=65_536,
        description="For the patterns; of more frames the first ones",
        json_schema_extra={"units": "MB"},
    )


class Ptychography:
    """Reconstructs object and probe by alternating projections."""

    name = "ptychography"
    exactness: Exactness = "bitwise"
    leaves_out_markers = True
    takes_long = True
    alarms = (Alarm("error_rise", high=30.0), Alarm("overlap", low=40.0))

    Parameters = PtychographyChoices

    def __init__(
        self,
        axes: Sequence[str] = ("sy", "sx"),
        geometry: Mapping[str, float] | None = None,
        pixel_size: float | None = None,
        centre: Sequence[float] | None = None,
        size: int = 0,
        binning: int = 1,
        iterations: int = 10,
        modes: int = 1,
        defocus: float = 0.0,
        probe: str = "",
        position_error: float = 0.0,
        memory: int = 256,
        region: Mapping[str, Any] | None = None,
        masked: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Choose optics, the part of the frames, and how much is done.

        Args:
            axes: Slow and fast axis, in micrometres: where on the sample the beam is.
            geometry: As :meth:`steering.geometry.geometry.Geometry.of` reads it.
            pixel_size: Of the object in nanometres; goes before the geometry.
            centre: Row and column of the direct beam in pixels of the frame.
            size: Rows and columns around it that are taken.
            binning: So many of them are one.
            iterations: Of each stage.
            modes: Of the probe.
            defocus: In micrometres, of the first guess of the probe.
            probe: File of one to begin with (:func:`steering.ptychography.cxi.read_probe`); goes before the defocus.
            position_error: How far positions may be off in micrometres, each along both axes; 0 takes them for right.
            memory: For the patterns, in megabytes (2^20 bytes).
            region: The only pixels that are taken for measured, as in the other analyses.
            masked: Parts that are not taken for measured, such as a beam stop.

        Raises:
            ValueError: If one of them is not allowed.
        """
        given = {name: value for name, value in locals().items() if name != "self"}
        self._chosen = chosen = PtychographyChoices.model_validate(given)
        if chosen.axes[0] == chosen.axes[1]:
            message = f"both axes are {chosen.axes[0]!r}. Allowed: a slow and a fast one, for example sy and sx."
            raise ValueError(message)
        self._geometry = None if chosen.geometry is None else Geometry.of(chosen.geometry)
        if chosen.defocus and self._geometry is None:
            message = f"a defocus of {chosen.defocus:g} um needs the detector's geometry, which has the wavelength."
            raise ValueError(message)
        self._window = Window(chosen.centre, chosen.size, chosen.binning)

    @property
    def parameters(self) -> Mapping[str, Json]:
        """What was chosen."""
        return self._chosen.plain()

    @property
    def needs(self) -> Needs:
        """The axes, in micrometres."""
        return Needs(self._chosen.axes, dict.fromkeys(self._chosen.axes, "um"))

    def empty(self) -> Patterns:
        """Set of no frames."""
        return NOTHING

    def update(self, state: Patterns, block: FrameBlock, frames: NDArray[Any]) -> Patterns:
        """Add a block's frames; those without a position are left out.

        Args:
            state: Left as it is.
            block: With the columns of both axes in micrometres.
            frames: Pixels in counts, shape ``(len(block), rows, columns)``.

        Raises:
            ValueError: If the block lacks an axis, or the frames have the wrong shape.
        """
        shape_of("Ptychography", block, frames, None)
        missing = [axis for axis in self._chosen.axes if axis not in block.columns]
        if missing:
            have = ", ".join(block.columns) or "none"
            message = (
                f"the events have no column {' and '.join(missing)}; they have: {have}. Name the axes of this scan."
            )
            raise ValueError(message)
        positions = np.stack([block.columns[axis] for axis in self._chosen.axes], axis=1)
        bad = leave_out(self._chosen.masked, frames, block.bad)
        if self._chosen.region is not None:
            bad = self._chosen.region.keep(frames, bad)
        usable = np.isfinite(positions).all(axis=1)
        amplitudes = self._window.amplitudes(frames, bad)[usable]
        return state.united(Patterns(block.indices[usable], amplitudes, positions[usable]), self._bytes)

    def merge(self, left: Patterns, right: Patterns) -> Patterns:
        """Unite two sets of frames."""
        return left.united(right, self._bytes)

    def result(self, state: Patterns) -> Outcome:
        """Reconstruct from the frames that are there.

        What they do not allow is left out, and ``data.attrs["remark"]`` says why.

        Raises:
            ValueError: If the positions are too far apart, or a probe that was given does not fit.
            SteeringError: If its file cannot be read.
        """
        lit = state.lit(FIRST_STAGE)
        if remark := self._lacking(lit):
            features = {"frames": Feature(float(len(lit)), 0.0, "1")}
            return Outcome(features, xr.Dataset(attrs={"remark": remark}))
        window = lit.amplitudes.shape[1], lit.amplitudes.shape[2]
        course = self._course(window)
        near = together(lit.positions, course.pixel, window)
        lit, apart = lit.only(near), int((~near).sum())
        lattice = Lattice.of(lit.positions, course.pixel, window)
        iterate = reconstruct(lit, course)
        outcome = outcome_of(lit, lattice, iterate, self._chosen.axes, course.iterations)
        if remark := left_out(state, self._chosen.memory, apart):
            outcome.data.attrs["remark"] = remark
        return outcome

    @property
    def _bytes(self) -> int:
        return self._chosen.memory * MEGABYTE

    def _lacking(self, state: Patterns) -> str:
        """Say why nothing can be reconstructed yet; empty if something can."""
        if self._chosen.pixel_size is None and self._geometry is None:
            return _NO_PIXEL
        if len(state) < FEWEST:
            return f"{len(state)} frames with a position are there. A reconstruction begins with {FEWEST}."
        if not np.ptp(state.positions, axis=0).any():
            return "All frames were taken at the same position. Ptychography needs spots that overlap: move the sample."
        # The first stage decides what the probe begins with.
        if not any(bool(np.nan_to_num(one).any()) for one in state.amplitudes[:FIRST_STAGE]):
            return "The first frames have no counts, or only masked pixels. Open the shutter, or look at the mask."
        return ""

    def _course(self, window: tuple[int, int]) -> Course:
        chosen = self._chosen
        if chosen.pixel_size is not None:
            pixel = chosen.pixel_size * _NANOMETRES, chosen.pixel_size * _NANOMETRES
        else:
            assert self._geometry is not None  # noqa: S101  (else nothing is reconstructed)
            pixel = pixel_of(self._geometry, *window, chosen.binning)
        curvature = 0.0
        if chosen.defocus and self._geometry is not None:
            curvature = self._geometry.wavelength * _METRES * chosen.defocus
        probe = read_probe(chosen.probe) if chosen.probe else None
        return Course(pixel, chosen.iterations, chosen.modes, probe, curvature, chosen.position_error)
