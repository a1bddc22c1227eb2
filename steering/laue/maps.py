"""Features and arrays of what was found: a map of it, a table of spots, and the grains that nobody knew."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.core.result import Feature
from steering.laue.strain import COMPONENTS, equivalent
from steering.laue.tables import (
    APART,
    COLUMN,
    COUNTS,
    CROWDED,
    DIRECTION,
    EXPECTED,
    EXPOSURE,
    FAST,
    FAST_STEP,
    GRID,
    INDEXED,
    INDICES,
    MASKED,
    NEW,
    OF_GRAIN,
    OFF,
    OWN,
    ROW,
    SLOW,
    SLOW_STEP,
    SPOTS,
    STRAIN,
    STRAIN_ERROR,
    TOP,
    Tables,
)  # fmt: skip
from steering.spots.lit import Numbers

STRAIN_UNITS: Final = "um/m"
_MICRO = 1e6
MOST_LISTED: Final = 20_000


@dataclass(frozen=True)
class Axes:
    """What frames were taken along.

    Attributes:
        names: Slow and fast axis, or fewer.
        units: Of each.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]

    @property
    def are_map(self) -> bool:
        """Whether there are two."""
        return len(self.names) == 2


def features_of(tables: Tables, new: int, *, search: bool) -> dict[str, Feature]:
    """Name numbers to steer on: of the newest frame, and of all.

    Args:
        tables: With one frame at least.
        new: How many grains were found that nobody knew.
        search: Whether any were looked for.
    """
    frames, newest = tables.frames.values, tables.frames.values[-1]
    found: dict[str, Feature] = {}
    if newest[SPOTS] > 0 and np.isfinite(newest[INDEXED]):
        found["indexed"] = _share(newest[INDEXED], newest[SPOTS])
    found["spots"] = Feature(float(newest[SPOTS]), float(np.sqrt(newest[SPOTS])), "1")
    grains = tables.grains.values[tables.grains.frame == tables.frames.frame[-1]]
    found["grains"] = Feature(float(len(grains)), 0.0, "1")
    if len(grains):
        found |= _of_grain(grains[0])
    total, indexed = float(frames[:, SPOTS].sum()), float(np.nansum(frames[:, INDEXED]))
    if total > 0 and np.isfinite(frames[:, INDEXED]).any():
        found["all_indexed"] = _share(indexed, total)
    found["frames"] = Feature(float(len(frames)), 0.0, "1")
    if search:
        found["new_grains"] = Feature(float(new), 0.0, "1")
    if frames[:, CROWDED].any():
        found["crowded"] = Feature(100 * float(frames[:, CROWDED].mean()), 0.0, "%")
    return {name: one for name, one in found.items() if np.isfinite(one.value)}


def _share(part: float, whole: float) -> Feature:
    # Also where all or none are indexed another spot might not be: as if one more of each had been seen.
    likely = (part + 1) / (whole + 2)
    error = np.sqrt(likely * (1 - likely) / (whole + 3))
    return Feature(100 * float(part / whole), 100 * float(error), "%")


def _of_grain(row: Floats) -> dict[str, Feature]:
    """Say what the grain with the most spots is like."""
    strain, error = row[STRAIN:STRAIN_ERROR], row[STRAIN_ERROR:]
    both = float(equivalent(strain))
    # By how the equivalent strain changes with each component, those beside the diagonal twice.
    slope = 2 / 3 * strain * np.array([1, 1, 1, 2, 2, 2]) / max(both, 1e-12)
    found = {
        "misorientation": Feature(float(row[APART]), float(row[OFF] / np.sqrt(row[OWN])), "deg"),
        "equivalent_strain": Feature(
            _MICRO * both, _MICRO * float(np.sqrt(np.sum((slope * error) ** 2))), STRAIN_UNITS
        ),
        "strain_error": Feature(_MICRO * float(np.median(error)), float("nan"), STRAIN_UNITS),
    }
    return found | {
        f"strain_{name}": Feature(_MICRO * float(one), _MICRO * float(off), STRAIN_UNITS)
        for name, one, off in zip(COMPONENTS, strain, error, strict=True)
    }


def arrays_of(tables: Tables, axes: Axes, number: Floats, turns: Floats) -> xr.Dataset:
    """Lay out frames, spots and new grains.

    Args:
        tables: All that is known.
        axes: What frames were taken along; of a map those without a position are left out.
        number: Of the grain of each row of grains.
        turns: Rotations of the grains that nobody knew, shape ``(new, 3, 3)``.
    """
    frames = tables.frames.values
    usable = np.ones(len(frames), bool)
    if axes.are_map:
        usable = np.isfinite(frames[:, SLOW]) & np.isfinite(frames[:, FAST])
    along = "point" if axes.are_map else "frame"
    shown = _of_frames(tables, number)
    variables: dict[str, Any] = {name: (along, one[usable], {"units": units}) for name, (one, units) in shown.items()}
    index = tables.frames.frame[usable]
    coordinates: dict[str, Any] = {} if axes.are_map else {"frame": (along, index, {"units": "1"})}
    for place, name, units in zip((SLOW, FAST), axes.names, axes.units, strict=False):
        coordinates[name] = (along, frames[usable, place], {"units": units})
    if axes.are_map:
        variables["frame"] = (along, index, {"units": "1"})
        variables["grid"] = (along, frames[usable, GRID].astype(np.int64), {"units": "1"})
        for place, name, units in zip((SLOW_STEP, FAST_STEP), axes.names, axes.units, strict=True):
            variables[f"{name}_step"] = (along, frames[usable, place], {"units": units})
    if np.isfinite(frames[:, EXPOSURE]).any():
        variables["exposure"] = (along, frames[usable, EXPOSURE], {"units": "s"})
    if len(turns):
        variables["orientation"] = (("new_grain", "row", "column"), turns, {"units": "1"})
    return xr.Dataset(variables | _of_spots(tables), coordinates, {"left_out": int((~usable).sum())})


def _of_frames(tables: Tables, number: Floats) -> dict[str, tuple[NDArray[Any], str]]:
    """List what is known of each frame, and of the grain with the most spots in it."""
    frames = tables.frames.values
    with np.errstate(divide="ignore", invalid="ignore"):
        share = 100 * frames[:, INDEXED] / frames[:, SPOTS]
    best = _best(tables)
    rows = np.where(best[:, np.newaxis] >= 0, tables.grains.values[best], np.nan) if len(tables.grains) else None
    shown: dict[str, tuple[NDArray[Any], str]] = {
        "indexed": (share, "%"),
        "unindexed_spots": (frames[:, SPOTS] - frames[:, INDEXED], "1"),
        "spots": (frames[:, SPOTS], "1"),
        "new_spots": (frames[:, NEW], "1"),
        "grains": (np.bincount(_places(tables), minlength=len(frames)).astype(np.float64), "1"),
        "masked": (100 * frames[:, MASKED], "%"),
    }
    if rows is None:
        return shown
    shown["grain"] = (np.where(best >= 0, number[best], np.nan), "1")
    shown["misorientation"] = (rows[:, APART], "deg")
    shown["equivalent_strain"] = (_MICRO * equivalent(rows[:, STRAIN:STRAIN_ERROR]), STRAIN_UNITS)
    for place, name in enumerate(COMPONENTS):
        shown[f"strain_{name}"] = (_MICRO * rows[:, STRAIN + place], STRAIN_UNITS)
        shown[f"strain_{name}_error"] = (_MICRO * rows[:, STRAIN_ERROR + place], STRAIN_UNITS)
    shown["spots_of_grain"] = (rows[:, OWN], "1")
    shown["expected_spots"] = (rows[:, EXPECTED], "1")
    shown["off"] = (rows[:, OFF], "deg")
    return shown


def _places(tables: Tables) -> Numbers:
    """Say to which frame each grain belongs, by its place."""
    return np.searchsorted(tables.frames.frame, tables.grains.frame)


def _best(tables: Tables) -> Numbers:
    """Say which row of grains each frame has first; -1 for none."""
    found = np.full(len(tables.frames), -1)
    place, first = np.unique(_places(tables), return_index=True)
    found[place] = first
    return found


def _of_spots(tables: Tables) -> dict[str, Any]:
    """Lay out the spots of the newest frames along ``spot``."""
    # The newest ones: a page and a record need not hold more.
    spots = tables.spots.values[-MOST_LISTED:]
    listed = {
        "spot_frame": (tables.spots.frame[-MOST_LISTED:], "1"),
        "row": (spots[:, ROW], "px"),
        "column": (spots[:, COLUMN], "px"),
        "counts": (spots[:, COUNTS], "counts"),
        "peak": (spots[:, TOP], "counts"),
        "grain_of_spot": (spots[:, OF_GRAIN], "1"),
    }
    listed |= {f"q_{name}": (spots[:, DIRECTION + place], "1") for place, name in enumerate("xyz")}
    listed |= {name: (spots[:, INDICES + place], "1") for place, name in enumerate("hkl")}
    return {name: ("spot", values, {"units": units}) for name, (values, units) in listed.items()}
