"""Globus Compute's plain formats: functions as source text, arguments and results as JSON. Nothing here is unpickled.

A buffer begins with two characters that name its format, and a line's end. Several are packed one after the other, each
behind its length in characters.
"""

import ast
import base64
import binascii
import inspect
import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, cast

from steering.core.json import Json
from steering.globus.errors import GlobusError

SOURCE, SOURCE_OF_DILL, JSON = "st\n", "sd\n", "11\n"
# What Globus Compute takes, and gives back, in bytes.
LIMIT = 10 << 20
_LENGTH_DIGITS = 12


@dataclass(frozen=True)
class Source:
    """A function as text.

    Attributes:
        name: Of the function.
        text: Defines it. What it imports, it imports inside.
    """

    name: str
    text: str

    @property
    def checksum(self) -> str:
        """Tells one function from another, in hexadecimal digits."""
        return sha256(f"{self.name}:{self.text}".encode()).hexdigest()


def source_of(function: Callable[..., Any]) -> Source:
    """Return a function as text.

    Raises:
        GlobusError: If it is a lambda, a method, uses variables from around it, or its text is not to be had.
    """
    if not inspect.isfunction(function) or not function.__qualname__.rpartition("<locals>.")[2].isidentifier():
        raise GlobusError(f"{function!r:.80} cannot be sent as text. Allowed: a function that is written with def.")
    name, around = function.__name__, function.__code__.co_freevars
    if around:
        raise GlobusError(f"{name} uses {', '.join(around)} from around it. Give these to it as arguments.")
    try:
        text = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        raise GlobusError(f"The text of {name} is not to be had. Write it into a file or a cell.") from None
    return checked(Source(name, text))


def checked(source: Source) -> Source:
    """Return a function if its text is Python that defines it.

    Raises:
        GlobusError: If it is not.
    """
    try:
        defined = ast.parse(source.text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise GlobusError(f"The text of {source.name!r:.60} is no Python: {error}. Check it.") from None
    if not any(isinstance(one, ast.FunctionDef) and one.name == source.name for one in defined):
        raise GlobusError(f"The text does not define {source.name!r:.60} with def. Check the name.")
    return source


def pack(buffers: Sequence[str]) -> str:
    """Put buffers one after the other."""
    return "".join(f"{len(buffer)}\n{buffer}" for buffer in buffers)


def unpack(packed: str) -> list[str]:
    """Take buffers apart.

    Raises:
        GlobusError: If a length is none, or more than there is.
    """
    buffers: list[str] = []
    place = 0
    while place < len(packed):
        end = packed.find("\n", place, place + _LENGTH_DIGITS)
        digits = packed[place:end] if end > place else ""
        if not digits.isdecimal() or end + 1 + int(digits) > len(packed):
            raise GlobusError("The buffers of Globus Compute are cut off, or none. Submit again.")
        place = end + 1 + int(digits)
        buffers.append(packed[end + 1 : place])
    return buffers


def write_code(source: Source) -> str:
    """Write a function as Globus Compute registers it."""
    return pack([SOURCE + base64.encodebytes(f"{source.name}:{source.text}".encode()).decode()])


def read_code(packed: str) -> Source:
    """Read a function.

    Raises:
        GlobusError: If it is in a format that may hold pickles, or is none.
    """
    buffers = unpack(packed)
    if len(buffers) != 1 or buffers[0][: len(SOURCE)] not in (SOURCE, SOURCE_OF_DILL):
        shown = buffers[0][:2] if buffers else ""
        raise GlobusError(
            f"The function comes in the format {shown!r}, which may hold pickles. Allowed: 'st', source text."
        )
    content = buffers[0][len(SOURCE) :]
    try:
        text = base64.b64decode(content, validate=False).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise GlobusError("The function's text cannot be read. Register it again.") from None
    name, _, body = text.partition(":")
    return checked(Source(name, body))


def write_arguments(arguments: Sequence[Json], keywords: Mapping[str, Json]) -> str:
    """Write arguments as Globus Compute submits them.

    Raises:
        GlobusError: If they are no JSON, or too large.
    """
    packed = pack([write_data(list(arguments)), write_data(dict(keywords))])
    if len(packed) > LIMIT:
        raise GlobusError(
            f"The arguments have {len(packed) / 1e6:.1f} MB. Allowed: {LIMIT / 1e6:.1f} MB. "
            "Send files by a transfer, and their paths as arguments."
        )
    return packed


def read_arguments(packed: str) -> tuple[list[Json], dict[str, Json]]:
    """Read arguments.

    Raises:
        GlobusError: If they are in another format than JSON, or are none.
    """
    buffers = unpack(packed)
    given = [read_data(buffer) for buffer in buffers]
    if len(given) != len("ab") or not isinstance(given[0], list) or not isinstance(given[1], dict):
        raise GlobusError("The arguments are not a list and an object. Submit them by steering's own client.")
    return given[0], given[1]


def write_data(value: Json) -> str:
    """Write a value.

    Raises:
        GlobusError: If it is no JSON. NaN and infinity are none.
    """
    try:
        return JSON + json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise GlobusError(
            f"{value!r:.80} cannot be sent: {error}. Allowed: what JSON can say, so no NaN and no array."
        ) from None


def read_data(buffer: str) -> Json:
    """Read a value.

    Raises:
        GlobusError: If it is in another format than JSON, or is none.
    """
    if buffer[: len(JSON)] != JSON:
        raise GlobusError(
            f"The answer comes in the format {buffer[:2]!r}, which may hold pickles, and is not read. "
            "Allowed: '11', JSON. Let the function return numbers, texts, lists and dictionaries."
        )
    try:
        return cast("Json", json.loads(buffer[len(JSON) :]))
    except (ValueError, RecursionError):
        raise GlobusError("The answer is no JSON. Look at the task in Globus' web app.") from None
