"""Consents: who allowed which application what, and below what."""

import uuid
from collections.abc import Sequence
from typing import Any

from steering.globus_double_data.ground import now
from steering.globus_double_data.scope import Wanted


class Consents:
    """What was consented to."""

    def __init__(self) -> None:
        """Begin with none."""
        self._given: dict[str, list[dict[str, Any]]] = {}
        self._last = 0

    def give(self, identity: str, client: str, wanted: Sequence[Wanted]) -> None:
        """Note what somebody allows an application; what is noted already stays."""
        for one in wanted:
            top = self._noted(identity, client, one.scope, [])
            for name in one.dependents:
                self._noted(identity, client, name, top["dependency_path"])

    def of(self, identity: str) -> list[dict[str, Any]]:
        """List what somebody consented to."""
        return list(self._given.get(identity, []))

    def _noted(self, identity: str, client: str, scope: str, above: Sequence[int]) -> dict[str, Any]:
        known = self._given.setdefault(identity, [])
        for one in known:
            if one["scope_name"] == scope and one["dependency_path"][:-1] == list(above):
                return one
        self._last += 1
        time = now()
        consent = {
            "id": self._last,
            "client": client,
            "scope": str(uuid.uuid5(uuid.NAMESPACE_URL, scope)),
            "scope_name": scope,
            "effective_identity": identity,
            "dependency_path": [*above, self._last],
            "created": time,
            "updated": time,
            "last_used": time,
            "status": "approved",
            "allows_refresh": True,
            "auto_approved": False,
            "atomically_revocable": False,
        }
        known.append(consent)
        return consent
