"""``steering check``: what of this machine is ready, and what to do about what is not."""

import argparse
import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx

from steering.beamline.embedded import find_service
from steering.core.errors import SteeringError
from steering.core.workspace import Workspace, default_workspace
from steering.description.description import read_description
from steering.facilities.named import facility_names, make_facility
from steering.ingest.client import RingClient
from steering.ingest.launch import ingests
from steering.machine.secret_file import make_private

_EXTRAS = {
    "epics": ("ophyd_async", "aioca", "p4p"),
    "record": ("tiled",),
    "sim": ("caproto", "tifffile"),
    "lab": ("jupyterlab", "ipywidgets", "anywidget", "bokeh", "jupyter_server_proxy"),
}
_NEWEST_PYTHON = (3, 14)
_OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: In a word or two.
        detail: What was found, and what to do if it is not ready.
        ready: Whether it can be used.
    """

    what: str
    detail: str
    ready: bool


def check(arguments: Sequence[str]) -> int:
    """Look and print; return 0 if everything that the embedded default needs is ready."""
    parser = argparse.ArgumentParser(prog="steering check", description="What of this machine is ready?")
    parser.add_argument("--workspace", type=Path, default=default_workspace().directory, help="what is looked at")
    parser.add_argument("--beamline", type=Path, help="check this beamline description instead, and start nothing")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    options = parser.parse_args(arguments)
    if options.beamline is not None:
        findings = [_beamline(options.beamline)]
    else:
        findings = _of_machine(Workspace(options.workspace))
    if options.json:
        sys.stdout.write(json.dumps([asdict(finding) for finding in findings], indent=1) + "\n")
    else:
        for finding in findings:
            sys.stdout.write(f"{'ready' if finding.ready else 'NOT READY':9}  {finding.what:18} {finding.detail}\n")
    return 0 if all(finding.ready for finding in findings) else 1


def _of_machine(workspace: Workspace) -> list[Finding]:
    looks: list[Callable[[], Finding]] = [
        _python,
        *(lambda extra=extra: _extra(extra) for extra in _EXTRAS),
        _data,
        lambda: _folder(workspace),
        lambda: _service(workspace),
        lambda: _record(workspace),
    ]
    return [*(look() for look in looks), *_facilities(workspace), *_ingests(workspace)]


def _beamline(file: Path) -> Finding:
    try:
        found = read_description(file)
    except SteeringError as error:
        return _lacking("beamline", str(error))
    scans = ", ".join(f"{scan.name} ({scan.plan} over {', '.join(scan.scan().axes)})" for scan in found.scans)
    devices = f"the instrument {found.instrument}" if found.instrument else f"motors {', '.join(found.motors)}"
    return _ready("beamline", f"{found.name}: {devices}; scans {scans}.")


def _ready(what: str, detail: str) -> Finding:
    return Finding(what, detail, ready=True)


def _lacking(what: str, detail: str) -> Finding:
    return Finding(what, detail, ready=False)


def _python() -> Finding:
    found = ".".join(str(part) for part in sys.version_info[:3])
    ready = _OLDEST_PYTHON <= sys.version_info[:2] < _NEWEST_PYTHON
    return _ready("Python", found) if ready else _lacking("Python", f"{found}: needs 3.11 to 3.13.")


def _extra(extra: str) -> Finding:
    missing = [name for name in _EXTRAS[extra] if find_spec(name) is None]
    if missing:
        return _lacking(f"extra [{extra}]", f"{', '.join(missing)} missing: pip install 'steering[{extra}]'.")
    return _ready(f"extra [{extra}]", ", ".join(_EXTRAS[extra]))


def _data() -> Finding:
    # A process of its own: nothing that runs imports the simulated beamline.
    done = subprocess.run([sys.executable, "-m", "steering.sim.data"], capture_output=True, text=True, check=False)
    last = done.stderr.replace("\r", "\n").strip().splitlines()[-1] if done.stderr.strip() else ""
    return _lacking("recorded data", last) if done.returncode else _ready("recorded data", last)


def _folder(workspace: Workspace) -> Finding:
    try:
        make_private(workspace.run)
    except SteeringError as error:
        return _lacking("workspace", str(error))
    return _ready("workspace", str(workspace.directory))


def _service(workspace: Workspace) -> Finding:
    connection = find_service(workspace)
    if connection is None:
        return _ready("beamline service", "does not run; it is started when it is needed.")
    headers = {"Authorization": f"Bearer {connection['token']}"}
    try:
        answer = httpx.get(f"{connection['url']}/status", headers=headers, timeout=10.0, trust_env=False)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        detail = f"process {connection['pid']} does not answer at {connection['url']} ({error}). Stop that process."
        return _lacking("beamline service", detail)
    state = json.loads(answer.content)["state"]
    return _ready("beamline service", f"{state}, at {connection['url']} (process {connection['pid']}).")


def _record(workspace: Workspace) -> Finding:
    connection = find_service(workspace)
    record = connection.get("record") if connection is not None else None
    if not isinstance(record, dict):
        return _ready("record", "does not run; it is started with the service.")
    headers = {"Authorization": f"Apikey {record['key']}"}
    try:
        httpx.get(f"{record['url']}/", headers=headers, timeout=10.0, trust_env=False).raise_for_status()
    except httpx.HTTPError as error:
        return _lacking("record", f"does not answer at {record['url']} ({error}). Start the service again.")
    return _ready("record", f"at {record['url']}")


def _ingests(workspace: Workspace) -> list[Finding]:
    """Say which channels are taken in, and what is held of them."""
    findings: list[Finding] = []
    for channel, daemon in ingests(workspace).items():
        found: dict[str, Any] = dict(daemon.present() or {})
        what = f"ingest {channel}"
        if not found or found.get("ending"):
            findings.append(_ready(what, "is ending."))
            continue
        try:
            client = RingClient(found["host"], found["port"], found["own"], found["certificate"])
            try:
                status = client.request(want="status")[0]["status"]
            finally:
                client.close()
        except (OSError, KeyError) as error:
            findings.append(_lacking(what, f"process {found.get('pid')} does not answer ({error}): steering stop."))
            continue
        memory, disk = (status[name] / 1e6 for name in ("memory", "disk"))
        held = f"process {found['pid']}, {memory:.0f} MB in memory, {disk:.0f} MB on disk"
        findings.append(_ready(what, f"{status['state']}, {held}; ends when unused, or by steering stop."))
    return findings


def _facilities(workspace: Workspace) -> list[Finding]:
    try:
        names = facility_names(workspace)
    except SteeringError as error:
        return [_lacking("facilities", str(error))]
    return [_facility(name, workspace) for name in names]


def _facility(name: str, workspace: Workspace) -> Finding:
    async def ask() -> Finding:
        try:
            facility = make_facility(name, workspace)
        except SteeringError as error:
            return _lacking(f"facility {name}", str(error))
        try:
            if not await facility.attach():
                return _ready(f"facility {name}", "does not run; it is started when it is needed.")
            status = await facility.status()
        except SteeringError as error:
            return _lacking(f"facility {name}", str(error))
        finally:
            await facility.detach()
        found = _ready if status.state == "running" else _lacking
        detail = "" if status.workers else f" {status.detail}"
        return found(f"facility {name}", f"{status.state}, {len(status.workers)} workers.{detail}".rstrip())

    return asyncio.run(ask())
