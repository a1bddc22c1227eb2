"""How the page was laid out in a workspace: a small file beside the beamline's own."""

from collections.abc import Mapping

from steering.core.errors import SteeringError, cause
from steering.core.json import Json
from steering.core.workspace import Workspace
from steering.machine.secret_file import read_secret, write_secret

_NAME = "layout.json"


def read_layout(workspace: Workspace) -> dict[str, Json]:
    """Read it; empty if nobody has changed it, or the file is no layout."""
    return read_secret(workspace.directory / _NAME) or {}


def keep_layout(workspace: Workspace, layout: Mapping[str, Json]) -> None:
    """Change parts of it, and keep the rest.

    Raises:
        SteeringError: If the file cannot be written.
    """
    file = workspace.directory / _NAME
    try:
        write_secret(file, read_layout(workspace) | dict(layout))
    except OSError as error:
        message = f"The layout cannot be kept in {file}: {cause(error)}. The page goes on as it is."
        raise SteeringError(message) from error
