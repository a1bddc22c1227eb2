"""Runs that are over, without a record: entries and results in memory, exports in a real folder."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import xarray as xr

from steering.archive.decisions import Decisions
from steering.archive.export import write_run
from steering.archive.past import Found, Past, _main, _small
from steering.archive.run_entry import RunEntry
from steering.archive.small_map import NO_MAP, small_map
from steering.core.errors import SteeringError
from steering.core.proposal import Ruling
from steering.core.result import Feature, Outcome, Provenance, Result


class FakePast(Past):
    """Implements ``Past`` on what :meth:`keep` was given.

    Attributes:
        fail: Why nothing can be read.
        decided: What was decided in a run, by its uid.
        asked: Every text that was searched for.
    """

    def __init__(self, folder: Path = Path("/tmp/steering-exports")) -> None:
        super().__init__(lambda: None, folder)
        self.fail = ""
        self.decided: dict[str, tuple[Ruling, ...]] = {}
        self.asked: list[str] = []
        self._kept: list[tuple[RunEntry, Result | None]] = []

    def keep(self, entry: RunEntry, result: Result | None = None) -> None:
        """Keep a run, the newest one of all."""
        self._kept = [(entry, result), *(pair for pair in self._kept if pair[0].uid != entry.uid)]

    def find(self, text: str = "", limit: int = 50) -> Found:
        self.asked.append(text)
        if self.fail:
            raise SteeringError(self.fail)
        entries = [entry for entry, _ in self._kept if entry.matches(text)]
        return Found(tuple(entries[:limit]), len(self._kept), len(entries) <= limit)

    def look(self, entry: RunEntry) -> RunEntry:
        result = {one.uid: kept for one, kept in self._kept}[entry.uid]
        if result is None:
            return entry
        data = result.outcome.data
        curve = _small(data["th"].values, data["intensity"].values) if "th" in data.coords else ()
        mapped = not curve and {"sx", "sy"} <= set(data.coords)
        picture = small_map(*(data[name].values for name in ("sx", "sy", "intensity"))) if mapped else NO_MAP
        label = _main(entry, ["rocking_curve"])
        return replace(entry, label=label, features=result.outcome.features, curve=curve, picture=picture)

    def result(self, run: str, label: str = "") -> Result:
        found = [result for entry, result in self._kept if entry.uid.startswith(run)]
        if not found or found[0] is None:
            message = f"The record keeps no result of run {run[:8]}."
            raise SteeringError(message)
        return found[0]

    def decisions(self, run: str) -> Decisions:
        if self.fail:
            raise SteeringError(self.fail)
        return Decisions(self.decided.get(run, ()))

    def export(self, run: str, kind: str = "csv", label: str = "", rulings: Sequence[Ruling] = ()) -> Path:
        entry = next(entry for entry, _ in self._kept if entry.uid == run)
        decided = Decisions().with_newer(rulings)
        return write_run(self.folder, kind, self.look(entry), self.result(run), None, decided)


def curve_result(run: str, centre: float = 0.21, points: int = 51, axis: str = "th", units: str = "deg") -> Result:
    """Make the result of a rocking curve."""
    x = np.linspace(-0.3, 0.7, points)
    y = 40 + 2000 * np.exp(-(((x - centre) / 0.04) ** 2) / 2)
    data = xr.Dataset(
        {
            "intensity": ("point", y, {"units": "counts/s"}),
            "intensity_error": ("point", np.sqrt(y), {"units": "counts/s"}),
        },
        {axis: ("point", x, {"units": units})},
    )
    features = {
        "total": Feature(float(y.sum()), 100.0, "counts"),
        "peak": Feature(centre, 0.0012, units),
        "fwhm": Feature(0.094, 0.0021, units),
    }
    source = Provenance(run, "rocking_curve", {"axis": axis}, "0", "0.1", "local", points, points - 1)
    return Result(1, Outcome(features, data), source)


def map_result(run: str) -> Result:
    """Make the result of a map."""
    sx, sy = (axis.ravel() for axis in np.meshgrid(np.arange(8.0), np.arange(6.0)))
    names = {"intensity": 100 + sx * sy, "sx_step": sx * 0 + 1, "sy_step": sy * 0 + 1}
    data = xr.Dataset(
        {name: ("point", values, {"units": "um"}) for name, values in names.items()},
        {"sx": ("point", sx, {"units": "um"}), "sy": ("point", sy, {"units": "um"})},
    )
    source = Provenance(run, "map_features", {}, "0", "0.1", "local", len(sx), len(sx) - 1)
    # As long as such a number is with its error: (2.2841 ± 0.0021) × 10⁶ counts/s.
    return Result(1, Outcome({"maximum": Feature(2284136.0, 2112.0, "counts/s")}, data), source)


def fill(past: FakePast) -> None:
    """Keep five runs: two curves of a sample, a map, one that failed, one without an end."""
    began = 1.79e9
    past.keep(RunEntry("11aa22bb-0001", "align", 3, "", began, "fail", 2))
    past.keep(RunEntry("22bb33cc-0002", "map", 4, "WSe2 flake", began + 3600, "abort", 48), map_result("22bb33cc-0002"))
    past.keep(
        RunEntry("33cc44dd-0003", "rocking", 5, "Ni pillar", began + 7200, "success", 51), curve_result("33cc44dd-0003")
    )
    past.keep(
        RunEntry("44dd55ee-0004", "rocking", 6, "Ni pillar", began + 9000, "success", 51),
        curve_result("44dd55ee-0004", 0.25),
    )
    past.keep(RunEntry("55ee66ff-0005", "rocking", 7, "Ni pillar", math.nan, "unfinished", -1))
