"""A question to the double, and how it is refused."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

Document: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Person:
    """Somebody with an identity.

    Attributes:
        identity: A UUID; of a service account it is the client's.
        username: As people read it.
        groups: UUIDs of the groups that this person is a member of.
    """

    identity: str
    username: str
    groups: tuple[str, ...] = ()

    @property
    def urn(self) -> str:
        """The principal that rules and entries name."""
        return f"urn:globus:auth:identity:{self.identity}"

    @property
    def principals(self) -> frozenset[str]:
        """All principals that mean this person."""
        groups = {f"urn:globus:groups:id:{group}" for group in self.groups}
        return frozenset({self.urn, "public", "all_authenticated_users", *groups})


@dataclass(frozen=True)
class Grant:
    """What an access token allows.

    Attributes:
        person: Who asks with it.
        server: The resource server that it is for.
        scopes: What is allowed, without what depends on it.
        dependents: Scopes that were consented to below these, such as the data of a collection.
        expires: Unix time in seconds.
    """

    person: Person
    server: str
    scopes: frozenset[str]
    dependents: frozenset[str]
    expires: float


@dataclass(frozen=True)
class Call:
    """A question.

    Attributes:
        method: Of HTTP.
        path: Below the service's own address.
        parts: What the path holds, by name.
        query: What stands behind the question mark.
        body: What was sent; empty if nothing was.
        grant: What the caller may do.
        basic: Client and secret, where those were sent in place of a token.
    """

    method: str
    path: str
    parts: Mapping[str, str] = field(default_factory=dict[str, str])
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    body: Document = field(default_factory=dict[str, Any])
    grant: Grant | None = None
    basic: tuple[str, str] | None = None

    @property
    def person(self) -> Person:
        """Who asks.

        Raises:
            RefusedError: If nobody is known to ask.
        """
        if self.grant is None:
            raise RefusedError(401, "AuthenticationFailed", "No token was sent, or an unknown one.")
        return self.grant.person

    def text(self, name: str) -> str:
        """Return a text of the body.

        Raises:
            RefusedError: If it is missing, or is none.
        """
        value = self.body.get(name)
        if not isinstance(value, str) or not value:
            raise RefusedError(400, "BadRequest", f"'{name}' is {value!r:.60}. Allowed: a text.")
        return value


class RefusedError(Exception):
    """The double refuses, as Globus would."""

    def __init__(self, status: int, code: str, message: str, *, more: Document | None = None) -> None:
        """Refuse.

        Args:
            status: Of HTTP.
            code: As the service names it.
            message: For a person.
            more: Further fields of the answer.
        """
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.more = more or {}


@dataclass(frozen=True)
class Page:
    """An answer that is no JSON: what a person's browser shows."""

    html: str


Handler: TypeAlias = Callable[[Call], Document | Page]


@dataclass(frozen=True)
class Route:
    """One address of a service.

    Attributes:
        method: Of HTTP.
        path: With the names of its parts in braces.
        handler: Answers.
        status: Of the answer.
        open: Whether it asks for no token.
        server_in_path: Whether the token is for what ``id`` names in the path, as a flow is.
        any_server: Whether a token for any service does.
    """

    method: str
    path: str
    handler: Handler
    status: int = 200
    open: bool = False
    server_in_path: bool = False
    any_server: bool = False


class Service(Protocol):
    """One of Globus' services."""

    name: str
    server: str

    def routes(self) -> Sequence[Route]:
        """List its addresses."""
        ...

    def refusal(self, error: RefusedError) -> Document:
        """Write a refusal as this service writes it."""
        ...
