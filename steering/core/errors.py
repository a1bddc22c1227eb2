"""Errors that a user can act on."""

import re
from typing import Any


class SteeringError(Exception):
    """Something that the user can put right.

    The message is a plain sentence or two: what was wrong (value, unit), what is allowed, the next step. No traceback.
    """


def own_text(error: BaseException) -> str:
    """Return the text of an error on one line; of a pydantic error what is wrong, without its hints to programmers."""
    # By its name: the library loads slowly.
    problems: Any = getattr(error, "errors", None) if type(error).__name__ == "ValidationError" else None
    texts = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in problems()] if problems else [str(error)]
    return " ".join("; ".join(texts).split())


def said(error: BaseException) -> str:
    """Put an error into words for a person: its own text, or, where it has none, what it is."""
    text = own_text(error)
    if isinstance(error, SteeringError):
        return text
    name = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", type(error).__name__).lower()
    return f"{text[:300]} ({name})" if text else name


def cause(error: Exception) -> str:
    """Say why a file could not be used: in the system's words, or, where it has none, in the error's own."""
    return (error.strerror if isinstance(error, OSError) else None) or own_text(error) or said(error)


class LostError(SteeringError):
    """A facility lost a value together with its scheduler: what it was made of has to be submitted again."""


class PassedOverError(SteeringError):
    """A facility could not do something at once; submitted as a task it can be done later."""


class LateError(SteeringError, TimeoutError):
    """Something was not over in time. It may still be going on."""
