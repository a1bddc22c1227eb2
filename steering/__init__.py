"""Steer a running scan on the features that come back from its own frames.

``steering.open()`` gives a notebook its session: it attaches to a running beamline service or starts the
embedded one. See :mod:`steering.session`.
"""

from typing import TYPE_CHECKING, Any

from steering.core.version import VERSION

__version__ = VERSION
__all__ = ["__version__", "open"]

if TYPE_CHECKING:
    from steering.session import open  # noqa: A004  (the word a notebook expects: steering.open())


def __dir__() -> list[str]:
    """Name what there is, also what is imported only when it is asked for."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    """Import the session only when it is asked for, so that a worker that unpickles an analysis stays light."""
    if name == "open":
        from steering.session import open as open_session

        return open_session
    message = f"module 'steering' has no attribute {name!r}"
    raise AttributeError(message)
