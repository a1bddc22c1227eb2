"""What Globus refuses, in one sentence with the next step.

The SDK's own errors are never chained: they hold the request, and so the token.
"""

import re
from collections.abc import Sequence
from math import isfinite

import globus_sdk

from steering.core.errors import SteeringError

LOGIN = "steering globus login"
# Statuses of refusals that pass by themselves.
_PASSING = (429, 500, 502, 503, 504)
# Transfer says so of a collection behind it, which no repeated question mends at once.
_BEHIND = ("ExternalError", "EndpointError")
_OFFLINE = ("ConnectFailed", "GCNotConnected", "GCDisconnected", "Timeout")
# Whatever looks like a secret in a message that comes from elsewhere: what opens a request, the secret of a service
# account (256 bits in base64), a token. A name with a suffix is a file's.
_SECRET = re.compile(
    r"\b(?:Bearer|Basic)\s+[A-Za-z0-9+/=_.-]{16,}|(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{43}="
    r"|(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{40,}+(?!\.[a-z0-9]{1,5}\b)"
)
_LONGEST, _LONGEST_SHOWN = 300, 2000
# A day, in seconds: nobody asks to wait for longer in earnest.
_LONGEST_AFTER = 86_400.0


class GlobusError(SteeringError):
    """Globus cannot do something, or will not.

    Attributes:
        code: As the service names it, or empty.
    """

    def __init__(self, message: str, code: str = "") -> None:
        """Say what is wrong."""
        super().__init__(message)
        self.code = code


class LoginError(GlobusError):
    """Somebody has to log in, or to consent.

    Attributes:
        scopes: What has to be consented to, if that is known.
    """

    def __init__(self, message: str, scopes: Sequence[str] = ()) -> None:
        """Say what is missing, and the command that gives it."""
        super().__init__(message, "ConsentRequired" if scopes else "LoginRequired")
        self.scopes = tuple(scopes)


class PassingError(GlobusError):
    """A refusal that passes by itself.

    Attributes:
        after: Seconds that Globus asks to wait; nothing if it does not say.
    """

    def __init__(self, message: str, code: str = "", after: float | None = None) -> None:
        """Say why it has to wait."""
        super().__init__(message, code)
        self.after = after


class MissingError(GlobusError):
    """Globus does not know what was named."""


class CancelledError(GlobusError):
    """The wait was cancelled by whoever waited."""


def explain(error: globus_sdk.GlobusError, doing: str) -> GlobusError:
    """Put an error of the SDK into one sentence.

    Args:
        error: What the SDK raised. Raise the answer ``from None``.
        doing: What was being done: ``list the collection raw``.
    """
    if isinstance(error, globus_sdk.GlobusAPIError):
        return _refused(error, doing)
    if isinstance(error, globus_sdk.NetworkError):
        return PassingError(f"Globus cannot be reached, so it could not {doing}. Is the network there?", "Network")
    return GlobusError(f"Could not {doing}: {cleaned(str(error))}. Check what was asked for.")


def unexpected(error: Exception, doing: str) -> GlobusError:
    """Put into one sentence that an answer was none: of a proxy, or of a login page of a network.

    Args:
        error: What came of reading it.
        doing: What was being done.
    """
    kind = type(error).__name__
    return GlobusError(
        f"What was answered, when we wanted to {doing}, is not what Globus says ({kind}). "
        "Is a proxy or a login page of your network in between?",
        "Unexpected",
    )


def cleaned(text: str, longest: int = _LONGEST) -> str:
    """Take out of a text what may be a secret or move a terminal's cursor, and keep it short, without its last dot."""
    return _SECRET.sub("(withheld)", plain(text))[:longest].rstrip(".")


def plain(text: str) -> str:
    """Return the words of a text: what a terminal shows, and nothing that it does."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())[:_LONGEST_SHOWN]


def consent(scopes: Sequence[str]) -> str:
    """Return the command by which a person consents. It is pasted into a shell, so a scope stays one word there."""
    words = ("".join(filter(str.isprintable, one)).replace("'", "'\"'\"'") for one in scopes)
    return " ".join([LOGIN, *(f"--consent '{word}'" for word in words)])


def _refused(error: globus_sdk.GlobusAPIError, doing: str) -> GlobusError:
    code = error.code or ""
    words = cleaned(_words(error)) or error.http_reason
    if error.http_status in (400, 401) and isinstance(error, globus_sdk.AuthAPIError):
        return _unknown_login(error, doing)
    if error.http_status == 401:
        return LoginError(f"Globus does not accept the login any more, so it could not {doing}. Log in again: {LOGIN}")
    if error.http_status == 403:
        return _forbidden(error, doing, words)
    if code.startswith(_BEHIND):
        return _behind(doing, code, words)
    if error.http_status in _PASSING:
        return PassingError(f"Globus has to be asked again to {doing}: {_busy(error)}.", code, _after(error))
    if error.http_status in (404, 410):
        return MissingError(f"Globus could not {doing}: {words}. Check the id and the path.", code)
    return GlobusError(f"Globus could not {doing}: {words} ({error.http_status}). Put that right and try again.", code)


def _forbidden(error: globus_sdk.GlobusAPIError, doing: str, words: str) -> GlobusError:
    scopes = error.info.consent_required.required_scopes or []
    if scopes:
        # A scope is no secret.
        return LoginError(f"Globus asks for a consent before it can {doing}. Give it: {consent(scopes)}", scopes)
    code = error.code or "Forbidden"
    return GlobusError(f"This login may not {doing}: {words}. Ask the owner for the permission.", code)


def _behind(doing: str, code: str, words: str) -> GlobusError:
    if code.endswith(_OFFLINE):
        return PassingError(f"Globus cannot {doing} now: {words}. Its owner can say when it is back.", code)
    return GlobusError(f"Globus could not {doing}: {words}. Check the path and the collection.", code)


def _unknown_login(error: globus_sdk.AuthAPIError, doing: str) -> GlobusError:
    kind = str((error.raw_json or {}).get("error", ""))
    if kind == "invalid_client":
        return LoginError(
            f"Globus does not know this client with this secret, so it could not {doing}. "
            "Make a new secret at https://app.globus.org/settings/developers"
        )
    if kind == "invalid_scope":
        return GlobusError(f"Globus could not {doing}: {cleaned(_words(error))}. Check the scope.", kind)
    return LoginError(f"The login has run out or was taken back, so it could not {doing}. Log in again: {LOGIN}")


def _words(error: globus_sdk.GlobusAPIError) -> str:
    """Return what Globus says; Compute says it as a ``reason``."""
    content = error.raw_json or {}
    return error.message or str(content.get("reason") or content.get("error_description") or "")


def _busy(error: globus_sdk.GlobusAPIError) -> str:
    if error.http_status == 429:
        return "it is asked too often (429)"
    return f"it is not available ({error.http_status})"


def _after(error: globus_sdk.GlobusAPIError) -> float | None:
    try:
        seconds = float(error.headers.get("Retry-After", ""))
    except ValueError:
        return None
    return min(max(seconds, 0.0), _LONGEST_AFTER) if isfinite(seconds) else None
