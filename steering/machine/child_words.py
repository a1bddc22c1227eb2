"""What a child process says to people: a line of JSON on its standard output, which its parent hands on."""

import json
import sys
from contextlib import suppress
from typing import Any, cast

_KIND = "say"


def say_to_parent(sentence: str) -> None:
    """Say a sentence to whoever can tell people; one that nobody reads is lost."""
    with suppress(OSError, ValueError):
        sys.stdout.write(json.dumps({"kind": _KIND, "text": sentence}) + "\n")
        sys.stdout.flush()


def said_by_child(line: str) -> str:
    """Read the sentence of a line; empty if it says nothing to people."""
    with suppress(ValueError):
        content: Any = json.loads(line)
        if isinstance(content, dict):
            words = cast("dict[str, Any]", content)
            if words.get("kind") == _KIND and isinstance(words.get("text"), str):
                return str(words["text"])
    return ""
