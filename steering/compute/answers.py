r"""Reads what a batch system's commands print: greetings, warnings and broken JSON around what was asked for.

Login nodes greet on standard output, sites wrap ``sbatch``, and PBS writes JSON that is none (bare ``005``, ``\,``,
unescaped quotes, keys that come twice). What was asked for is found all the same, or it is no answer.
"""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, cast

from steering.compute.batch import NoAnswerError

# More hosts than any machine has.
_MOST_HOSTS = 100_000
_BAD_ESCAPE = re.compile(r'\\([^"\\/bfnrtu])')
_BARE_NUMBER = re.compile(r"([:\[,]\s*)(-?0\d[\w.+-]*)(?=\s*[,\]}])")
_HEADING = re.compile(r"^(?:Job Id|Queue):\s*(\S+)\s*$")
_FIELD = re.compile(r"^ {2,8}(\S+) = ?(.*)$")
_BRACKETS = re.compile(r"\[([^\]]*)\]")


def last_id(text: str, pattern: re.Pattern[str]) -> str:
    """Return the last line that is a job's id; the first group of the pattern is the id.

    Raises:
        NoAnswerError: If no line is.
    """
    for line in reversed(text.splitlines()):
        matched = pattern.fullmatch(line.strip())
        if matched is not None:
            return matched.group(1)
    words = " ".join(text.split())[:200]
    message = f"no job id is in the answer {words!r}" if words else "the answer was neither an id nor an error"
    raise NoAnswerError(message)


def ids_in(text: str, pattern: re.Pattern[str]) -> list[str]:
    """List the lines that are jobs' ids."""
    found = (pattern.fullmatch(line.strip()) for line in text.splitlines())
    return [matched.group(1) for matched in found if matched is not None]


def json_object(text: str, key: str) -> Mapping[str, Any]:
    """Find the JSON object that has a key, mended where it is broken in a known way.

    Raises:
        NoAnswerError: If there is none.
    """
    for candidate in (text, _mended(text)):
        for content in _objects(candidate):
            if key in content:
                return content
    message = f"something came that is no JSON with {key}: {' '.join(text.split())[:200]!r}"
    raise NoAnswerError(message)


def plain_entries(text: str) -> dict[str, dict[str, Any]]:
    """Read what ``qstat -f`` and ``qstat -Qf`` print, in the form of their JSON: entries by name."""
    entries: dict[str, dict[str, Any]] = {}
    entry: dict[str, Any] | None = None
    values: dict[str, str] = {}
    field = ""
    for line in text.splitlines():
        heading, matched = _HEADING.match(line), _FIELD.match(line)
        if heading is not None:
            values, field = {}, ""
            entry = entries[heading.group(1)] = {}
        elif matched is not None and entry is not None:
            field = matched.group(1)
            values[field] = matched.group(2)
            _nest(entry, field, values[field])
        elif line.startswith("\t") and field and entry is not None:
            # A long value goes on in the next line.
            values[field] += line.strip()
            _nest(entry, field, values[field])
    return entries


def expand_hosts(nodes: str) -> list[str]:
    """Expand a list of hosts as Slurm writes it: ``r[1-2]n[01-03],login``, zeros kept; what cannot be read stays."""
    names: list[str] = []
    for part in re.findall(r"(?:[^,\[]|\[[^\]]*\])+", nodes):
        texts = _BRACKETS.split(part)
        try:
            choices = [list(_span(text)) if place % 2 else [text] for place, text in enumerate(texts)]
        except ValueError:
            names.append(part)
            continue
        for combination in product(*choices):
            if len(names) >= _MOST_HOSTS:
                return names
            names.append("".join(combination))
    return names


def _span(inside: str) -> Iterator[str]:
    for one in inside.split(","):
        span, _, step = one.partition(":")
        first, _, last = span.partition("-")
        if int(last or first) - int(first) > _MOST_HOSTS:
            raise ValueError(inside)
        for number in range(int(first), int(last or first) + 1, int(step or 1)):
            yield f"{number:0{len(first)}d}"


def _nest(entry: dict[str, Any], field: str, value: str) -> None:
    group, _, name = field.partition(".")
    if name:
        inner = entry.setdefault(group, {})
        if isinstance(inner, dict):
            cast("dict[str, Any]", inner)[name] = value
    else:
        entry[field] = value


def _objects(text: str) -> Iterator[Mapping[str, Any]]:
    """Yield the JSON objects that begin a line, whatever stands before and after them."""
    decoder = json.JSONDecoder(object_pairs_hook=_united, strict=False)
    for matched in re.finditer(r"^[ \t]*\{", text, re.MULTILINE):
        try:
            content, _ = decoder.raw_decode(text, matched.end() - 1)
        except (json.JSONDecodeError, RecursionError):
            continue
        if isinstance(content, dict):
            yield cast("Mapping[str, Any]", content)
            return


def _united(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object; of a key that comes twice nothing is lost."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        before = found.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            cast("dict[str, Any]", before).update(cast("dict[str, Any]", value))
        else:
            found[key] = value
    return found


def _mended(text: str) -> str:
    return _BARE_NUMBER.sub(r'\1"\2"', _BAD_ESCAPE.sub(r"\1", text))
