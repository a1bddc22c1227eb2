"""What is shown, kept and steered on: object and probe as pictures in micrometres, errors, overlap."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.core.result import Feature, Outcome
from steering.ptychography.lattice import Lattice
from steering.ptychography.overlap import beam_of, overlaps_of
from steering.ptychography.patterns import Patterns
from steering.ptychography.projections import Iterate

# A pixel with less than this part of the best light says nothing of the object.
_LIT = 0.02


@dataclass(frozen=True, eq=False)
class Seen:
    """Object and probe without what no pattern can tell: a factor, and a ramp of the phase.

    Attributes:
        object: NaN where there was no light, shape of the lattice.
        probe: Its modes without what they have in common, the strongest first, shape ``(modes, *window)``.
    """

    object: NDArray[np.complex128]
    probe: NDArray[np.complex128]


def seen_of(iterate: Iterate) -> Seen:
    """Take a ramp, which says where the beam falls on the detector, and a constant phase from object to probe."""
    light = iterate.light
    lit = light > _LIT * float(light.max())
    weighted = np.where(lit, iterate.object.astype(np.complex128), 0) * np.sqrt(light)
    down, right = np.vdot(weighted[:-1], weighted[1:]), np.vdot(weighted[:, :-1], weighted[:, 1:])
    steps = float(np.angle(down)), float(np.angle(right))
    ramp = _ramp(iterate.object.shape, steps)
    straight = weighted * ramp
    middle = np.exp(-1j * np.angle(straight.sum()))
    transmitted = np.where(lit, iterate.object * ramp * middle, complex(np.nan, np.nan))
    probe = iterate.probe.astype(np.complex128) * np.conj(_ramp(iterate.probe.shape[1:], steps))
    return Seen(transmitted, _apart(probe))


def outcome_of(patterns: Patterns, lattice: Lattice, iterate: Iterate, axes: tuple[str, str], last: int) -> Outcome:
    """Lay out a reconstruction.

    Args:
        patterns: That it was made from.
        lattice: Where they lie.
        iterate: Object and probe.
        axes: Names of the slow and the fast axis.
        last: How many iterations were done since there were new frames.
    """
    seen = seen_of(iterate)
    beam = beam_of(iterate.probe, lattice.pixel)
    overlaps = overlaps_of(patterns.positions, beam)
    features = {
        "frames": Feature(float(len(patterns)), 0.0, "1"),
        "error": Feature(iterate.errors[-1], float("nan"), "1"),
        "overlap": Feature(float(np.median(overlaps)), float("nan"), "%"),
        "overlap_least": Feature(float(overlaps.min()), float("nan"), "%"),
        "beam": Feature(beam, float("nan"), "um"),
    }
    errors = np.asarray(iterate.errors)
    if errors[-1] > 0:
        fall = 100 * (float(errors[-last]) / float(errors[-1]) - 1)
        features["error_fall"] = Feature(fall, float("nan"), "%")
    # Each stage had as many iterations, and the frames of the one before with some more.
    ends = errors[last - 1 :: last]
    if ends.min() > 0:
        features["error_rise"] = Feature(100 * (float(errors[-1]) / float(ends.min()) - 1), float("nan"), "%")
    places = patterns.positions
    if iterate.moves is not None:
        moves = iterate.moves * np.asarray(lattice.pixel)
        places = places + moves
        off = float(np.sqrt(np.square(moves).sum(axis=1).mean()))
        features["position_error"] = Feature(off, float("nan"), "um")
    finite = {name: one for name, one in features.items() if np.isfinite(one.value)}
    return Outcome(finite, _dataset(seen, patterns.index, places, lattice, errors, overlaps, axes))


def _dataset(
    seen: Seen, index: NDArray[np.int64], places: Floats, lattice: Lattice, errors: Floats, overlaps: Floats,
    axes: tuple[str, str],
) -> xr.Dataset:  # fmt: skip
    slow, fast = axes
    window, micrometres = lattice.window, {"units": "um"}
    across = {
        f"probe_{axis}": (np.arange(size) - size // 2) * pixel
        for axis, size, pixel in zip(axes, window, lattice.pixel, strict=True)
    }
    dims, probe_dims = (slow, fast), ("mode", *across)
    light = np.square(np.abs(seen.probe)).sum(axis=(1, 2))
    # Without the margin that nothing lit.
    lit = np.isfinite(seen.object)
    rows, columns = (_reach(np.atleast_1d(lit.any(axis=other))) for other in (1, 0))
    transmitted = seen.object[rows, columns]
    variables: dict[str, Any] = {
        "object_phase": (dims, np.angle(transmitted).astype(np.float32), {"units": "rad"}),
        "object_amplitude": (dims, np.abs(transmitted).astype(np.float32), {"units": "1"}),
        "probe_amplitude": (probe_dims, np.abs(seen.probe).astype(np.float32), {"units": "sqrt(counts)"}),
        "probe_phase": (probe_dims, np.angle(seen.probe).astype(np.float32), {"units": "rad"}),
        "mode_share": ("mode", 100 * light / float(light.sum()), {"units": "%"}),
        "error": ("iteration", errors, {"units": "1"}),
        "overlap": ("frame", overlaps, {"units": "%"}),
        f"{slow}_of_frame": ("frame", places[:, 0], micrometres),
        f"{fast}_of_frame": ("frame", places[:, 1], micrometres),
    }
    coordinates: dict[str, Any] = {
        slow: (slow, lattice.along(0)[rows], micrometres),
        fast: (fast, lattice.along(1)[columns], micrometres),
        "frame": ("frame", index, {"units": "1"}),
        "iteration": ("iteration", np.arange(1, len(errors) + 1), {"units": "1"}),
    }
    coordinates |= {name: (name, values, micrometres) for name, values in across.items()}
    return xr.Dataset(variables, coordinates, {"technique": "ptychography"})


def _reach(there: NDArray[np.bool_]) -> slice:
    """Return the range from the first to the last place where something is."""
    places = np.flatnonzero(there)
    return slice(int(places[0]), int(places[-1]) + 1) if len(places) else slice(0, 0)


def _ramp(shape: tuple[int, ...], steps: tuple[float, float]) -> NDArray[np.complex128]:
    down, right = (np.exp(-1j * step * np.arange(size)) for step, size in zip(steps, shape, strict=True))
    return down[:, None] * right[None]


def _apart(probe: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Make modes orthogonal, the strongest first: the same patterns, in fewer words."""
    if len(probe) == 1:
        return probe
    flat = probe.reshape(len(probe), -1)
    _, vectors = np.linalg.eigh(flat @ flat.conj().T)
    return (vectors.conj().T[::-1] @ flat).reshape(probe.shape)
