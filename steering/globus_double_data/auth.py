"""Globus Auth: tokens of a service account and of a person, refreshed, expired, with consents."""

import base64
import hashlib
import html
import secrets
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from steering.globus_double_data.call import Call, Document, Grant, Page, Person, RefusedError, Route
from steering.globus_double_data.consents import Consents
from steering.globus_double_data.ground import Ground
from steering.globus_double_data.id_token import Signer
from steering.globus_double_data.scope import Wanted, parse, server_of

LIFETIME = 172_800


@dataclass(frozen=True)
class _Code:
    """A code that a person copied from the page: what it stands for."""

    client: str
    scopes: str
    challenge: str
    offline: bool


@dataclass(frozen=True)
class _Refresh:
    """What a refresh token renews."""

    client: str
    person: Person
    wanted: tuple[Wanted, ...]


class Auth:
    """Globus Auth.

    Attributes:
        service: The service account.
        secret: Its secret.
        native: Id of the application that people log in with.
        person: Who logs in on the page.
    """

    name = "auth"
    server = "auth.globus.org"

    def __init__(self, ground: Ground) -> None:
        """Begin with one service account, one application and one person."""
        client = str(uuid.uuid4())
        self.service = Person(client, f"{client}@clients.auth.globus.org")
        self.secret = secrets.token_urlsafe(32)
        self.native = str(uuid.uuid4())
        self.person = Person(str(uuid.uuid4()), "scientist@example.org", (str(uuid.uuid4()),))
        self.address = ""
        self._ground = ground
        self._signer = Signer()
        self._consents = Consents()
        self._grants: dict[str, Grant] = {}
        self._refreshes: dict[str, _Refresh] = {}
        self._codes: dict[str, _Code] = {}

    def routes(self) -> Sequence[Route]:
        """List its addresses."""
        return (
            Route("GET", "/.well-known/openid-configuration", self._configuration, open=True),
            Route("GET", "/jwk.json", lambda _: self._signer.keys(), open=True),
            Route("GET", "/v2/oauth2/authorize", self._authorize, open=True),
            Route("POST", "/v2/oauth2/token", self._token, open=True),
            Route("POST", "/v2/oauth2/token/revoke", self._revoke, open=True),
            Route("POST", "/v2/oauth2/token/introspect", self._introspect, open=True),
            Route("GET", "/v2/oauth2/userinfo", self._userinfo),
            Route("GET", "/v2/api/identities", self._identities),
            Route("GET", "/v2/api/identities/{identity}/consents", self._consented),
        )

    def refusal(self, error: RefusedError) -> Document:
        """Write a refusal as Auth does, and as OAuth 2 does for tokens."""
        detail = {"status": str(error.status), "code": error.code, "title": error.code, "detail": error.message}
        return {"error": error.code, "errors": [{**detail, "id": str(uuid.uuid4())}], **error.more}

    def grant_of(self, token: str) -> Grant | None:
        """Return what a token allows; nothing if it is unknown or over."""
        with self._ground.lock:
            grant = self._grants.get(token)
        return grant if grant is not None and grant.expires > time.time() else None

    def expire(self) -> None:
        """Let all access tokens be over, whatever they say of themselves."""
        with self._ground.lock:
            self._grants.clear()

    def forget(self) -> None:
        """Take back all refresh tokens too, as when a person withdraws a consent."""
        with self._ground.lock:
            self._grants.clear()
            self._refreshes.clear()

    def _configuration(self, _: Call) -> Document:
        return {
            "issuer": "https://auth.globus.org",
            "authorization_endpoint": f"{self.address}v2/oauth2/authorize",
            "token_endpoint": f"{self.address}v2/oauth2/token",
            "jwks_uri": f"{self.address}jwk.json",
            "id_token_signing_alg_values_supported": [self._signer.algorithm],
        }

    def _authorize(self, call: Call) -> Page:
        wanted = call.query.get("scope", "")
        _scopes(wanted)
        if call.query.get("client_id") != self.native:
            raise RefusedError(400, "invalid_client", "The application is unknown.")
        code = secrets.token_urlsafe(16)
        offline = call.query.get("access_type") == "offline"
        with self._ground.lock:
            self._codes[code] = _Code(self.native, wanted, call.query.get("code_challenge", ""), offline)
        name = html.escape(self.person.username)
        return Page(f"<title>Globus (a double)</title><p>{name} consents. Copy this code: <code>{code}</code></p>")

    def _token(self, call: Call) -> Document:
        kind = str(call.body.get("grant_type", ""))
        if kind == "client_credentials":
            self._check_secret(call)
            return self._given(self.service, self.service.identity, _scopes(str(call.body.get("scope", ""))))
        if kind == "authorization_code":
            return self._exchanged(call)
        if kind == "refresh_token":
            with self._ground.lock:
                known = self._refreshes.get(str(call.body.get("refresh_token", "")))
            if known is None:
                raise RefusedError(400, "invalid_grant", "The refresh token is unknown, or was taken back.")
            return self._given(known.person, known.client, known.wanted)
        raise RefusedError(400, "unsupported_grant_type", f"The grant {kind!r:.40} is not supported.")

    def _exchanged(self, call: Call) -> Document:
        with self._ground.lock:
            code = self._codes.pop(str(call.body.get("code", "")), None)
        if code is None:
            raise RefusedError(400, "invalid_grant", "The code is unknown, or was used before.")
        digest = hashlib.sha256(str(call.body.get("code_verifier", "")).encode()).digest()
        if code.challenge and base64.urlsafe_b64encode(digest).decode().rstrip("=") != code.challenge.rstrip("="):
            raise RefusedError(400, "invalid_grant", "The code was asked for by somebody else.")
        return self._given(self.person, code.client, _scopes(code.scopes), offline=code.offline)

    def _given(self, person: Person, client: str, wanted: Sequence[Wanted], *, offline: bool = False) -> Document:
        """Make one token a resource server."""
        servers: dict[str, list[Wanted]] = {}
        for one in wanted:
            servers.setdefault(server_of(one.scope), []).append(one)
        tokens: list[Document] = []
        with self._ground.lock:
            for server, scopes in servers.items():
                tokens.append(self._made(person, client, server, scopes, offline=offline))
            self._consents.give(person.identity, client, wanted)
        first, *others = tokens
        answer = {**first, "other_tokens": others}
        if any(one.scope == "openid" for one in wanted):
            answer["id_token"] = self._signer.sign(person, client, LIFETIME)
        return answer

    def _made(self, person: Person, client: str, server: str, scopes: Sequence[Wanted], *, offline: bool) -> Document:
        token = f"Ag{secrets.token_urlsafe(32)}"
        dependents = frozenset(name for one in scopes for name in one.dependents)
        names = frozenset(one.scope for one in scopes)
        self._grants[token] = Grant(person, server, names, dependents, time.time() + LIFETIME)
        self._ground.effects.tokens_made += 1
        made: Document = {
            "access_token": token,
            "token_type": "Bearer",
            "resource_server": server,
            "scope": " ".join(sorted(names)),
            "expires_in": LIFETIME,
        }
        if offline:
            made["refresh_token"] = refresh = f"Rg{secrets.token_urlsafe(32)}"
            self._refreshes[refresh] = _Refresh(client, person, tuple(scopes))
        return made

    def _revoke(self, call: Call) -> Document:
        token = str(call.body.get("token", ""))
        with self._ground.lock:
            self._grants.pop(token, None)
            self._refreshes.pop(token, None)
        return {"active": False}

    def _introspect(self, call: Call) -> Document:
        self._check_secret(call)
        grant = self.grant_of(str(call.body.get("token", "")))
        if grant is None:
            return {"active": False}
        return {
            "active": True,
            "scope": " ".join(grant.scopes),
            "sub": grant.person.identity,
            "exp": int(grant.expires),
        }

    def _userinfo(self, call: Call) -> Document:
        return {"sub": call.person.identity, "preferred_username": call.person.username, "name": call.person.username}

    def _identities(self, call: Call) -> Document:
        wanted = {one for key in ("ids", "usernames") for one in call.query.get(key, "").split(",") if one}
        known: list[dict[str, Any]] = [
            {"id": one.identity, "username": one.username, "status": "used", "name": one.username}
            for one in (self.service, self.person)
            if {one.identity, one.username} & wanted
        ]
        return {"identities": known}

    def _consented(self, call: Call) -> Document:
        with self._ground.lock:
            return {"consents": self._consents.of(call.parts["identity"])}

    def _check_secret(self, call: Call) -> None:
        given = call.basic or ("", "")
        if not (
            secrets.compare_digest(given[0], self.service.identity) and secrets.compare_digest(given[1], self.secret)
        ):
            raise RefusedError(401, "invalid_client", "Client and secret do not match.")


def _scopes(text: str) -> tuple[Wanted, ...]:
    try:
        wanted = tuple(parse(text))
    except ValueError as error:
        raise RefusedError(400, "invalid_scope", f"{error}.") from error
    if not wanted:
        raise RefusedError(400, "invalid_scope", "No scope is asked for.")
    return wanted
