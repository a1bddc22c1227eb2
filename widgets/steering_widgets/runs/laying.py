"""Lays curves and lines of earlier runs over what is shown, if they are measured along the same axis."""

import xarray as xr

from steering.core.errors import SteeringError
from steering.core.result import Result
from steering.core.status import BeamlineStatus
from steering_widgets.drawing.curve_data import Curve, curve_of
from steering_widgets.drawing.line_data import line_names, lines_of
from steering_widgets.parts.units import unit_text
from steering_widgets.plots.curve import CurvePanel


def fitting(name: str, result: Result, shown: Result | None, status: BeamlineStatus) -> Curve:
    """Take the curve out of a run's result, if it can stand behind the one that is shown.

    Args:
        name: How the run is called in a sentence.
        result: Its result.
        shown: What is shown now; nothing before the first result.
        status: Of the beamline: before its first result its axes are those of the plot.

    Raises:
        SteeringError: If it is no curve, or along another axis or in another unit than what is shown.
    """
    if not CurvePanel.fits(result.outcome.data):
        message = (
            f"{_run(name)} has no curve along one axis, so nothing of it can be drawn there. Press Show to see it."
        )
        raise SteeringError(message)
    curve = curve_of(result.outcome.data)
    if shown is not None:
        if not CurvePanel.fits(shown.outcome.data):
            message = "What is shown is no curve, so no run can be laid over it. Show a run with a curve first."
            raise SteeringError(message)
        _compare(name, curve, curve_of(shown.outcome.data))
    elif status.axes and tuple(status.axes) != (curve.axis,):
        message = f"{_run(name)} is along {curve.axis}, and the scan is along {' and '.join(status.axes)}."
        raise SteeringError(f"{message} Choose a run along the same axis.")
    return curve


def fitting_lines(name: str, result: Result, shown: Result) -> xr.Dataset:
    """Take the lines out of a run's result, if some of them can stand behind those that are shown.

    Args:
        name: How the run is called in a sentence.
        result: Its result.
        shown: What is shown now, which has lines.

    Raises:
        SteeringError: If none of its lines is called like one that is shown, along the same axis and in the same unit.
    """
    ours, theirs = result.outcome.data, shown.outcome.data
    common = [one for one in line_names(theirs) if one in line_names(ours)]
    if any(_axes(ours, one) == _axes(theirs, one) for one in common):
        return ours
    wanted = ", ".join(f"{one} along {_axes(theirs, one)[0][0]}" for one in line_names(theirs))
    message = f"{_run(name)} has no lines like those that are shown ({wanted}). Choose a run that was analysed alike."
    raise SteeringError(message)


def _axes(data: xr.Dataset, name: str) -> tuple[tuple[str, str], tuple[str, str]]:
    drawn = lines_of(data, name)
    return drawn.x, drawn.y


def _compare(name: str, curve: Curve, shown: Curve) -> None:
    ours, theirs = (f"{one.axis} in {unit_text(one.units) or 'no unit'}" for one in (curve, shown))
    if ours != theirs:
        message = f"{_run(name)} is along {ours}, and what is shown along {theirs}. Choose a run along {shown.axis}."
        raise SteeringError(message)
    if curve.value_units != shown.value_units:
        message = (
            f"{_run(name)} is in {unit_text(curve.value_units)}, and what is shown in {unit_text(shown.value_units)}. "
            "Choose a run in the same unit."
        )
        raise SteeringError(message)


def _run(name: str) -> str:
    return f"Run {name}"
