"""What the scopes of Globus Auth mean."""

from dataclasses import dataclass

FLOWS_CLIENT = "eec9b274-0c81-4334-bdc2-54e90e689b9a"
COMPUTE_CLIENT = "facd7ccc-c5f4-42aa-916b-a0e270e2c2a9"
_SERVERS = {FLOWS_CLIENT: "flows.globus.org", COMPUTE_CLIENT: "funcx_service"}
_OF_AUTH = ("openid", "email", "profile")
_URN, _URL = "urn:globus:auth:scope:", "https://auth.globus.org/scopes/"


@dataclass(frozen=True)
class Wanted:
    """A scope that is asked for, and those that it depends on, by their whole names."""

    scope: str
    dependents: tuple[str, ...]


def parse(text: str) -> list[Wanted]:
    """Read scopes as they are asked for: ``a b[c *d[e]]``.

    Raises:
        ValueError: If the brackets do not match, or a scope is none.
    """
    found: list[Wanted] = []
    below: list[str] = []
    depth, word = 0, ""
    for character in f"{text} ":
        if character in " []":
            if word:
                if depth == 0:
                    found.append(Wanted(word, ()))
                else:
                    below.append(word.lstrip("*"))
            word = ""
            depth += {"[": 1, "]": -1}.get(character, 0)
            if depth < 0 or (character == "[" and not found):
                raise ValueError(f"the brackets of {text!r:.80} do not match")
            if depth == 0 and below:
                found[-1] = Wanted(found[-1].scope, tuple(below))
                below = []
        else:
            word += character
    if depth:
        raise ValueError(f"the brackets of {text!r:.80} do not match")
    for one in found:
        server_of(one.scope)
    return found


def server_of(scope: str) -> str:
    """Return the resource server of a scope.

    Raises:
        ValueError: If it is no scope.
    """
    if scope in _OF_AUTH:
        return "auth.globus.org"
    if scope.startswith(_URN) and scope.count(":") >= 5:
        return scope.removeprefix(_URN).rpartition(":")[0]
    if scope.startswith(_URL) and scope.removeprefix(_URL).count("/") >= 1:
        name = scope.removeprefix(_URL).partition("/")[0]
        return _SERVERS.get(name, name)
    raise ValueError(f"{scope!r:.80} is no scope")


def data_access(collection: str) -> str:
    """Return the scope for the data of a mapped collection."""
    return f"{_URL}{collection}/data_access"
