"""Collections: folders of this machine that stand for storage somewhere."""

import uuid
from dataclasses import dataclass, field
from pathlib import Path

from steering.globus_double_data.call import Call, Document, RefusedError
from steering.globus_double_data.ground import Ground
from steering.globus_double_data.scope import data_access


@dataclass
class Collection:
    """A folder that stands for a collection.

    Attributes:
        id: A UUID.
        name: As people read it.
        folder: What is in it.
        rules: Who may read and write what, by id.
    """

    id: str
    name: str
    folder: Path
    rules: dict[str, Document] = field(default_factory=dict[str, Document])

    def inside(self, path: str) -> Path:
        """Return the file that a path in the collection means.

        Raises:
            RefusedError: If it leads out of the collection.
        """
        root = self.folder.resolve()
        found = (root / path.removeprefix("/~/").lstrip("/")).resolve()
        if "\0" in path or not found.is_relative_to(root):
            raise RefusedError(403, "PermissionDenied", f"The path {path!r:.200} leads out of {self.name}.")
        return found

    def document(self) -> Document:
        """Describe it as Transfer does."""
        return {
            "DATA_TYPE": "endpoint",
            "id": self.id,
            "display_name": self.name,
            "entity_type": "GCSv5_mapped_collection",
            "acl_available": True,
            "default_directory": "/",
        }


class Collections:
    """All collections."""

    def __init__(self, ground: Ground) -> None:
        """Begin with none."""
        self._ground = ground
        self._known: dict[str, Collection] = {}

    def add(self, name: str, folder: Path, id: str = "") -> Collection:  # noqa: A002  (as Globus names it)
        """Let a folder stand for a collection."""
        made = Collection(id or str(uuid.uuid4()), name, folder)
        folder.mkdir(parents=True, exist_ok=True)
        with self._ground.lock:
            self._known[made.id] = made
        return made

    def every(self) -> list[Collection]:
        """List them."""
        with self._ground.lock:
            return list(self._known.values())

    def get(self, id: str) -> Collection:  # noqa: A002  (as Globus calls it)
        """Return a collection.

        Raises:
            RefusedError: If there is none.
        """
        with self._ground.lock:
            found = self._known.get(id)
        if found is None:
            raise RefusedError(404, "EndpointNotFound", f"No such endpoint '{id:.60}'")
        return found

    def for_data(self, id: str, call: Call) -> Collection:  # noqa: A002  (as Globus calls it)
        """Return a collection whose data somebody may read.

        Raises:
            RefusedError: If there is none, or its data need a consent that is missing.
        """
        found = self.get(id)
        scope = data_access(id)
        with self._ground.lock:
            missing = id in self._ground.faults.unconsented
        if missing and (call.grant is None or scope not in call.grant.dependents):
            wanted = f"urn:globus:auth:scope:transfer.api.globus.org:all[*{scope}]"
            message = f"Missing required data_access consent for {found.name}"
            raise RefusedError(403, "ConsentRequired", message, more={"required_scopes": [wanted]})
        return found

    def reachable(self, id: str) -> bool:  # noqa: A002  (as Globus calls it)
        """Say whether a collection can be reached now."""
        with self._ground.lock:
            return id not in self._ground.faults.offline
