"""Who logs in: a service account, by a secret from the environment or a private file, or a person."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from steering.core.errors import cause
from steering.core.workspace import Workspace
from steering.globus.errors import LOGIN, LoginError
from steering.machine.secret_file import read_secret

CLIENT, SECRET = "STEERING_GLOBUS_CLIENT_ID", "STEERING_GLOBUS_CLIENT_SECRET"
SECRET_FILE, APP = "STEERING_GLOBUS_SECRET_FILE", "STEERING_GLOBUS_APP_ID"


@dataclass(frozen=True)
class Account:
    """A service account, or the application that a person logs in with.

    Attributes:
        client: Its id.
        secret: Of a service account; empty for a person. It is in no repr.
    """

    client: str
    secret: str = field(default="", repr=False)

    @property
    def is_service(self) -> bool:
        """Whether it is a service account."""
        return bool(self.secret)


def folder(workspace: Workspace) -> Path:
    """Return where a user's logins lie; it is private."""
    return workspace.directory / "globus"


def account(workspace: Workspace, environment: Mapping[str, str] | None = None) -> Account:
    """Find out who logs in.

    First the variables of a service account, then the file that ``STEERING_GLOBUS_SECRET_FILE`` names, then
    ``globus/service.json`` in the workspace, then the application in ``STEERING_GLOBUS_APP_ID``.

    Args:
        workspace: Whose.
        environment: The process's own if none.

    Raises:
        LoginError: If nobody is named, or a secret lies open to others.
    """
    given = os.environ if environment is None else environment
    if given.get(CLIENT) and given.get(SECRET):
        return Account(given[CLIENT], given[SECRET])
    if bool(given.get(CLIENT)) != bool(given.get(SECRET)):
        raise LoginError(f"Of {CLIENT} and {SECRET} only one is set. Set both, or neither.")
    named = given.get(SECRET_FILE)
    file = Path(named) if named else folder(workspace) / "service.json"
    if named or file.exists():
        return _from_file(file)
    if given.get(APP):
        return Account(given[APP])
    raise LoginError(
        f"Nobody is named who logs in to Globus. For a service account set {CLIENT} and {SECRET}, or write them into "
        f"{file}; for a person set {APP} to your site's application and run: {LOGIN}"
    )


def _from_file(file: Path) -> Account:
    try:
        mode = file.stat().st_mode
    except OSError as error:
        raise LoginError(f"The secret file {file} cannot be read ({cause(error)}). Check {SECRET_FILE}.") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise LoginError(
            f"The secret file {file} can be read by others ({mode & 0o777:04o}). Close it: chmod 600 {file}"
        )
    content = read_secret(file) or {}
    client, secret = content.get("client_id"), content.get("client_secret")
    if not (isinstance(client, str) and client and isinstance(secret, str) and secret):
        wanted = '{"client_id": "...", "client_secret": "..."}'
        raise LoginError(f"The secret file {file} does not hold what it should. Write into it: {wanted}")
    return Account(client, secret)
