"""Writes a run to a file for other programs: CSV for a spreadsheet, NeXus (HDF5) for everything else."""

import csv
import json
import re
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np
import xarray as xr

from steering.archive.decisions import Decisions, change_of, header_of, moment, write_decisions
from steering.archive.past import decisions_beside
from steering.archive.picture import write_picture
from steering.archive.run_entry import RunEntry
from steering.archive.tomoproc import is_volume, write_volume
from steering.core.errors import SteeringError, cause
from steering.core.result import Result
from steering.core.version import VERSION
from steering.hedm.nexus import is_hedm, write_hedm
from steering.ptychography.cxi import is_ptychography, write_reconstruction
from steering.radial.nexus import is_radial, write_nxcansas
from steering.xpcs.nexus import is_xpcs, write_xpcs

_ENDINGS = {"csv": ".csv", "nexus": ".nxs", "png": ".png"}
_MOST_NAMES = 1000


def write_run(
    folder: Path,
    kind: str,
    entry: RunEntry,
    result: Result | None,
    events: xr.Dataset | None,
    decisions: Decisions | None = None,
) -> Path:
    """Write a run to a new file; none that is there is written over.

    Args:
        folder: Where; made if it is not there.
        kind: ``"csv"``, ``"nexus"``, or ``"png"`` of a result.
        entry: What is known of the run.
        result: A result of it; nothing if there is none.
        events: The scalar columns of its primary stream along ``event``; nothing if they are not at hand.
        decisions: What was decided on it. Beside a CSV they are a second one, whose name ends with ``-decisions``.

    Returns:
        The file.

    Raises:
        SteeringError: If there is nothing to write, or it cannot be written.
    """
    if result is None and events is None:
        message = f"Run {entry.uid[:8]} has neither a result nor an event yet, so there is nothing to export."
        raise SteeringError(message)
    path = folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = _new_file(folder, _stem(entry), _ENDINGS[kind])
        made, beside = [path], decisions_beside(path)
        try:
            if kind == "csv":
                with path.open("w", newline="", encoding="utf-8") as file:
                    _write_csv(
                        file, entry, result, events, [] if decisions is None else header_of(decisions, beside.name)
                    )
                if decisions is not None and decisions.rulings:
                    with beside.open("x", newline="", encoding="utf-8") as file:
                        made.append(beside)
                        write_decisions(file, entry.uid, decisions)
            elif kind == "png":
                write_picture(path, entry, result)
            else:
                _write_nexus(path, entry, result, events, decisions)
        except BaseException:
            # Half a file would be taken for a whole one.
            for one in made:
                with suppress(OSError):
                    one.unlink()
            raise
    except OSError as error:
        message = f"{path} cannot be written: {cause(error)}. Free space, or see that you may write there."
        raise SteeringError(message) from error
    return path


def _stem(entry: RunEntry) -> str:
    day = entry.date[:10] or time.strftime("%Y-%m-%d")
    parts = (day, entry.scan, str(entry.number or ""), entry.sample, entry.label, entry.uid[:8])
    # A sample may be called anything, and a file may not.
    return "_".join(clean for part in parts if (clean := re.sub(r"[^\w.+-]+", "-", part).strip("-.")[:40]))


def _new_file(folder: Path, stem: str, ending: str) -> Path:
    """Make an empty file of a name that is free."""
    for number in range(1, _MOST_NAMES):
        path = folder / f"{stem}{f'-{number}' if number > 1 else ''}{ending}"
        if ending == _ENDINGS["csv"] and decisions_beside(path).exists():
            # Those of an export whose own file was taken elsewhere.
            continue
        with suppress(FileExistsError):
            path.touch(exist_ok=False)
            return path
    message = f"{folder} holds {_MOST_NAMES} exports of this run. Move some of them elsewhere."
    raise SteeringError(message)


def _write_csv(
    file: IO[str], entry: RunEntry, result: Result | None, events: xr.Dataset | None, more: Iterable[str]
) -> None:
    for line in chain(_header(entry, result), more):
        # A header line stays one line, whatever a sample is called.
        file.write(f"# {' '.join(line.split())}\n")
    columns = _columns(result.outcome.data if result is not None else events)
    table = csv.writer(file, lineterminator="\n")
    table.writerow([f"{name} ({units})" if units not in ("", "1") else name for name, units, _ in columns])
    table.writerows(zip(*(values for _, _, values in columns), strict=True))


def _header(entry: RunEntry, result: Result | None) -> Iterable[str]:
    known = {
        "run": entry.uid, "scan": entry.scan, "number": entry.number or "", "sample": entry.sample,
        "started": entry.date, "status": entry.status if entry.date else "", "points": max(entry.points, 0),
    }  # fmt: skip
    yield from (f"{name}: {value}" for name, value in known.items() if value != "")
    if result is not None:
        source = result.provenance
        yield f"analysis: {source.analysis} {source.code_version}, {source.frames} frames"
        yield f"parameters: {json.dumps(dict(source.parameters))}"
        yield "features: name, value, uncertainty (one standard deviation), unit"
        for name, feature in result.outcome.features.items():
            yield f"feature: {name}, {feature.value!r}, {feature.uncertainty!r}, {feature.units}"


def _columns(data: xr.Dataset | None) -> list[tuple[str, str, Sequence[Any]]]:
    """List the columns along the dimension that most arrays have: name, unit, values; positions first."""
    if data is None:
        return []
    dims = [variable.dims for variable in data.variables.values() if variable.ndim == 1]
    if not dims:
        return []
    along = max(dims, key=dims.count)
    names = [*data.coords, *data.data_vars]
    return [
        (str(name), str(data[name].attrs.get("units", "")), data[name].values.tolist())
        for name in names
        if data[name].dims == along
    ]


def _write_nexus(
    path: Path, entry: RunEntry, result: Result | None, events: xr.Dataset | None, decisions: Decisions | None
) -> None:
    """Write an ``NXentry``: the result as ``NXdata`` with its errors, its features, how it was made, and the events.

    What was decided is an ``NXcollection`` with an ``NXnote`` a decision.
    """
    with h5py.File(path, "w") as made:
        file: Any = made
        file.attrs["default"] = "entry"
        file.attrs["creator"] = f"steering {VERSION}"
        top = _group(file, "entry", "NXentry")
        top["entry_identifier"] = entry.uid
        top["title"] = entry.name
        if entry.date:
            top["start_time"] = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(entry.started))
            top["status"] = entry.status
        if entry.sample:
            _group(top, "sample", "NXsample")["name"] = entry.sample
        if result is not None:
            _write_result(top, result)
            _write_definitions(file, entry, result)
        if events is not None:
            _write_arrays(_group(top, "events", "NXcollection"), events)
        if decisions is not None:
            _write_decisions(top, decisions)


def _write_definitions(file: Any, entry: RunEntry, result: Result) -> None:
    """Write a result a second time where its field's programs look for it, and spots in tables by their dimensions."""
    data, source = result.outcome.data, result.provenance
    said = {"title": entry.name, "run": entry.uid, "sample": entry.sample}
    if is_xpcs(data):
        write_xpcs(file, data, source.parameters, entry.number)
    if is_hedm(data):
        write_hedm(file, data)
    if is_ptychography(data):
        write_reconstruction(file, data)
    if is_radial(data, source.parameters):
        program = f"steering {source.analysis} {source.code_version}"
        write_nxcansas(file, data, source.parameters, said | {"program": program})
    if is_volume(data):
        write_volume(file, data, said | {"program": source.analysis, "version": source.code_version})


def _write_decisions(top: Any, decisions: Decisions) -> None:
    place = _group(top, "steering", "NXcollection")
    if decisions.missing:
        place.attrs["missing"] = decisions.missing
    if decisions.parameters is not None:
        place["parameters"] = json.dumps(dict(decisions.parameters), default=str)
        place["parameters"].attrs["description"] = "of the scan at its start, as JSON"
    for number, one in enumerate(decisions.rulings, start=1):
        note = _group(place, f"decision_{number:04}", "NXnote")
        said = {
            "author": one.who, "date": moment(one.decided_at), "description": change_of(one),
            "type": "application/json", "data": one.action, "kind": one.kind, "subject": one.subject,
            "before": one.old, "after": one.new, "verdict": one.verdict,
            "reason": one.reason, "basis": one.basis, "outcome": one.outcome,
            "applied": moment(one.applied_at),
        }  # fmt: skip
        for name, text in said.items():
            # HDF5 takes no text with a NUL in it.
            note[name] = text.replace("\0", " ")
        note["before_point"] = one.before_point


def _write_result(top: Any, result: Result) -> None:
    source, data = result.provenance, result.outcome.data
    place = _group(top, "data", "NXdata")
    top.attrs["default"] = "data"
    _write_arrays(place, data)
    if "intensity" in data:
        place.attrs["signal"] = "intensity"
        dims = data["intensity"].dims
        axes = [str(name) for name in data.coords if data[name].dims == dims]
        # A dimension that has no positions of its own is a dot.
        named = [str(name) if name in data.coords else "." for name in dims]
        place.attrs["axes"] = axes[:1] if len(dims) == 1 and axes else named
        if "intensity_error" in place:
            # NeXus finds the errors of a signal by this name.
            place["intensity_errors"] = place["intensity_error"]
    features = _group(top, "features", "NXcollection")
    for name, feature in result.outcome.features.items():
        features[name] = feature.value
        features[name].attrs["units"] = feature.units
        features[name].attrs["uncertainty"] = feature.uncertainty
    made = _group(top, "process", "NXprocess")
    made["program"], made["version"] = f"steering {source.analysis}", source.code_version
    made["parameters"], made["frames"] = json.dumps(dict(source.parameters)), source.frames


def _write_arrays(group: Any, data: xr.Dataset) -> None:
    for name, variable in data.variables.items():
        values = np.asarray(variable.values)
        # HDF5 knows no objects: they are texts.
        stored = values.astype(str).astype(h5py.string_dtype()) if values.dtype.kind in "OUM" else values
        made = group.create_dataset(str(name).replace("/", "-"), data=stored)
        for key, value in variable.attrs.items():
            made.attrs[str(key)] = value if isinstance(value, str | int | float) else json.dumps(value, default=str)


def _group(parent: Any, name: str, kind: str) -> Any:
    group = parent.create_group(name)
    group.attrs["NX_class"] = kind
    return group
