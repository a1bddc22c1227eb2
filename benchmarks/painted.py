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
from pathlib import Path
from urllib.parse import urlsplit

import h5py
import numpy as np

import steering
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
    with steering.open(workspace=workspace) as session, Lab(server, token) as lab:
        session.wait()
        lab.page.goto(url)
        image = lab.page.locator(".st-image")
        image.wait_for()
        image.scroll_into_view_if_needed()
        lab.page.wait_for_function("() => Number(document.querySelector('.st-image').dataset.painted) > 0")
        lab.page.evaluate(WATCH)
        session.start("rocking", step=0.0025)
        session.wait()
        lab.page.wait_for_timeout(500)
        painted = dict(lab.page.evaluate("() => window.painted"))
        (path,) = [max(workspace.frames.glob("*.h5"), key=lambda found: found.stat().st_mtime)]
        with h5py.File(path, "r") as file:
            attributes = file["entry/instrument/NDAttributes"]
            photons = dict(zip(attributes["NDArrayUniqueId"][:], attributes["NDArrayTimeStamp"][:], strict=True))
    return [(painted[number] - photons[number]) * 1e3 for number in painted if number in photons], len(photons)


if __name__ == "__main__":
    main(sys.argv[1:])
