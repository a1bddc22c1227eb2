"""Region: look finer where spots belong to no grain that is known, and count longer where strain is too uncertain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from steering.core.action import InsertRegion, SetParameter
from steering.core.agent import Suggestion
from steering.core.block import Floats
from steering.core.parameter import Parameter
from steering.core.result import Result

_EXPOSURE = "exposure"
# So few spots say nothing of a share, and so many points of an exposure say what it gives.
_FEWEST_SPOTS, _POINTS = 6, 9
# By so much more may the error be than is wanted, before anything is changed.
_DEAD_BAND = 1.25
# Points of neighbouring cells, corners too, in steps.
_BESIDE = 1.5
_DECIMALS = 6


@dataclass(frozen=True)
class _Points:
    """Points of the coarse grid.

    Attributes:
        axes: Slow and fast.
        at: Positions, shape ``(points, 2)``.
        step: Of each axis.
        low: Which have too few indexed spots.
        indexed: Percent of their spots.
    """

    axes: tuple[str, str]
    at: Floats
    step: Floats
    low: "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]"
    indexed: Floats


class Region:
    """Suggests a finer grid of a Laue map where spots belong to no known grain.

    It looks at the map of ``laue``. Where, on the first grid, fewer than ``indexed`` percent of the spots belong to
    known grains (by more than two standard errors), and the row above was measured and is well, it suggests a finer
    grid over that place and a step around it, with ``finer`` times as many points each way; each place once. If
    ``strain_error`` is given, it sets the exposure so that strain is as certain as that: the error goes with
    1 / sqrt(counts).
    """

    name = "region"

    def __init__(
        self, indexed: float = 70.0, finer: float = 4.0, most_points: int = 400, strain_error: float = 0.0
    ) -> None:
        """Choose when.

        Args:
            indexed: Percent of the spots.
            finer: The coarse step over that of the finer grid.
            most_points: Of a finer grid; it is coarser if it would have more.
            strain_error: Of a component of strain, in um/m, median of all; 0 leaves the exposure as it is.

        Raises:
            ValueError: If a number is not allowed.
        """
        if not 0 < indexed < 100:
            message = f"indexed is {indexed:g} %. Allowed: above 0 % and below 100 %"
            raise ValueError(message)
        if not 1 < finer <= 100:
            message = f"finer is {finer:g}. Allowed: above 1 and up to 100"
            raise ValueError(message)
        if not 4 <= most_points <= 1_000_000:
            message = f"most_points is {most_points}. Allowed: 4 to 1,000,000"
            raise ValueError(message)
        if not (np.isfinite(strain_error) and strain_error >= 0):
            message = f"strain_error is {strain_error:g} um/m. Allowed: 0 um/m and above"
            raise ValueError(message)
        self._indexed, self._finer, self._most, self._error = indexed, finer, most_points, strain_error
        self.steers = (_EXPOSURE,) if strain_error else ()
        self._run = ""
        self._begin()

    def ingest(self, result: Result, parameters: Sequence[Parameter]) -> None:
        """Look at the newest map."""
        if result.provenance.run != self._run:
            self._run = result.provenance.run
            self._begin()
        self._waiting = []
        data = result.outcome.data
        known = {item.name: item for item in parameters}
        dwell = self._dwell(data, known)
        if dwell is not None:
            action, why = dwell
            self._waiting.append(Suggestion(action, why, result.basis))
        points = self._points(data)
        for region, share in self._places(points) if points is not None else ():
            why = f"{share:.0f} % of the spots there belong to known grains"
            self._waiting.append(Suggestion(region, why, result.basis))

    def suggest(self) -> Sequence[Suggestion]:
        """Return what to do now; each suggestion once."""
        waiting, self._waiting = self._waiting, list[Suggestion]()
        for one in waiting:
            if isinstance(one.action, InsertRegion):
                self._asked.append(np.array(list(one.action.region.values()), np.float64))
            elif isinstance(one.action, SetParameter):
                self._set = one.action.value
        return tuple(waiting)

    def _begin(self) -> None:
        self._asked: list[Floats] = []
        self._set: float | None = None
        self._waiting: list[Suggestion] = []

    def _points(self, data: xr.Dataset) -> _Points | None:
        """Read the coarse grid of a map; nothing if this is none."""
        names = [str(name) for name in data.coords if f"{name}_step" in data]
        if len(names) != 2 or not {"indexed", "spots", "grid"} <= set(map(str, data.data_vars)):
            return None
        coarse = data["grid"].values == 0
        share, spots = data["indexed"].values[coarse] / 100, data["spots"].values[coarse]
        if not len(share):
            return None
        at = np.stack([data[name].values[coarse] for name in names], axis=1)
        step = np.array([float(data[f"{name}_step"].values[coarse][0]) for name in names])
        if not (np.isfinite(step).all() and (step > 0).all()):
            return None
        with np.errstate(invalid="ignore", divide="ignore"):
            error = np.sqrt(np.maximum(share * (1 - share), 1 / spots) / spots)
            low = (spots >= _FEWEST_SPOTS) & (share + 2 * error < self._indexed / 100)
        return _Points((names[0], names[1]), at, step, low, 100 * share)

    def _places(self, points: _Points) -> list[tuple[InsertRegion, float]]:
        """List the places that merit a finer grid, and how many of their spots are indexed."""
        found: list[tuple[InsertRegion, float]] = []
        cells = points.at / points.step
        left = list(np.flatnonzero(points.low))
        while left:
            place = [left.pop(0)]
            for here in place:
                near = [one for one in left if np.abs(cells[one] - cells[here]).max() < _BESIDE]
                left = [one for one in left if one not in near]
                place += near
            # The row beyond must be over, whichever way the map goes: the newest point is in the one after it.
            rows = cells[place, 0]
            if rows.min() - _BESIDE < cells[-1, 0] < rows.max() + _BESIDE:
                continue
            region = self._around(points, points.at[place])
            if region is not None:
                found.append((region, float(points.indexed[place].mean())))
        return found

    def _around(self, points: _Points, at: Floats) -> InsertRegion | None:
        """Lay a finer grid around some points, within what was measured; nothing if it was asked for already."""
        low = np.maximum(at.min(axis=0) - points.step, points.at.min(axis=0))
        high = np.minimum(at.max(axis=0) + points.step, points.at.max(axis=0))
        if any(((low <= one[:, 1]) & (high >= one[:, 0])).all() for one in self._asked):
            return None
        step = points.step / self._finer
        while np.prod(np.floor((high - low) / step + 1 + 1e-9)) > self._most:
            step = step * 1.1
        names = points.axes
        region = {
            name: (round(float(one), _DECIMALS), round(float(other), _DECIMALS))
            for name, one, other in zip(names, low, high, strict=True)
        }
        return InsertRegion(region, {name: round(float(one), _DECIMALS) for name, one in zip(names, step, strict=True)})

    def _dwell(self, data: xr.Dataset, known: Mapping[str, Parameter]) -> tuple[SetParameter, str] | None:
        """Say how long to count, if strain is less certain than is wanted, or needlessly certain."""
        held = known.get(_EXPOSURE)
        names = [str(name) for name in data if str(name).startswith("strain_") and str(name).endswith("_error")]
        if held is None or not self._error or not names or "exposure" not in data:
            return None
        errors = np.stack([data[name].values for name in names])
        mine = np.isfinite(errors).all(axis=0) & np.isclose(data["exposure"].values, held.value, rtol=0.01)
        if np.count_nonzero(mine) < _POINTS:
            return None
        error = float(np.median(errors[:, mine][:, -_POINTS:]))
        if self._error / _DEAD_BAND <= error <= self._error * _DEAD_BAND:
            return None
        wanted = min(max(held.value * (error / self._error) ** 2, held.low), held.high)
        wanted = min(max(wanted, held.value - held.largest_step), held.value + held.largest_step)
        value = min(max(round(wanted, held.decimals), held.low), held.high)
        if value in (held.value, self._set):
            return None
        return SetParameter(held.name, value), f"components of strain are uncertain by {error:.0f} um/m"
