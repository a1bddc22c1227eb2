"""A login to Globus: gives each service its token, renews it, and knows what a person has to do."""

from collections.abc import Sequence
from pathlib import Path
from threading import RLock
from typing import TypeVar

import globus_sdk
from globus_sdk.authorizers import ClientCredentialsAuthorizer, GlobusAuthorizer, RefreshTokenAuthorizer
from globus_sdk.config import get_service_url
from globus_sdk.scopes import AuthScopes, ComputeScopes, FlowsScopes, ScopeParser, SearchScopes, TransferScopes

from steering.core.workspace import Workspace
from steering.globus.account import Account, account, folder
from steering.globus.errors import LOGIN, LoginError, consent
from steering.globus.patience import Patience
from steering.globus.plain_client import plain, quick
from steering.globus.tokens import Token, TokenFile

Client = TypeVar("Client", bound=globus_sdk.BaseClient)
_NAME = "steering"
# What each service is asked for; a consent may add to it.
USUAL: dict[str, tuple[str, ...]] = {
    TransferScopes.resource_server: (str(TransferScopes.all),),
    SearchScopes.resource_server: (str(SearchScopes.all),),
    ComputeScopes.resource_server: (str(ComputeScopes.all),),
    FlowsScopes.resource_server: (str(FlowsScopes.all),),
}


class Attempt:
    """A person's login that has begun.

    Attributes:
        url: The page where the person logs in and is given a code.
    """

    def __init__(
        self, login: "Login", client: globus_sdk.NativeAppAuthClient, scopes: Sequence[str], consents: Sequence[str]
    ) -> None:
        """Begin; nothing is asked of Globus yet."""
        self._login = login
        self._consents = consents
        self._client = client
        client.oauth2_start_flow(requested_scopes=list(scopes), refresh_tokens=True)
        self.url = client.oauth2_get_authorize_url()

    def finish(self, code: str) -> None:
        """End it with the code from the page; the tokens are kept.

        Raises:
            GlobusError: If the code is not right.
        """
        entered = code.strip()
        answer = self._login.patience.ask("log in", lambda: self._client.oauth2_exchange_code_for_tokens(entered))
        self._login.begun(answer, self._consents)


class Login:
    """A login of one account. It may be used by several threads.

    Attributes:
        account: Who.
        patience: Waits for Globus.
    """

    def __init__(self, workspace: Workspace, patience: Patience | None = None, who: Account | None = None) -> None:
        """Find the account and its tokens; nothing is asked of Globus yet.

        Args:
            workspace: Whose files.
            patience: Waits for Globus; with the usual pace if none.
            who: The account, where it is not to be looked for.

        Raises:
            LoginError: If nobody is named who logs in.
        """
        self.account = who or account(workspace)
        self.patience = patience or Patience()
        kind = "service" if self.account.is_service else "person"
        self._tokens = TokenFile(folder(workspace) / f"{kind}-{self.account.client}.json")
        self._authorizers: dict[str, GlobusAuthorizer] = {}
        self._lock = RLock()

    @property
    def file(self) -> Path:
        """Where the tokens are kept."""
        return self._tokens.path

    def begin(self, consents: Sequence[str] = ()) -> Attempt | None:
        """Log in, or consent to more.

        Args:
            consents: Scopes besides the usual ones.

        Returns:
            For a person an attempt, whose page has to be visited. A service account is logged in then: nothing.

        Raises:
            GlobusError: If Globus refuses.
        """
        _check(consents)
        wanted = [scope for scopes in self._scopes(consents).values() for scope in scopes]
        if not self.account.is_service:
            return Attempt(self, self._native(), [str(AuthScopes.openid), *wanted], consents)
        client, doing = self._confidential(), "log in"
        answer = self.patience.ask(doing, lambda: client.oauth2_client_credentials_tokens(requested_scopes=wanted))
        self.begun(answer, consents)
        return None

    def begun(self, answer: globus_sdk.OAuthTokenResponse, consents: Sequence[str]) -> None:
        """Keep what a login gave, and the consents that go with it: one that Globus refused is not kept."""
        self.keep(answer)
        if consents:
            self._tokens.consent(tuple(consents))
        with self._lock:
            self._authorizers.clear()

    def end(self) -> None:
        """Log out: the tokens are taken back and removed."""
        with self._lock:
            self._authorizers.clear()
        client = self._auth_client()
        for token in self._tokens.forget():
            self.patience.ask("log out", lambda token=token: client.oauth2_revoke_token(token))

    def client(self, kind: type[Client], server: str) -> Client:
        """Make a client of a service, whose token is renewed by itself.

        Args:
            kind: A class of the SDK.
            server: Its resource server.

        Raises:
            GlobusError: If a person has to log in first.
        """
        made = kind(
            authorizer=self.authorizer(server), app_name=_NAME, transport=quick(get_service_url(kind.service_name))
        )
        return plain(made)

    def flow_client(self, flow: str) -> globus_sdk.SpecificFlowClient:
        """Make a client that runs one flow.

        Raises:
            GlobusError: If a person has to consent to that flow first.
        """
        with self._lock:
            # A consent may have been given by another process since.
            self._authorizers.pop(flow, None)
        transport = quick(get_service_url("flows"))
        made = globus_sdk.SpecificFlowClient(
            flow, authorizer=self.authorizer(flow, flow_scope(flow)), app_name=_NAME, transport=transport
        )
        return plain(made)

    def authorizer(self, server: str, scope: str = "") -> GlobusAuthorizer:
        """Return what signs questions to a service.

        Args:
            server: The resource server.
            scope: What is asked for, where it is none of the usual services.

        Raises:
            GlobusError: If a person has to log in first.
        """
        with self._lock:
            known = self._authorizers.get(server)
        if known is not None:
            return known
        # Not under the lock: it may have to wait for Globus, and whoever waits can be cancelled.
        scopes = self._scopes().get(server, ()) or (scope,)
        made = self._service(server, scopes) if self.account.is_service else self._person(server, scopes)
        with self._lock:
            return self._authorizers.setdefault(server, made)

    def keep(self, answer: globus_sdk.OAuthTokenResponse) -> None:
        """Keep the tokens of an answer."""
        self._tokens.keep(
            {
                server: Token(
                    str(given["access_token"]),
                    str(given.get("refresh_token") or ""),
                    int(given["expires_at_seconds"]),
                    tuple(str(given["scope"]).split()),
                )
                for server, given in answer.by_resource_server.items()
            }
        )

    def _service(self, server: str, scopes: tuple[str, ...]) -> GlobusAuthorizer:
        kept = self._tokens.token(server)
        if kept is not None and not {ScopeParser.parse(scope)[0].scope_string for scope in scopes} <= set(kept.scopes):
            kept = None
        client = self._confidential()

        def make() -> ClientCredentialsAuthorizer:
            access, expires = (None, None) if kept is None else (kept.access, kept.expires)
            return ClientCredentialsAuthorizer(
                client, scopes, access_token=access, expires_at=expires, on_refresh=self.keep
            )

        return self.patience.ask("log in", make)

    def _person(self, server: str, scopes: tuple[str, ...]) -> GlobusAuthorizer:
        kept = self._tokens.token(server)
        if kept is None or not kept.refresh:
            usual = server in USUAL
            command = LOGIN if usual else consent(scopes[:1])
            raise LoginError(f"Nobody is logged in to {server}. Log in: {command}", () if usual else scopes)
        return RefreshTokenAuthorizer(
            kept.refresh, self._native(), access_token=kept.access, expires_at=kept.expires, on_refresh=self.keep
        )

    def _scopes(self, more: Sequence[str] = ()) -> dict[str, tuple[str, ...]]:
        """Say what each service is asked for, with all consents, and more, below the scopes that they belong to."""
        trees = {server: [ScopeParser.parse(scope)[0] for scope in scopes] for server, scopes in USUAL.items()}
        for text in (*self._tokens.consents(), *more):
            for added in ScopeParser.parse(text):
                owner = next((server for server, known in trees.items() if _same(known, added)), None)
                if owner is None:
                    trees[_flow_of(added.scope_string)] = [added]
                else:
                    trees[owner] = [
                        one.with_dependencies(added.dependencies) if one.scope_string == added.scope_string else one
                        for one in trees[owner]
                    ]
        return {server: tuple(str(scope) for scope in scopes) for server, scopes in trees.items()}

    def _confidential(self) -> globus_sdk.ConfidentialAppAuthClient:
        transport = quick(get_service_url("auth"))
        made = globus_sdk.ConfidentialAppAuthClient(self.account.client, self.account.secret, transport=transport)
        return plain(made)

    def _native(self) -> globus_sdk.NativeAppAuthClient:
        return plain(globus_sdk.NativeAppAuthClient(self.account.client, transport=quick(get_service_url("auth"))))

    def _auth_client(self) -> globus_sdk.AuthLoginClient:
        return self._confidential() if self.account.is_service else self._native()


def flow_scope(flow: str) -> str:
    """Return the scope to run one flow."""
    return str(globus_sdk.scopes.SpecificFlowScopes(flow).user)


def _same(known: Sequence[globus_sdk.Scope], added: globus_sdk.Scope) -> bool:
    return any(scope.scope_string == added.scope_string for scope in known)


def _flow_of(scope: str) -> str:
    """Return the resource server of a flow's scope: the flow's id."""
    return scope.removeprefix("https://auth.globus.org/scopes/").partition("/")[0]


def _check(scopes: Sequence[str]) -> None:
    for scope in scopes:
        try:
            known = ScopeParser.parse(scope)
        except globus_sdk.scopes.ScopeParseError:
            known = []
        if not known:
            raise LoginError(
                f"The consent {scope!r:.200} is no scope. Copy it from the message that asked for it."
            ) from None
