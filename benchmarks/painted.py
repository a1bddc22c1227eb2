"""Photon to painted: from the end of an exposure to the frame's pixels on the canvas of a real JupyterLab in Chromium.

``python -m benchmarks.painted [FILE.json]``. The detector writes the end of each exposure and the frame's number into
its file; the page notes the time at which the image view has painted a number. Both clocks are this machine's.
"""

import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import h5py
import httpx
import numpy as np

from steering.core.workspace import Workspace
from tests.widgets.lab import Lab

NOTEBOOK = "01-steer-a-running-scan.ipynb"
WATCH = """() => {
  window.painted = [];
  const image = document.querySelector('.st-image');
  let last = image.dataset.number;
  const look = () => {
    if (image.dataset.number !== last) {
      last = image.dataset.number;
      window.painted.push([Number(last), (performance.timeOrigin + performance.now()) / 1000]);
    }
    requestAnimationFrame(look);
  };
  look();
}"""


def main(arguments):
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="steering-") as folder:
        workspace = Workspace(Path(folder))
        command = [sys.executable, "-m", "steering.cli", "lab", "--no-browser", "--workspace", folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                url = next(found.group(0) for line in process.stdout if (found := re.search(r"http://\S+", line)))
                latencies, points = measure(url, workspace)
            finally:
                process.send_signal(signal.SIGINT)
                process.communicate()
    p50, p99 = np.percentile(latencies, [50, 99])
    report = {"p50_ms": float(p50), "p99_ms": float(p99), "painted": len(latencies), "points": points}
    print(f"photon to painted: p50 {p50:.1f} ms, p99 {p99:.1f} ms over {len(latencies)} of {points} frames")
    if arguments:
        Path(arguments[0]).write_text(json.dumps(report, indent=1))


def measure(url, workspace):
    """Watch one rocking scan; return latencies in milliseconds and how many frames there were."""
    address = urlsplit(url)
    server, token = f"{address.scheme}://{address.netloc}", address.query.removeprefix("token=")
    with Lab(server, token) as lab:
        lab.page.goto(url)
        image = lab.page.locator(".st-image")
        image.wait_for()
        image.scroll_into_view_if_needed()
        lab.page.wait_for_function("() => Number(document.querySelector('.st-image').dataset.painted) > 0")
        # The notebook's own scan.
        scan(workspace)
        lab.page.evaluate(WATCH)
        scan(workspace, step=0.0025)
        lab.page.wait_for_timeout(500)
        painted = dict(lab.page.evaluate("() => window.painted"))
        (path,) = [max(workspace.frames.glob("*.h5"), key=lambda found: found.stat().st_mtime)]
        with h5py.File(path, "r") as file:
            attributes = file["entry/instrument/NDAttributes"]
            photons = dict(zip(attributes["NDArrayUniqueId"][:], attributes["NDArrayTimeStamp"][:], strict=True))
    return [(painted[number] - photons[number]) * 1e3 for number in painted if number in photons], len(photons)


def scan(workspace, **values):
    """Start a scan if there are values for it, past any session, which would analyse all frames a second time; wait."""
    found = json.loads((workspace.run / "beamline.json").read_text(encoding="utf-8"))
    headers = {"Authorization": f"Bearer {found['token']}"}
    with httpx.Client(base_url=found["url"], headers=headers, timeout=30.0) as service:
        if values:
            service.post("/runs", json={"scan": "rocking", "values": values}).raise_for_status()
        while service.get("/status").raise_for_status().json()["state"] != "idle":
            time.sleep(0.5)


if __name__ == "__main__":
    main(sys.argv[1:])
