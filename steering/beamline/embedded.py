"""The embedded default: a beamline service of this user's own, started when it is first needed."""

from collections.abc import Mapping
from typing import Any

from steering.core.json import Json
from steering.core.workspace import Workspace
from steering.machine.daemon import Daemon

_READY_SECONDS = 120.0


class EmbeddedService:
    """A workspace's service."""

    def __init__(
        self,
        workspace: Workspace,
        *,
        beamline: str = "",
        speed: float = 5.0,
        seed: int = 0,
        record: bool = True,
        linger: float = 600.0,
    ) -> None:
        """Describe it; nothing is started yet.

        Args:
            workspace: Where it keeps its files.
            beamline: Path of the beamline's YAML file; the built-in simulated one if empty.
            speed: How many times faster than life a simulated beamline runs.
            seed: Of the simulated beamline's random numbers.
            record: Whether it keeps a Tiled record.
            linger: It ends after so many seconds unused.
        """
        arguments = ["--workspace", str(workspace.directory), "--speed", str(speed), "--seed", str(seed)]
        arguments += ["--linger", str(linger)] + ([] if record else ["--no-record"])
        arguments += ["--beamline", beamline] if beamline else []
        self._daemon = _daemon(workspace, arguments)

    async def launch(self) -> tuple[Mapping[str, Any], bool]:
        """Attach to it, starting it with a simulated beamline if there is none.

        Returns:
            Its connection (``url``, ``token``, and ``record`` with the Tiled server's ``url`` and ``key``), and whether
            it had to be started.

        Raises:
            SteeringError: If it does not come up.
        """
        return await self._daemon.launch(patience=_READY_SECONDS)

    def stop(self) -> None:
        """End it and what it started; does nothing if it does not run."""
        self._daemon.stop()


def find_service(workspace: Workspace) -> dict[str, Json] | None:
    """Return the connection of the workspace's service, or nothing if none runs."""
    return _daemon(workspace, []).connection()


def present_service(workspace: Workspace) -> dict[str, Json] | None:
    """Return the connection of the workspace's service, also of one that is ending, or nothing if none runs."""
    return _daemon(workspace, []).present()


def stop_service(workspace: Workspace) -> None:
    """End the workspace's service and what it started; does nothing if none runs."""
    _daemon(workspace, []).stop()


def _daemon(workspace: Workspace, arguments: list[str]) -> Daemon:
    return Daemon(workspace.run / "beamline.json", "steering.beamline", arguments, "The beamline service")
