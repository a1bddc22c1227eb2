"""JSON that comes from outside: bounded in size, depth and length of its texts, and only text that can be kept.

A lone surrogate or a null byte cannot be stored in the record's database; a thousand brackets end a parser.
"""

from typing import cast

import orjson

from steering.core.errors import SteeringError
from steering.core.json import Json

BODY_BYTES = 256 << 10
_DEEPEST = 24
_MOST_VALUES = 20_000
_LONGEST_TEXT = 2_000
_LONGEST_NAME = 100


def read_json(body: bytes | str) -> Json:
    """Read a message.

    Raises:
        SteeringError: If it is too large, no JSON, nested too deeply, or holds text that cannot be kept.
    """
    size = len(body)
    if size > BODY_BYTES:
        message = f"The message has {size} bytes. Allowed: at most {BODY_BYTES}."
        raise SteeringError(message)
    try:
        text = body if isinstance(body, bytes) else body.encode()
        content = cast("Json", _loads(text))
    except (ValueError, RecursionError) as error:
        message = f"The message is not JSON: {str(error)[:200]}."
        raise SteeringError(message) from error
    check(content)
    return content


def check(content: Json) -> None:
    """Check what was read.

    Raises:
        SteeringError: If something in it is not allowed.
    """
    waiting: list[tuple[Json, int]] = [(content, 0)]
    seen = 0
    while waiting:
        value, depth = waiting.pop()
        seen += 1
        if depth > _DEEPEST:
            message = f"The message is nested too deeply. Allowed: {_DEEPEST} levels."
            raise SteeringError(message)
        if seen > _MOST_VALUES:
            message = f"The message holds too many values. Allowed: {_MOST_VALUES}."
            raise SteeringError(message)
        if isinstance(value, str):
            check_text(value, "A text", _LONGEST_TEXT)
        elif isinstance(value, dict):
            for name, item in value.items():
                check_text(name, "A name", _LONGEST_NAME)
                waiting.append((item, depth + 1))
        elif isinstance(value, list):
            waiting += [(item, depth + 1) for item in value]


def check_text(text: str, what: str, longest: int) -> None:
    """Check that a text can be kept.

    Raises:
        SteeringError: If it is too long, or holds characters that no text has.
    """
    if len(text) > longest:
        message = f"{what} has {len(text)} characters. Allowed: at most {longest}."
        raise SteeringError(message)
    for character in text:
        code = ord(character)
        if 0xD800 <= code <= 0xDFFF or (code < 0x20 and character not in "\n\t") or code == 0x7F:
            message = f"{what} holds the character U+{code:04X}, which is no character of a text."
            raise SteeringError(message)


def _loads(text: bytes) -> object:
    import json

    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        # It knows no NaN and infinity, which a person's file may hold and the guard refuses by name.
        return json.loads(text)
