"""The key of a workspace's record."""

import secrets

from steering.core.workspace import Workspace
from steering.machine.secret_file import read_secret, write_secret


def record_key(workspace: Workspace) -> str:
    """Return the record's key, made once and kept in a file that only its owner reads."""
    file = workspace.run / "record.json"
    known = read_secret(file)
    if known is not None:
        return str(known["key"])
    key = secrets.token_hex(32)
    write_secret(file, {"key": key})
    return key
