"""34-ID-E's files of its geometry (``geoN_*.xml``): read, and written with a panel that was refined."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

from steering.core.errors import SteeringError, cause
from steering.laue.panel import Panel, Three

_MOST_BYTES = 1 << 20
_MICRONS_A_MM = 1000.0
# What is written as a length, in mm.
MM_OF = {"mm": 1.0, "micron": 1 / _MICRONS_A_MM, "um": 1 / _MICRONS_A_MM, "cm": 10.0, "m": 1000.0}
_SPACE = "http://sector34.xray.aps.anl.gov/34ide/geoN"


@dataclass(frozen=True)
class Wire:
    """The wire that is moved through the scattered light, so that depth can be told.

    Attributes:
        diameter: In mm.
        origin: In mm, in the frame of its positioner.
        axis: Unit vector along it.
    """

    diameter: float
    origin: Three
    axis: Three


@dataclass(frozen=True)
class GeoN:
    """What a file says.

    Attributes:
        panels: By their numbers.
        wire: Nothing if the file has none.
    """

    panels: dict[int, Panel]
    wire: Wire | None = None


def read_geon(path: Path | str) -> GeoN:
    """Read a file of 34-ID-E's geometry.

    Raises:
        SteeringError: If it cannot be read, or is none.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        return _geon_of(_tree(content))
    except (OSError, ValueError, ET.ParseError) as error:
        why = cause(error)
        message = f"{path} cannot be read as a geometry of 34-ID-E ({why}). Give its file geoN_*.xml."
        raise SteeringError(message) from error


def read_panel(path: Path | str, number: int = 0) -> Panel:
    """Read one panel.

    Args:
        path: The file.
        number: Which one: its N.

    Raises:
        SteeringError: If the file cannot be read, or has no such panel.
    """
    panels = read_geon(path).panels
    if number not in panels:
        message = f"{path} has no detector {number}. Allowed: {', '.join(map(str, panels))}."
        raise SteeringError(message)
    return panels[number]


def write_geon(path: Path | str, panels: Sequence[Panel], note: str = "") -> Path:
    """Write panels as 34-ID-E's programs read them.

    Args:
        path: Of the file; one that is there is written over.
        panels: In the order of their numbers.
        note: Said of each, such as how they were refined.
    """
    now = datetime.now(tz=UTC)
    lines = ['<?xml version="1.0" encoding="UTF-8" ?>', f"<geoN xmlns={quoteattr(_SPACE)}>"]
    lines += [f"\t<dateWritten>{now:%a, %b %d, %Y}</dateWritten>", f"\t<timeWritten>{now:%H:%M:%S} (0)</timeWritten>"]
    lines += [f'\t<Detectors Ndetectors="{len(panels)}">']
    for number, panel in enumerate(panels):
        (rows, columns), (high, wide) = panel.shape, panel.size
        lines += [
            f'\t\t<Detector N="{number}">',
            f"\t\t\t<Npixels>{columns} {rows}</Npixels>",
            f'\t\t\t<size unit="mm">{wide!r} {high!r}</size>',
            f'\t\t\t<R unit="radian">{" ".join(map(repr, panel.rotation))}</R>',
            f'\t\t\t<P unit="mm">{" ".join(map(repr, panel.translation))}</P>',
            f"\t\t\t<note>{escape(note)}</note>",
            f"\t\t\t<ID>{escape(panel.identity)}</ID>",
            "\t\t</Detector>",
        ]
    lines += ["\t</Detectors>", "</geoN>", ""]
    target = Path(path)
    target.write_text("\n".join(lines), encoding="utf-8")
    return target


def _tree(content: bytes) -> ET.Element:
    """Parse XML that anybody may have written.

    Raises:
        ValueError: If it is too long, or declares entities, which may grow without end.
    """
    if len(content) > _MOST_BYTES:
        message = f"it has more than {_MOST_BYTES:,} bytes"
        raise ValueError(message)
    if b"<!" in content.replace(b"<!--", b""):
        message = "it declares types or entities, which these files do not have"
        raise ValueError(message)
    root = ET.fromstring(content)  # noqa: S314  (no entities, and short: see above)
    for one in root.iter():
        one.tag = one.tag.rsplit("}", 1)[-1]
    return root


def _geon_of(root: ET.Element) -> GeoN:
    if root.tag != "geoN":
        message = f"it is a file of <{root.tag:.40}>, not of <geoN>"
        raise ValueError(message)
    panels: dict[int, Panel] = {}
    for one in root.findall("Detectors/Detector"):
        told = one.get("N", "")
        if not told.isdecimal() or int(told) in panels:
            message = f"its <Detector N={told!r:.20}> has no number of its own"
            raise ValueError(message)
        panels[int(told)] = _panel(one, f"Detector {told}")
    if not panels:
        message = "it has no <Detectors> with a <Detector>"
        raise ValueError(message)
    wire = root.find("Wire")
    return GeoN(panels, None if wire is None else _wire(wire))


def _panel(one: ET.Element, name: str) -> Panel:
    columns, rows = _numbers(one, name, "Npixels", 2)
    if columns != int(columns) or rows != int(rows):
        message = f"{name} has <Npixels> {columns:g} {rows:g}. Allowed: whole numbers"
        raise ValueError(message)
    wide, high = _numbers(one, name, "size", 2, MM_OF)
    rotation = cast("Three", _numbers(one, name, "R", 3, {"radian": 1.0}))
    translation = cast("Three", _numbers(one, name, "P", 3, MM_OF))
    identity = (one.findtext("ID") or "").strip()
    return Panel((int(rows), int(columns)), (high, wide), rotation, translation, identity)


def _wire(one: ET.Element) -> Wire:
    diameter = _numbers(one, "Wire", "dia", 1, MM_OF)[0]
    origin = cast("Three", _numbers(one, "Wire", "Origin", 3, MM_OF))
    return Wire(diameter, origin, cast("Three", _numbers(one, "Wire", "Axis", 3)))


def _numbers(
    one: ET.Element, name: str, tag: str, count: int, units: dict[str, float] | None = None
) -> tuple[float, ...]:
    """Read the numbers of an element in its unit.

    Raises:
        ValueError: If there is no such element, or it has other numbers or another unit.
    """
    found = one.find(tag)
    if found is None:
        message = f"{name} has no <{tag}>"
        raise ValueError(message)
    unit = found.get("unit", "")
    if units is not None and unit not in units:
        message = f"<{tag}> of {name} is in {unit!r:.20}. Known units: {', '.join(units)}"
        raise ValueError(message)
    text = (found.text or "").replace(",", " ").split()
    try:
        numbers = [float(word) for word in text]
    except ValueError as error:
        message = f"<{tag}> of {name} is {found.text!r:.60}. Write {count} numbers"
        raise ValueError(message) from error
    if len(numbers) != count:
        message = f"<{tag}> of {name} has {len(numbers)} numbers. Write {count}"
        raise ValueError(message)
    return tuple(number * (1.0 if units is None else units[unit]) for number in numbers)
