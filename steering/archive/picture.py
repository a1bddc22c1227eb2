"""A result as a picture: its arrays by their shape, with units and errors, and its features below.

matplotlib draws it (extra ``pictures``), without pyplot: nothing of a notebook's own figures is touched.
"""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from steering.archive.run_entry import RunEntry
from steering.core.block import Floats
from steering.core.errors import SteeringError
from steering.core.result import Feature, Result

# So many arrays are drawn, lines of an array, and features written.
_MOST_ARRAYS, _MOST_LINES, _MOST_FEATURES = 6, 12, 8
_WIDTH, _HEIGHT, _DPI = 6.4, 4.4, 120
# What stands beside an array and belongs to it, by the end of its name; and what only says how large a cell is.
_BESIDE = ("_error", "_fit", "_step")
# Fewer points, or points that span less, say nothing of how they are spaced.
_FEWEST, _SPAN = 5, 20.0


def write_picture(path: Path, entry: RunEntry, result: Result | None) -> None:
    """Draw a result as a PNG.

    Args:
        path: Is written over.
        entry: Its run.
        result: With at least one array of one or two dimensions.

    Raises:
        SteeringError: If matplotlib is not installed, or there is nothing that can be drawn.
        OSError: If it cannot be written.
    """
    if result is None:
        raise SteeringError(f"Run {entry.uid[:8]} has no result yet that can be drawn. Export csv: it has the events.")
    data = result.outcome.data
    names = drawable(data)
    label = result.provenance.label or result.provenance.analysis
    if not names:
        raise SteeringError(f"The result {label} has no array that can be drawn. Export it as nexus, which has all.")
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        message = 'A picture needs matplotlib. Install it: pip install "steering[pictures]", or export csv or nexus.'
        raise SteeringError(message) from error
    columns = 1 if len(names) == 1 else 2
    rows = math.ceil(len(names) / columns)
    figure: Any = Figure(figsize=(_WIDTH * columns, _HEIGHT * rows + 0.8), dpi=_DPI, layout="constrained")
    places = figure.subplots(rows, columns, squeeze=False).flat
    for name, place in zip(names, places, strict=False):
        _draw(figure, place, data, name)
    for place in list(places)[len(names) :]:
        place.set_axis_off()
    about = [entry.name or f"run {entry.uid[:8]}", entry.sample, entry.date, label]
    figure.suptitle(_plain(", ".join(part for part in about if part)), fontsize=11)
    figure.supxlabel(_plain("\n".join(_features(result.outcome.features))), fontsize=8)
    figure.savefig(path, format="png", metadata={"Title": entry.name, "Description": f"run {entry.uid}, {label}"})


def drawable(data: xr.Dataset) -> list[str]:
    """Name the arrays that a picture shows: numbers of one or two dimensions with positions, the main one first."""
    found = [str(name) for name in data.data_vars if _is_drawn(data, str(name))]
    own = [name for name in found if not any(name.endswith(end) and name[: -len(end)] in data for end in _BESIDE)]
    return sorted((name for name in own if not name.endswith("_step")), key=lambda name: name != "intensity")[
        :_MOST_ARRAYS
    ]


def is_logarithmic(x: Floats) -> bool:
    """Say whether positions are spaced as on a logarithmic axis; those of a multi-tau correlator nearly are."""
    if len(x) < _FEWEST or not np.isfinite(x).all() or x.min() <= 0 or x.max() < _SPAN * x.min():
        return False
    along = np.sort(x)
    even, ratios = np.diff(along), np.diff(np.log(along))
    return bool(even.std() / even.mean() > ratios.std() / ratios.mean())


def _is_drawn(data: xr.Dataset, name: str) -> bool:
    array = data[name]
    if array.dtype.kind not in "iuf" or array.ndim not in (1, 2) or not array.size or not np.isfinite(array).any():
        return False
    return bool(_positions(data, str(array.dims[-1])))


def _positions(data: xr.Dataset, dimension: str) -> list[str]:
    """Name the positions along a dimension."""
    return [
        str(name) for name in data.coords if data[name].dims == (dimension,) and data[name].dtype.kind in "iuf"
    ]  # fmt: skip


def _draw(figure: Any, place: Any, data: xr.Dataset, name: str) -> None:
    array = data[name]
    along = _positions(data, str(array.dims[-1]))
    if array.ndim == 1 and len(along) == 2:
        slow, fast = along
        drawn = _draw_cells(place, data, name, fast, slow)
        place.set_ylabel(_named(data, slow))
        place.set_xlabel(_named(data, fast))
        figure.colorbar(drawn, ax=place, label=_named(data, name))
        return
    place.set_xlabel(_named(data, along[0]))
    x = np.asarray(data[along[0]], dtype=np.float64)
    up = _positions(data, str(array.dims[0])) if array.ndim == 2 else []
    if up and str(array.dims[0]) in data.coords:
        drawn = place.pcolormesh(x, np.asarray(data[up[0]], dtype=np.float64), array, shading="nearest")
        place.set_ylabel(_named(data, up[0]))
        figure.colorbar(drawn, ax=place, label=_named(data, name))
        return
    _draw_lines(place, data, name, x, up)


def _draw_cells(place: Any, data: xr.Dataset, name: str, fast: str, slow: str) -> Any:
    """Draw a map of points, each as large as its step, or as a dot without one. Returns what has the colours."""
    from matplotlib.collections import PolyCollection

    x, y, values = (np.asarray(data[one], dtype=np.float64) for one in (fast, slow, name))
    if data[fast].attrs.get("units") == data[slow].attrs.get("units"):
        place.set_aspect("equal", adjustable="datalim")
    if not {f"{fast}_step", f"{slow}_step"} <= {str(one) for one in data}:
        return place.scatter(x, y, c=values, s=14, marker="s")
    wide, high = (np.abs(np.asarray(data[f"{one}_step"], dtype=np.float64)) / 2 for one in (fast, slow))
    corners = [(x - wide, y - high), (x + wide, y - high), (x + wide, y + high), (x - wide, y + high)]
    outlines = list(np.stack([np.stack(corner, axis=1) for corner in corners], axis=1))
    cells: Any = PolyCollection(outlines, array=values)
    place.add_collection(cells)
    place.autoscale_view()
    return cells


def _draw_lines(place: Any, data: xr.Dataset, name: str, x: Any, rows: list[str]) -> None:
    """Draw an array as lines, one for each row, with errors and fits."""
    values = np.atleast_2d(np.asarray(data[name], dtype=np.float64))
    errors, fits = (
        np.atleast_2d(np.asarray(data[one], dtype=np.float64)) if one in data else None
        for one in (f"{name}_error", f"{name}_fit")
    )
    chosen = np.unique(np.linspace(0, len(values) - 1, min(len(values), _MOST_LINES)).round().astype(int))
    for row in chosen.tolist():
        said = f"{rows[0]} = {float(data[rows[0]][row]):.4g} {data[rows[0]].attrs.get('units', '')}" if rows else None
        error = errors[row] if errors is not None and errors.shape == values.shape else None
        (points, *_) = place.errorbar(x, values[row], error, fmt=".", markersize=4, elinewidth=0.8, label=said)
        if fits is not None and fits.shape == values.shape:
            place.plot(x, fits[row], color=points.get_color(), linewidth=1.2)
    place.set_ylabel(_named(data, name))
    if is_logarithmic(x):
        place.set_xscale("log")
    if rows and len(chosen) > 1:
        place.legend(fontsize=7)


def _named(data: xr.Dataset, name: str) -> str:
    array = data[name]
    units = str(array.attrs.get("units", ""))
    said = str(array.attrs.get("long_name") or name.replace("_", " "))
    return _plain(f"{said} ({units})" if units not in ("", "1") else said)


def _features(features: Mapping[str, Feature]) -> Iterator[str]:
    known = [(name, one) for name, one in features.items() if math.isfinite(one.value)]
    for name, one in known[:_MOST_FEATURES]:
        spread = f" ± {one.uncertainty:.2g}" if one.uncertainty > 0 and math.isfinite(one.uncertainty) else ""
        yield f"{name} = {one.value:.6g}{spread} {one.units if one.units != '1' else ''}".strip()
    if len(known) > _MOST_FEATURES:
        yield f"and {len(known) - _MOST_FEATURES} more features"


def _plain(text: str) -> str:
    """Keep matplotlib from reading mathematics into a sample's name."""
    return text.replace("$", r"\$")
