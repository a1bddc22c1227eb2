"""Errors that a user can act on."""

import re


class SteeringError(Exception):
    """Something that the user can put right.

    The message is one plain sentence or two: what was wrong (with the value and its unit), what is allowed,
    and the next step. Panels and the command line show it without a traceback.
    """


def said(error: BaseException) -> str:
    """Put an error into words for a person: its own text, or, where it has none, what it is."""
    text = " ".join(str(error).split())
    if isinstance(error, SteeringError):
        return text
    name = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", type(error).__name__).lower()
    return f"{text[:300]} ({name})" if text else name


def cause(error: Exception) -> str:
    """Say why a file could not be used: in the system's words, or, where it has none, in the error's own."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or said(error)


class LostError(SteeringError):
    """A facility lost a value together with its scheduler: what it was made of has to be submitted again."""


class PassedOverError(SteeringError):
    """A facility could not do something at once; submitted as a task it can be done later."""


class LateError(SteeringError, TimeoutError):
    """Something was not over in time. It may still be going on."""
