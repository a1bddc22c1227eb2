"""How values, times and actions read on the screen."""

import html
import math
import re
import time

from steering.core.action import (
    Abort,
    Action,
    EndBurst,
    Finish,
    InsertRegion,
    Pause,
    ReplacePath,
    Resume,
    SetParameter,
    Skip,
)
from steering.core.parameter import Parameter
from steering.core.proposal import author_of
from steering.core.result import Feature, Result
from steering.core.status import BeamlineStatus
from steering_widgets.parts.units import MINUS, shown_unit, unit_text

STATES = {
    "idle": "Idle",
    "opening": "Opening",
    "running": "Running",
    "paused": "Paused",
    "aborting": "Aborting",
    "offline": "Offline",
}

# How a run has ended, in a table and in a sentence.
ENDS = {"success": "success", "abort": "aborted", "fail": "failed", "unfinished": "unfinished"}

# The dash that stands for "none", and the cross of a product.
NONE, TIMES = "\N{EN DASH}", "\N{MULTIPLICATION SIGN}"

_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
# How a result names itself: see Result.basis.
_BASIS = re.compile(r"(?P<analysis>.+)@[0-9a-f]+ version [0-9]+, (?P<frames>[0-9]+) frames")
_NO_BREAK = "\N{NO-BREAK SPACE}"
# What was exposed longer ago was not measured now.
_RECENT_SECONDS = 3600.0
# From a million on a number is written with a power of ten.
_LARGE_POWER = 6
# A number has no more that mean anything.
_MOST_DECIMALS = 15

_TITLES = {"fwhm": "FWHM", "fit_centre": "Middle of the fit", "fit_fwhm": "FWHM of the fit"}


def escape(text: object) -> str:
    """Make a text safe to put into HTML."""
    return html.escape(str(text))


def title(name: str) -> str:
    """Turn an identifier into the words for a label: ``peak_height`` becomes ``Peak height``."""
    return _TITLES.get(name) or name.replace("_", " ").capitalize()


def several(count: int, noun: str) -> str:
    """Write how many of something: ``1 frame``, ``2 frames``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def number(value: float, decimals: int) -> str:
    """Format with at most so many decimals and no trailing zeros."""
    if not math.isfinite(value):
        return str(value)
    text = f"{value:.{decimals}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", MINUS)


def plain(value: float, decimals: int) -> str:
    """Format as :func:`number` does, in characters that can be read back as a number."""
    return number(value, decimals).replace(MINUS, "-")


def decimals_for(size: float, usual: int) -> int:
    """Say how many decimals tell a thousandth of a size.

    Args:
        size: Such as that of a region, in any unit.
        usual: So many at least.
    """
    if not 0 < size < math.inf:
        return usual
    return min(max(3 - math.floor(math.log10(size)), usual), _MOST_DECIMALS)


def feature_text(feature: Feature) -> str:
    """Write a feature with its uncertainty to two digits: ``0.2213 ± 0.0012 °``; large ones with a power of ten.

    Without an uncertainty it says so. One of 0 means that the number is exact, such as a count.
    """
    value, spread, units = feature.value, feature.uncertainty, unit_text(feature.units)
    if not math.isfinite(value):
        return f"not known {units}".strip()
    if spread == 0:
        return f"{value:.10g} {units}".strip().replace("-", MINUS)
    if not math.isfinite(spread) or spread < 0:
        return f"{value:.6g} {units} (uncertainty not known)".replace("-", MINUS)
    power = math.floor(math.log10(abs(value))) if value else 0
    if power >= _LARGE_POWER:
        value, spread = value / 10.0**power, spread / 10.0**power
        units = f"{TIMES} 10{str(power).translate(_SUPERSCRIPT)} {units}"
    decimals = max(1 - math.floor(math.log10(spread)), 0)
    if power >= _LARGE_POWER:
        return f"({value:.{decimals}f} ± {spread:.{decimals}f}) {units}".replace("-", MINUS)
    return f"{value:.{decimals}f} ± {spread:.{decimals}f} {units}".replace("-", MINUS)


def value_text(parameter: Parameter, value: float) -> str:
    """Write a value of a parameter as it stands in a field: a number without its unit, or the name of a choice."""
    return parameter.choice(value) or plain(value, parameter.decimals)


def limits_text(parameter: Parameter, *, steered: bool = True) -> str:
    """Write what a parameter may be: ``0.01 to 5 s, at most 2 s at a time``.

    Args:
        parameter: The parameter.
        steered: Whether it is changed while a scan runs; at a start there is no step from one value to another.
    """
    if parameter.choices:
        return ", ".join(parameter.choices)
    low, high = (number(value, parameter.decimals) for value in (parameter.low, parameter.high))
    # A unit alone at the begin of a line is the unit of nothing.
    units = f"{_NO_BREAK}{shown_unit(parameter.units)}".rstrip(_NO_BREAK)
    text = f"{low} to {high}{units}"
    if steered and math.isfinite(parameter.largest_step):
        text += f", at most {number(parameter.largest_step, parameter.decimals)}{units} at a time"
    return text


def duration(seconds: float) -> str:
    """Write a time span: ``12 s``, ``3 min 05 s``, ``1 h 20 min``."""
    if not math.isfinite(seconds):
        return "not known yet"
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def clock(moment: float) -> str:
    """Write a Unix time as local time of day, with the date unless that is today's."""
    try:
        there, now = time.localtime(moment), time.localtime()
    except (ValueError, OverflowError, OSError):
        return "an unknown time"
    day = "" if there[:3] == now[:3] else "%Y-%m-%d "
    return time.strftime(f"{day}%H:%M:%S", there)


def age(since: float) -> str:
    """Write in HTML how long something has been so; the page counts on."""
    if not math.isfinite(since):
        return NONE
    # What stands in it depends on nothing else, so that the same age is no news.
    return f'<span class="st-age" data-since="{since:.3f}">since {clock(since)}</span>'


def news(exposed: float) -> str:
    """Write in HTML how old what a view shows is; the page counts on, and greys the view when that is too long.

    Args:
        exposed: Unix time in seconds at which the newest of its frames was exposed; of what was recorded long before,
            and where it is not known, nothing is written.
    """
    if not abs(time.time() - exposed) < _RECENT_SECONDS:
        return ""
    return f", {age(exposed).replace('st-age', 'st-age st-news', 1)} old"


def exposed_at(result: Result) -> float:
    """Say when the newest frame of a result was exposed, as Unix time in seconds; NaN where that is not known."""
    return result.provenance.times.get("photon", math.nan)


def countdown(until: float) -> str:
    """Write in HTML how long it is until a moment; the page counts on."""
    return f'<span class="st-age" data-since="0" data-until="{until:.3f}" title="until {clock(until)}">…</span>'


def milliseconds(value: float) -> str:
    """Write a latency in milliseconds, or a dash where there is none."""
    if not math.isfinite(value):
        return NONE
    return f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"


def action_text(action: Action, status: BeamlineStatus) -> str:
    """Put an action into words, with units: ``set exposure to 2 s``."""
    match action:
        case SetParameter(parameter=name, value=value):
            known = next((item for item in status.parameters if item.name == name), None)
            if known is None:
                return f"set {name} to {value:g}"
            units = f"{_NO_BREAK}{shown_unit(known.units)}".rstrip(_NO_BREAK)
            return f"set {name} to {known.choice(value) or f'{value:g}{units}'}"
        case InsertRegion(region=region, step=step):
            return "look finer at " + ", ".join(
                f"{axis} {low:g} to {high:g} step {step.get(axis, math.nan):g} {_units(axis, status)}".strip()
                for axis, (low, high) in region.items()
            )
        case Skip(points=points):
            return f"skip {several(points, 'point')}"
        case ReplacePath():
            return "replace the rest of the path"
        case EndBurst(point=point):
            return f"end the burst of point {point}" if point else "end the burst"
        case Finish():
            return "finish the scan"
        case Pause() | Resume() | Abort():
            return f"{action.kind} the scan"


def basis_text(basis: str) -> str:
    """Write the result that something rests on as a person reads it: ``rocking_curve after 24 frames``."""
    result, agent = author_of(basis)
    found = _BASIS.fullmatch(result)
    words = f"{found['analysis']} after {several(int(found['frames']), 'frame')}" if found else result
    return f"{words}, suggested by {agent}" if agent else words


def _units(axis: str, status: BeamlineStatus) -> str:
    return shown_unit(status.axes[axis].units) if axis in status.axes else ""


def marking_hint(what: str) -> str:
    """Say how a range or region of a plot is marked: with a mouse and keys, or where there is neither."""
    with_mouse = f"Drag in the plot to mark a {what}; drag it to move it. Or write it here:"
    return f'<span class="st-with-mouse">{with_mouse}</span><span class="st-with-finger">Write the {what} here:</span>'
