"""Signed statements of who logged in, as the SDK checks them."""

import base64
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from steering.globus_double_data.call import Document, Person

_BITS = 2048


class Signer:
    """Signs, and says how signatures are checked."""

    algorithm = "RS512"

    def __init__(self) -> None:
        """Make a key."""
        self._key = rsa.generate_private_key(public_exponent=65_537, key_size=_BITS)

    def keys(self) -> Document:
        """Return the public key as JWK."""
        numbers = self._key.public_key().public_numbers()
        key = {"kty": "RSA", "alg": self.algorithm, "use": "sig", "kid": "double", "e": _text(numbers.e)}
        return {"keys": [{**key, "n": _text(numbers.n)}]}

    def sign(self, person: Person, client: str, lifetime: int) -> str:
        """State for an application who logged in; the statement holds for so many seconds."""
        time_s = int(time.time())
        claims = {
            "iss": "https://auth.globus.org",
            "aud": client,
            "sub": person.identity,
            "preferred_username": person.username,
            "iat": time_s,
            "exp": time_s + lifetime,
        }
        return jwt.encode(claims, self._key, algorithm=self.algorithm, headers={"kid": "double"})


def _text(number: int) -> str:
    size = (number.bit_length() + 7) // 8
    return base64.urlsafe_b64encode(number.to_bytes(size, "big")).decode().rstrip("=")
