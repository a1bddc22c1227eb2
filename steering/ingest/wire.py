"""How a ring's server and its clients talk: a line of JSON asks, a counted piece of JSON answers, pixels may follow."""

import json
import struct
from typing import Any

LENGTH = struct.Struct(">II")
LINE_BYTES = 1 << 20


def ask(**request: Any) -> bytes:
    """Encode a request."""
    return json.dumps(request).encode() + b"\n"


def answer(content: dict[str, Any], pixels: bytes = b"") -> bytes:
    """Encode an answer and the pixels that follow it."""
    text = json.dumps(content).encode()
    return LENGTH.pack(len(text), len(pixels)) + text + pixels
