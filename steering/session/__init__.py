"""What a notebook holds: ``steering.open()`` gives a :class:`Session`."""

from steering.session.opening import open  # noqa: A004  (steering.open() is what a notebook says)
from steering.session.session import Session

__all__ = ["Session", "open"]
