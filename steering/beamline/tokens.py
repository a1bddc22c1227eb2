"""Who may do what: bearer tokens with a name, scopes and an end."""

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from steering.core.errors import SteeringError
from steering.machine.steady import steady

Scope: TypeAlias = Literal["read", "operate", "steer", "admin"]

ALL_SCOPES: frozenset[Scope] = frozenset(("read", "operate", "steer", "admin"))


# Of a token that is given away (seconds).
LONGEST_LIFE = 7 * 86400.0
# So many that hold at the same time may bear one name: pages and sessions of one person are fewer.
MOST_OF_ONE = 1000


@dataclass(frozen=True)
class Person:
    """The bearer of a token.

    Attributes:
        name: Name in leases, rulings and start documents.
        scopes: ``read`` (watch), ``operate`` (pause, resume, finish, abort), ``steer`` (start, propose, hold the
            lease), ``admin`` (let others in, stop the service).
        until: Unix time in seconds after which the token is void.
    """

    name: str
    scopes: frozenset[Scope]
    until: float


@dataclass
class Tokens:
    """The tokens of a service. Only their hashes are kept."""

    _people: dict[str, Person] = field(default_factory=dict[str, Person])

    def issue(self, name: str, scopes: frozenset[Scope] = ALL_SCOPES, lifetime: float = float("inf")) -> str:
        """Make a token for somebody, good for ``lifetime`` seconds; it cannot be read back later."""
        now = steady()
        for void in [one for one, person in list(self._people.items()) if person.until <= now]:
            self._people.pop(void, None)
        # Tiled's client, which reads the record with it, knows letters and digits only.
        token = secrets.token_hex(32)
        self._people[_hash(token)] = Person(name, scopes, now + lifetime)
        return token

    def derive(self, person: Person, name: str, scopes: frozenset[Scope], lifetime: float) -> str:
        """Make a token from somebody's own: it has no scope that theirs has not, and never outlives it.

        Raises:
            SteeringError: If as many hold for that name as may.
        """
        if sum(one.name == name and one.until > steady() for one in list(self._people.values())) >= MOST_OF_ONE:
            message = (
                f"{name} has {MOST_OF_ONE} tokens that hold. Allowed: {MOST_OF_ONE}. Use one of them, or wait until "
                "some have ended."
            )
            raise SteeringError(message)
        rest = person.until - steady()
        return self.issue(name, scopes & person.scopes, min(lifetime, rest, LONGEST_LIFE))

    def person(self, token: str) -> Person | None:
        """Say who bears a token; nobody if it is unknown or void."""
        # Looking up the hash takes the same time whatever part of a guessed token is right.
        person = self._people.get(_hash(token))
        return person if person is not None and steady() < person.until else None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
