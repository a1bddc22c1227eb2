"""The tokens of a login, kept in a private file that is written whole or not at all."""

import fcntl
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from steering.core.json import Json
from steering.machine.secret_file import make_private, read_secret, write_secret


@dataclass(frozen=True)
class Token:
    """What opens one service.

    Attributes:
        access: The access token. Neither it nor what renews it is in a repr.
        refresh: What renews it; empty for a service account, which renews by its secret.
        expires: Unix time in seconds.
        scopes: What it is for.
    """

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires: int
    scopes: tuple[str, ...]


class TokenFile:
    """The tokens of one account, by resource server, and what it consented to besides."""

    def __init__(self, path: Path) -> None:
        """Keep them in a file; it need not be there."""
        self.path = path

    def token(self, server: str) -> Token | None:
        """Return the token for a service, if there is one."""
        found = _dict(_dict(read_secret(self.path)).get("tokens")).get(server)
        if not isinstance(found, dict):
            return None
        access, refresh, expires = found.get("access"), found.get("refresh"), found.get("expires")
        if not isinstance(access, str) or not isinstance(expires, int | float):
            return None
        scopes = tuple(str(found.get("scopes") or "").split())
        return Token(access, refresh if isinstance(refresh, str) else "", int(expires), scopes)

    def keep(self, tokens: Mapping[str, Token]) -> None:
        """Keep tokens; one that has no refresh token keeps that of the token before."""
        with self._changing() as content:
            kept = _dict(content.get("tokens"))
            for server, token in tokens.items():
                before = _dict(kept.get(server)).get("refresh")
                refresh = token.refresh or (before if isinstance(before, str) else "")
                scopes = " ".join(token.scopes)
                kept[server] = {"access": token.access, "refresh": refresh, "expires": token.expires, "scopes": scopes}
            content["tokens"] = kept

    def consents(self) -> tuple[str, ...]:
        """List the scopes that were asked for besides the usual ones."""
        found = _dict(read_secret(self.path)).get("consents")
        return tuple(str(scope) for scope in found) if isinstance(found, list) else ()

    def consent(self, scopes: tuple[str, ...]) -> None:
        """Note scopes that are asked for from now on."""
        with self._changing() as content:
            content["consents"] = list(dict.fromkeys([*self.consents(), *scopes]))

    def forget(self) -> list[str]:
        """Remove all; return the tokens that there were, for them to be taken back."""
        tokens = _dict(_dict(read_secret(self.path)).get("tokens"))
        found = [
            value for token in tokens.values() for value in (_dict(token).get("access"), _dict(token).get("refresh"))
        ]
        self.path.unlink(missing_ok=True)
        return [value for value in found if isinstance(value, str) and value]

    @contextmanager
    def _changing(self) -> Generator[dict[str, Json]]:
        """Change the file while no other process of ours does."""
        make_private(self.path.parent)
        lock = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            content = read_secret(self.path) or {}
            yield content
            write_secret(self.path, content)
        finally:
            os.close(lock)


def _dict(value: object) -> dict[str, Json]:
    return cast("dict[str, Json]", value) if isinstance(value, dict) else {}
