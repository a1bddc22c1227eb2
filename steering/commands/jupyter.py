"""A JupyterLab of our own: started on a workspace's notebooks, run as a browser would, ended with its parent."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

from steering.core.errors import SteeringError
from steering.core.workspace import Workspace
from steering.machine.ports import free_port
from steering.machine.secret_file import make_private

_READY_SECONDS = 90.0
_END_SECONDS = 15.0
_POLL_SECONDS = 0.1
# Whether JupyterLab is to be built anew, a page would ask, and wait a second for the answer: nothing here is built.
_NO_BUILD = "{'page_config_data': {'buildAvailable': False, 'buildCheck': False}}"


class Jupyter:
    """A JupyterLab server on loopback.

    Attributes:
        url: Its address.
        token: What it asks for.
    """

    def __init__(self, workspace: Workspace, folder: Path, port: int, token: str) -> None:
        """Start it.

        Args:
            workspace: Keeps its log and settings.
            folder: Of the notebooks.
            port: On 127.0.0.1; 0 picks a free one.
            token: To ask for.
        """
        number = port or free_port()
        self.url, self.token = f"http://127.0.0.1:{number}", token
        make_private(workspace.run)
        # One for all questions: to make one loads all certificates, a sixtieth of a second of a core.
        self._asking = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"token {token}"},
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),
        )
        # The token goes by the environment: arguments can be read by every user of the machine.
        environment = {
            **os.environ,
            "JUPYTER_TOKEN": token,
            "STEERING_HOME": str(workspace.directory),
            "JUPYTERLAB_SETTINGS_DIR": str(_settings(workspace)),
            "JUPYTERLAB_WORKSPACES_DIR": str(_tabs(workspace)),
        }
        command = [
            *(sys.executable, "-m", "steering.commands.lab_server"),
            *("--no-browser", "--ip=127.0.0.1", f"--port={number}"),
            *("--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder}", "--allow-root"),
            *("--LabApp.news_url=None", f"--ServerApp.tornado_settings={_NO_BUILD}"),
        ]
        with (workspace.run / "jupyter.log").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603  (our own arguments, no shell)
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment, start_new_session=True
            )

    @property
    def ended(self) -> bool:
        """Whether it does not run any more."""
        return self._process.poll() is not None

    def wait_until_ready(self) -> None:
        """Wait until it answers.

        Raises:
            SteeringError: If it does not.
        """
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline and not self.ended:
            try:
                if self._asking.get("/api").is_success:
                    return
            except httpx.HTTPError:
                time.sleep(_POLL_SECONDS)
        message = "JupyterLab did not start. Its log is jupyter.log in the workspace's folder run."
        raise SteeringError(message)

    def is_looked_at(self, kernel: str) -> bool:
        """Say whether a page is connected to a kernel."""
        try:
            answer = self._asking.get(f"/api/kernels/{kernel}")
        except httpx.HTTPError:
            return False
        return answer.is_success and bool(answer.json().get("connections"))

    def wait(self) -> int:
        """Wait until it ends; return its exit code."""
        return self._process.wait()

    def end(self) -> None:
        """End it with its kernels; does nothing if it has ended."""
        self._asking.close()
        if self.ended:
            return
        self._process.terminate()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _settings(workspace: Workspace) -> Path:
    """Write JupyterLab's settings for this workspace: no question about news in the middle of a beamtime."""
    folder = workspace.directory / "lab-settings"
    file = folder / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    if not file.exists():
        make_private(file.parent)
        file.write_text('{"fetchNews": "false", "checkForUpdates": false}\n', encoding="utf-8")
    return folder


def _tabs(workspace: Workspace) -> Path:
    """Return a folder for what JupyterLab remembers of its tabs: none, and the file browser is folded.

    JupyterLab opens the tabs of before again and starts their kernels, each with a session and a dashboard of its own.
    This user's other JupyterLabs keep their tabs; a page of this one that is loaded again finds its own. The dashboard
    has the width of the file browser too, which is most of a telephone's.
    """
    from jupyterlab_server.workspaces_handler import WorkspacesManager

    folder = workspace.run / "lab-tabs"
    shutil.rmtree(folder, ignore_errors=True)
    make_private(folder)
    layout = {"layout-restorer:data": {"left": {"collapsed": True, "visible": True}}}
    WorkspacesManager(str(folder)).save("default", json.dumps({"data": layout, "metadata": {"id": "default"}}))
    return folder
