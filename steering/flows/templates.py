"""Texts that are filled from a run: ``store/{run.day}/{run.uid}``. Names only; nothing in them is evaluated."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from hashlib import sha256
from typing import Any, cast

from steering.core.errors import SteeringError
from steering.flows.facts import WORDS

_NAME = re.compile(r"\{([^{}]*)\}")
# A sample may be called anything, and a part of a path may not.
_UNSAFE = re.compile(r"[^\w.+-]+")
# Of the digest of a label that a path cannot have.
_DIGITS = 6


def check_template(text: str) -> None:
    """See that a template can be filled.

    Raises:
        SteeringError: If it names what there is not, or a bracket is left open.
    """
    for found in _NAME.finditer(text):
        name = found[1]
        if name not in WORDS:
            near = get_close_matches(name, WORDS, 1)
            meant = f" Did you mean {{{near[0]}}}?" if near else ""
            known = ", ".join(f"{{{one}}}" for one in WORDS)
            raise SteeringError(f"There is no {{{name:.40}}} to fill in. Known are: {known}.{meant}")
    if "{" in _NAME.sub("", text) or "}" in _NAME.sub("", text):
        raise SteeringError(f"A bracket of {text!r:.80} is not closed. Write names as {{run.uid}}.")


def fill(text: str, words: Mapping[str, str]) -> str:
    """Fill a template; a word that is not known of this run becomes ``unknown``."""
    return _NAME.sub(lambda found: words.get(found[1], "") or "unknown", text)


def fill_path(text: str, words: Mapping[str, str]) -> str:
    """Fill the template of a path: what is filled in is always a part of it, and never leads out of the folder."""
    safe = {name: _UNSAFE.sub("-", word).strip("-.")[:120] for name, word in words.items()}
    return fill(text, safe)


def fill_all(value: Any, words: Mapping[str, str]) -> Any:
    """Fill all texts of a JSON value."""
    if isinstance(value, str):
        return fill(value, words)
    if isinstance(value, Mapping):
        return {key: fill_all(one, words) for key, one in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list):
        return [fill_all(one, words) for one in cast("list[Any]", value)]
    return value


def result_name(run: str, label: str) -> str:
    """Name the file of a result: it follows from the run and the label."""
    return f"{run[:8]}_{plain_name(label)}.nxs"


def free_name(wanted: str, names: Iterable[str]) -> str:
    """Return a name that no file of a run has at the top of its folder, whatever files may be called.

    Args:
        wanted: Is taken if it is free, else with a number.
        names: Of the files, as paths below their folder. Some filesystems take letters of both cases for the same.
    """
    taken = {one.partition("/")[0].casefold() for one in names}
    stem, dot, end = wanted.partition(".")
    made, number = wanted, 1
    while made.casefold() in taken:
        number += 1
        made = f"{stem}-{number}{dot}{end}"
    return made


def plain_name(label: str) -> str:
    """Return a label as a part of a path; two labels have two, also where a path can have neither as it is."""
    plain = "".join(one if one.isalnum() or one in "._+-" else "-" for one in label)
    return plain if plain == label else f"{plain}-{sha256(label.encode()).hexdigest()[:_DIGITS]}"
