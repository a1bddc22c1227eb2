"""How units read on the screen. Data and files keep the units that they have: ``um`` and ``deg``."""

import re

from steering.core.errors import SteeringError
from steering.core.result import UNKNOWN_UNIT

# A typographer's minus sign, as wide as the digits.
MINUS = "\N{MINUS SIGN}"

# A part of a unit, as data write it, and as people do.
_SHOWN = {
    "um": "µm", "us": "µs", "uA": "µA", "deg": "°", "degree": "°", "degrees": "°", "degC": "°C", "angstrom": "Å",
}  # fmt: skip
_PART = re.compile(rf"\b(?:{'|'.join(_SHOWN)})\b")
# In a sentence a unit stands behind its number, or behind these words.
_AFTER_NUMBER = re.compile(rf"(?:(?<=\d)|(?<=\bin)|(?<=\bof)|(?<=nan)|(?<=inf))( ?)({'|'.join(_SHOWN)})\b")
_NUMBER = re.compile(r"[-+]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf|infinity)", re.IGNORECASE)
# With a comma that some write for a point, and others between thousands.
_EITHER = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}")
# A hyphen that is the sign of a number, and not a part of a name, a date or a range.
_SIGN = re.compile(r"(?:^|(?<=[\s(=]))-(?=\.?\d)")
# Two characters look the same: the sign of micro, and the Greek letter.
_MICRO, _MU = "\N{MICRO SIGN}", "\N{GREEK SMALL LETTER MU}"


def shown_unit(units: str) -> str:
    """Write a unit as people do: ``um`` as ``µm``, ``deg`` as ``°``; nothing for a pure number.

    Args:
        units: As data have it. Of what is made of several, such as ``counts/um``, each part is written so.
    """
    if units == UNKNOWN_UNIT:
        return "unit unknown"
    return "" if units == "1" else _PART.sub(lambda found: _SHOWN[found.group()], units)


def unit_text(units: str) -> str:
    """Write a unit behind a number or a name: nothing for a pure number, and that it is unknown where it is."""
    return f"({shown_unit(units)})" if units == UNKNOWN_UNIT else shown_unit(units)


def with_shown_units(sentence: str) -> str:
    """Write units and signs in a sentence of another process as people do: ``0.2 deg`` as ``0.2 °``."""
    sentence = _SIGN.sub(MINUS, sentence)
    return _AFTER_NUMBER.sub(lambda found: found.group(1) + _SHOWN[found.group(2)], sentence)


def read_number(name: str, text: str, units: str) -> float:
    """Read a number that a person typed, with its unit or without; ``nan`` and ``inf`` are numbers here.

    Args:
        name: Of the field, for the sentence.
        text: What was typed. The unit may be written as data do or as people do.
        units: Of the field, as data have it.

    Raises:
        SteeringError: If it is no number, or one in another unit.
    """
    written = text.strip().replace(MINUS, "-")
    found = _NUMBER.match(written)
    if found is None:
        shown = f"“{text.strip():.60}” is not a number" if written else "no number is given"
        message = f"{name}: {shown}. Write one such as 0.5."
        raise SteeringError(message)
    unit = written[found.end() :].strip()
    if unit and not _is(unit, units):
        own = shown_unit(units)
        allowed = f"This field is in {own}: write the number alone, or with {own}." if own else "Write it without unit."
        what = "not a number" if unit[0].isdigit() or unit[0] in "+-.," else f"not in {own or 'a unit'}"
        message = f"{name}: “{text.strip():.60}” is {what}. {allowed}"
        raise SteeringError(message)
    if _EITHER.fullmatch(found.group()):
        message = f"{name}: “{text.strip():.60}” may be a fraction or thousands. Write a point for the comma, or none."
        raise SteeringError(message)
    return float(found.group().replace(",", "."))


def without_unit(text: str, units: str) -> str:
    """Take the unit off what a person typed, if it ends with it."""
    written = text.strip()
    found = _NUMBER.match(written.replace(MINUS, "-"))
    if found is not None and _is(written[found.end() :].strip(), units):
        return written[: found.end()]
    return written


def _is(written: str, units: str) -> bool:
    plain = written.replace(_MU, _MICRO)
    return bool(plain) and (plain == units or shown_unit(plain) == shown_unit(units))
