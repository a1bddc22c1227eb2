"""What a person wrote, packed to be sent to workers, and unpacked where it is first used.

Unpacking runs code: a function of a module of its own brings that module in, which may take seconds. A worker must
answer meanwhile, and a scheduler has no use for it at all. So nothing is unpacked by being received.
"""

import hashlib
from functools import lru_cache
from typing import Any

from steering.core.errors import SteeringError


class Packed:
    """An object and the bytes that it is sent as.

    Attributes:
        content: The bytes.
        fingerprint: Hash of what it does.
    """

    def __init__(self, content: bytes, fingerprint: str) -> None:
        """Keep what was packed; see :func:`pack`."""
        self.content = content
        self.fingerprint = fingerprint

    def __reduce__(self) -> tuple[Any, ...]:
        """Send it as it was packed once: packing what a notebook holds takes longer than a small block."""
        return Packed, (self.content, self.fingerprint)

    @property
    def value(self) -> Any:
        """The object; unpacked once in a process.

        Raises:
            Exception: Whatever its module raises, for example where a worker lacks it.
        """
        return _unpacked(self.content)


class _Here(Packed):
    """The same, where the object was made."""

    def __init__(self, value: Any, content: bytes, fingerprint: str) -> None:
        super().__init__(content, fingerprint)
        self._value = value

    @property
    def value(self) -> Any:
        return self._value


def pack(value: Any, name: str) -> Packed:
    """Pack an object.

    Args:
        value: A function, or an object with functions, of a notebook or a module.
        name: What a person calls it, for the message.

    Raises:
        SteeringError: If it cannot be sent to workers.
    """
    import cloudpickle

    try:
        content: bytes = cloudpickle.dumps(value)
    except Exception as error:
        message = (
            f"{name} cannot be sent to the workers ({type(error).__name__}: {error}). Let it hold plain values and "
            "arrays only: no open file, connection, session or widget."
        )
        raise SteeringError(message) from error
    # A function of a module is packed by its name alone.
    code = getattr(getattr(value, "__code__", None), "co_code", b"")
    return _Here(value, content, hashlib.sha256(content + code).hexdigest()[:16])


@lru_cache(maxsize=16)
def _unpacked(content: bytes) -> Any:
    import cloudpickle

    return cloudpickle.loads(content)
