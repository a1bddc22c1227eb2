"""The contract of a kind of scan."""

import json
import math
from collections.abc import Mapping
from itertools import product
from typing import Any

from pydantic import ValidationError
from scanspec.specs import Spec

from steering.contract.broken import ContractError, require
from steering.paths.path import Point
from steering.paths.scan import Scan
from steering.scans.entry import ScanEntry

# Parameters whose limits are tried with one another.
_MOST_VARIED = 6
_MOST_POINTS = 20_000


def check_scan(kind: type[ScanEntry], content: Mapping[str, Any]) -> Scan:
    """Check that a kind of scan says what it will do before it does it, for all that its parameters allow.

    Args:
        kind: What is checked.
        content: A scan of this kind as it stands in a beamline's file.

    Returns:
        The scan.

    Raises:
        ContractError: If it does not keep its contract.
    """
    try:
        entry = kind.model_validate(dict(content))
    except ValidationError as error:
        message = f"{kind.__name__} does not take {content}: {error}"
        raise ContractError(message) from error
    wrong = [sentence for _, sentence in entry.mistakes()]
    require(not wrong, f"{kind.__name__} says of {content}: {' '.join(wrong)}")
    missing = sorted({*entry.takes, "exposure"} - set(entry.parameters))
    require(not missing, f"the parameters {missing} of {kind.__name__} are missing in {content}")
    scan = entry.scan()
    require(scan.axes == entry.moved, f"{kind.__name__} moves {entry.moved}, but its scan moves {scan.axes}")
    require(scan.frames == entry.frames, f"{kind.__name__} has {entry.frames} frames a point, its scan {scan.frames}")
    named = {item.name for item in scan.parameters}
    require(scan.shaping <= named | {"count"}, f"the path follows from {sorted(scan.shaping - named)}, which are none")
    varied = [item for item in scan.parameters if item.name in scan.shaping][:_MOST_VARIED]
    start = {item.name: item.value for item in scan.parameters}
    _path(scan, start)
    for corner in product(*((item.low, item.high) for item in varied)):
        values = start | {item.name: value for item, value in zip(varied, corner, strict=True)}
        if 0 < scan.count(values) <= _MOST_POINTS:
            _path(scan, values)
    changed = scan.starting(tuple(reversed(scan.parameters)))
    require(type(changed) is type(scan), f"{kind.__name__}: starting() gives a {type(changed).__name__}")
    return scan


def _path(scan: Scan, values: Mapping[str, float]) -> None:
    points, count = scan.points(values), scan.count(values)
    require(len(points) == count, f"{scan.name} counts {count} points at {dict(values)}, but lists {len(points)}")
    require(scan.points(values) == points, f"{scan.name} lists other points when it is asked again")
    period = scan.period(values)
    require(math.isfinite(period) and period >= 0, f"{scan.name} has a period of {period} s")
    for point in points:
        _place(scan, point)
    spec = scan.spec(values)
    if spec is None:
        require(not scan.axes, f"{scan.name} moves {scan.axes}, but says of no path where its points lie")
        return
    again = Spec.deserialize(json.loads(json.dumps(spec.serialize())))
    require(sorted(again.axes()) == sorted(scan.axes), f"the spec of {scan.name} moves {again.axes()}")


def _place(scan: Scan, point: Point) -> None:
    require(set(point.positions) == set(scan.axes), f"a point of {scan.name} is at {dict(point.positions)}")
    require(set(point.steps) == set(scan.axes), f"a point of {scan.name} has the steps {dict(point.steps)}")
    swept = {scan.swept} if scan.swept else set[str]()
    require(set(point.to) == swept, f"a point of {scan.name} moves {sorted(point.to)} while it is measured")
    for axis, value in (*point.positions.items(), *point.to.items()):
        low, high = scan.extent[axis]
        spare = 1e-6 * max(high - low, 1.0)
        require(
            low - spare <= value <= high + spare,
            f"{scan.name} goes to {axis} = {value:g}, beyond its extent, {low:g} to {high:g}",
        )
