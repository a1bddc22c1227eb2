"""``steering lab``: JupyterLab on the first notebook, with a live beamline behind it.

The notebook is a copy in the workspace, so that a clone stays clean; its cells are run before the browser opens, so
that the dashboard is live when it does. Everything that was started is ended with it.
"""

import argparse
import asyncio
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import httpx

from steering.beamline.embedded import EmbeddedService, stop_service
from steering.commands.notebook import run_notebook
from steering.core import registry
from steering.core.errors import SteeringError
from steering.core.facility import Facility
from steering.core.secret_file import make_private
from steering.core.workspace import Workspace, default_workspace

FIRST_NOTEBOOK = "01-steer-a-running-scan.ipynb"
_READY_SECONDS = 90.0
_END_SECONDS = 15.0
_POLL_SECONDS = 0.1


def lab(arguments: Sequence[str]) -> int:
    """Run JupyterLab until it ends or is interrupted; return the exit code."""
    options = _options(arguments)
    workspace = Workspace(options.workspace)
    notebooks = _copy_notebooks(workspace)
    if subprocess.run([sys.executable, "-m", "steering.sim.data"], check=False).returncode:
        return 1
    began = time.monotonic()
    jupyter = None
    # A terminal that closes ends everything as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        asyncio.run(EmbeddedService(workspace, speed=options.speed, linger=0.0).launch())
        port = options.port or _free_port()
        token = secrets.token_urlsafe(32)
        jupyter = _start_jupyter(workspace, notebooks, port, token)
        _wait_for_jupyter(jupyter, port, token)
        run_notebook(f"http://127.0.0.1:{port}", token, notebooks / FIRST_NOTEBOOK)
        url = f"http://127.0.0.1:{port}/doc/tree/{FIRST_NOTEBOOK}?token={token}"
        sys.stdout.write(
            f"Live after {time.monotonic() - began:.0f} s. Open:\n\n    {url}\n\nCtrl-C ends everything.\n"
        )
        sys.stdout.flush()
        if not options.no_browser:
            webbrowser.open(url)
        return jupyter.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        # A second Ctrl-C must not leave half of it running.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.stdout.write("Ending JupyterLab, the beamline and the workers ...\n")
        sys.stdout.flush()
        _end(jupyter)
        stop_service(workspace)
        asyncio.run(_end_facility(workspace))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="steering lab", description="JupyterLab with a live, steered scan.")
    parser.add_argument("--no-browser", action="store_true", help="print the address, open nothing")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 picks a free one")
    parser.add_argument("--workspace", type=Path, default=default_workspace().directory, help="folder for all files")
    parser.add_argument("--speed", type=float, default=5.0, help="how many times faster than life the simulation runs")
    return parser.parse_args(arguments)


def _copy_notebooks(workspace: Workspace) -> Path:
    """Copy the tutorials into the workspace; what was there before is kept in its folder ``previous``."""
    source = Path(__file__).resolve().parents[2] / "notebooks"
    if not (source / FIRST_NOTEBOOK).is_file():
        message = f"The notebooks are not at {source}. Run steering lab from a clone of the project."
        raise SteeringError(message)
    target = workspace.directory / "notebooks"
    make_private(target)
    for path in sorted(source.glob("*.ipynb")):
        copy = target / path.name
        if copy.exists():
            (target / "previous").mkdir(exist_ok=True)
            copy.replace(target / "previous" / path.name)
        shutil.copyfile(path, copy)
    return target


def _start_jupyter(workspace: Workspace, notebooks: Path, port: int, token: str) -> "subprocess.Popen[bytes]":
    make_private(workspace.run)
    # The token goes by the environment: arguments can be read by every user of the machine.
    environment = {
        **os.environ,
        "JUPYTER_TOKEN": token,
        "STEERING_HOME": str(workspace.directory),
        "JUPYTERLAB_SETTINGS_DIR": str(_settings(workspace)),
    }
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}"),
        *("--ServerApp.port_retries=0", f"--ServerApp.root_dir={notebooks}", "--allow-root"),
        "--LabApp.news_url=None",
    ]
    with (workspace.run / "jupyter.log").open("wb") as log:
        return subprocess.Popen(  # noqa: S603  (our own arguments, no shell)
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
        )


def _settings(workspace: Workspace) -> Path:
    """Write JupyterLab's settings for this workspace: no question about news in the middle of a beamtime."""
    folder = workspace.directory / "lab-settings"
    file = folder / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    if not file.exists():
        make_private(file.parent)
        file.write_text('{"fetchNews": "false", "checkForUpdates": false}\n', encoding="utf-8")
    return folder


def _wait_for_jupyter(jupyter: "subprocess.Popen[bytes]", port: int, token: str) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and jupyter.poll() is None:
        try:
            headers = {"Authorization": f"token {token}"}
            answer = httpx.get(f"http://127.0.0.1:{port}/api", headers=headers, trust_env=False)
        except httpx.HTTPError:
            time.sleep(_POLL_SECONDS)
            continue
        if answer.is_success:
            return
    message = "JupyterLab did not start. Its log is jupyter.log in the workspace's folder run."
    raise SteeringError(message)


def _end(jupyter: "subprocess.Popen[bytes] | None") -> None:
    if jupyter is None or jupyter.poll() is not None:
        return
    jupyter.terminate()
    try:
        jupyter.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(jupyter.pid, signal.SIGKILL)
        jupyter.wait()


async def _end_facility(workspace: Workspace) -> None:
    await cast("Facility", registry.load("facilities", "local")(workspace=workspace)).close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
