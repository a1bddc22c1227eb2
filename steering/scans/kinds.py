"""The kinds of scans that are installed, ours and a stranger's alike."""

import logging
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from steering.core import registry
from steering.core.errors import SteeringError
from steering.scans.entry import ScanEntry

_LOG = logging.getLogger(__name__)


@cache
def scan_kinds() -> Mapping[str, type[ScanEntry]]:
    """Load every kind of scan; one that cannot be loaded is named in the log and left out.

    Returns:
        By the name that a beamline's file has under ``plan``.
    """
    found: dict[str, type[ScanEntry]] = {}
    for name in registry.names("scans"):
        try:
            found[name] = _kind(name)
        except Exception as error:  # noqa: BLE001  (whatever a stranger's module raises: the other kinds go on)
            _LOG.warning("The kind of scan %r is left out: %s.", name, error)
    return found


def _kind(name: str) -> type[ScanEntry]:
    kind: Any = registry.load("scans", name)
    if not (isinstance(kind, type) and issubclass(kind, ScanEntry)):
        message = f"{kind!r:.80} is not a class made from steering.scans.entry.ScanEntry"
        raise SteeringError(message)
    return kind


class OfAnyKind:
    """Reads a mapping as the kind of scan that it names under ``plan``."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Choose among what is installed."""
        del source
        if not scan_kinds():
            message = (
                "No kind of scan is installed: the installation of steering is older than its files. Install it anew."
            )
            raise SteeringError(message)
        choices = {name: handler.generate_schema(kind) for name, kind in scan_kinds().items()}
        return core_schema.tagged_union_schema(choices, discriminator="plan")
