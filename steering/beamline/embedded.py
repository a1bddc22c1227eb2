"""The embedded default: a beamline service of this user's own, started when it is first needed."""

from steering.core.daemon import Daemon
from steering.core.json import Json
from steering.core.workspace import Workspace

_READY_SECONDS = 120.0


def ensure_service(
    workspace: Workspace, *, speed: float = 5.0, seed: int = 0, record: bool = True, linger: float = 600.0
) -> dict[str, Json]:
    """Attach to the workspace's service, starting it with a simulated beamline if there is none.

    Returns:
        Its connection: ``url``, ``token``, and ``record`` with the Tiled server's ``url`` and ``key``.
    """
    arguments = ["--workspace", str(workspace.directory), "--speed", str(speed), "--seed", str(seed)]
    arguments += ["--linger", str(linger)] + ([] if record else ["--no-record"])
    return _daemon(workspace, arguments).ensure(timeout=_READY_SECONDS)


def find_service(workspace: Workspace) -> dict[str, Json] | None:
    """Return the connection of the workspace's service, or nothing if none runs."""
    return _daemon(workspace, []).connection()


def stop_service(workspace: Workspace) -> None:
    """End the workspace's service and what it started; does nothing if none runs."""
    _daemon(workspace, []).stop()


def _daemon(workspace: Workspace, arguments: list[str]) -> Daemon:
    return Daemon(workspace.run / "beamline.json", "steering.beamline", arguments, "The beamline service")
