"""``steering lab``: JupyterLab on the first notebook, with a live beamline behind it.

The notebook is a copy in the workspace, so that a clone stays clean. Its dashboard is made before the browser opens,
and its scan starts when a page is there to see it: on the embedded simulation only, never on a beamline that somebody
serves in this workspace. What was started is ended with the command, however that ends; what was found running goes on.
"""

import argparse
import asyncio
import secrets
import subprocess
import sys
import time
import webbrowser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from steering.beamline.embedded import EmbeddedService
from steering.commands.ending import end_like_ctrl_c, end_undisturbed, say
from steering.commands.jupyter import Jupyter
from steering.commands.notebook import Notebook
from steering.commands.tutorials import TECHNIQUES, Technique, lay_out, technique_of
from steering.commands.wishes import positive
from steering.core import registry
from steering.core.errors import SteeringError
from steering.core.facility import Facility
from steering.core.workspace import Workspace, default_workspace
from steering.machine.beside import beside

_LOOK_SECONDS = 0.2
# Of each tutorial: a dashboard, and a scan.
_DASHBOARD, _SCAN = 0, 1


def lab(arguments: Sequence[str]) -> int:
    """Run JupyterLab until it ends or is interrupted; return the exit code."""
    options = _options(arguments)
    workspace = Workspace(options.workspace)
    speed = positive(options.speed, "--speed", "")
    technique = technique_of(options.technique)
    end_like_ctrl_c()
    day = _Day(workspace, speed, technique)
    try:
        return day.run(options)
    except KeyboardInterrupt:
        # This is how it is meant to end.
        return 0
    finally:
        end_undisturbed()
        day.end()


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="steering lab", description="JupyterLab with a live, steered scan.")
    parser.add_argument("--no-browser", action="store_true", help="print the address, open nothing")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 picks a free one")
    parser.add_argument("--workspace", type=Path, default=default_workspace().directory, help="folder for all files")
    names = ", ".join(TECHNIQUES)
    parser.add_argument("--technique", default="rocking", help=f"whose tutorial is opened, on its beamline: {names}")
    parser.add_argument("--speed", default="5", help="how many times faster than life the simulation runs")
    return parser.parse_args(arguments)


class _Day:
    """What one ``steering lab`` starts, and ends."""

    def __init__(self, workspace: Workspace, speed: float, technique: Technique) -> None:
        self._workspace, self._technique = workspace, technique
        self._service = EmbeddedService(workspace, beamline=technique.beamline, speed=speed)
        self._jupyter: Jupyter | None = None
        self._began_service = self._began_owner = False
        self._began = time.monotonic()

    def run(self, options: argparse.Namespace) -> int:
        """Start everything, say where it is, and wait for its end."""
        self._say("Looking for the recorded data ...")
        if subprocess.run([sys.executable, "-m", "steering.sim.data"], check=False).returncode:
            return 1
        notebook = lay_out(self._workspace, self._technique.notebook)
        self._say("Starting JupyterLab ...")
        # It loads while the beamline does.
        jupyter = self._jupyter = Jupyter(self._workspace, notebook.parent, options.port, secrets.token_urlsafe(32))
        self._say("Starting the beamline service and two Dask workers ...")
        refusal = asyncio.run(self._start_service())
        jupyter.wait_until_ready()
        url = f"{jupyter.url}/lab/tree/{notebook.name}?token={jupyter.token}"
        if refusal:
            self._say(f"{refusal}\n\n    {url}\n\nCtrl-C ends JupyterLab.")
            _show(url, options)
            return jupyter.wait()
        self._say("Making the notebook's dashboard ...")
        live = Notebook(jupyter.url, jupyter.token, notebook)
        live.run(_DASHBOARD)
        self._say(f"Live. The scan starts when this page is open:\n\n    {url}\n\nCtrl-C ends everything.")
        _show(url, options)
        while not jupyter.ended and not jupyter.is_looked_at(live.kernel):
            time.sleep(_LOOK_SECONDS)
        if not jupyter.ended:
            live.begin(_SCAN)
        return jupyter.wait()

    async def _start_service(self) -> str:
        """Start the service, or find it; say why nothing may be started on it, if so."""
        # The workers are there before the notebook asks for them, and end with this command.
        owner = _facility(self._workspace).launch(pool=True)
        connection = await beside(owner, self._launch_service(), self._note_owner)
        wanted = self._technique.beamline
        if self._began_service or (connection.get("file") == wanted if wanted else connection.get("embedded")):
            return ""
        what = connection.get("beamline") or "a beamline"
        return (
            f"A service of {what} runs in this workspace already (process {connection['pid']}). Nothing is started on "
            "it: run the notebook's cells yourself, or give another folder with --workspace."
        )

    def _note_owner(self, began: bool) -> None:  # noqa: FBT001  (called by position, with what a launch returns)
        self._began_owner = began

    async def _launch_service(self) -> Mapping[str, Any]:
        connection, self._began_service = await self._service.launch()
        return connection

    def _say(self, text: str) -> None:
        say(f"{time.monotonic() - self._began:4.0f} s  {text}")

    def end(self) -> None:
        """End what was started here."""
        goes_on = self._jupyter is not None and not self._began_service
        say(f"Ending what was started{'; the beamline service, which ran before, goes on' if goes_on else ''} ...")
        if self._jupyter is not None:
            self._jupyter.end()
        if self._began_service:
            self._service.stop()
        if self._began_owner:
            asyncio.run(_facility(self._workspace).close())


def _facility(workspace: Workspace) -> Facility:
    return cast("Facility", registry.load("facilities", "local")(workspace=workspace))


def _show(url: str, options: argparse.Namespace) -> None:
    if options.no_browser:
        return
    try:
        webbrowser.open(url)
    except webbrowser.Error as error:
        message = f"No browser can be opened: {error}. Open the address yourself."
        raise SteeringError(message) from error
