"""What a notebook holds: ``steering.open()`` gives a :class:`Session`."""

from steering.session.session import Session, open  # noqa: A004  (steering.open() is what a notebook says)

__all__ = ["Session", "open"]
