"""Photon to painted: from the end of an exposure to the frame's pixels on the canvas of a real JupyterLab in Chromium.

``python -m benchmarks.painted [--busy] [--pages N] [FILE.json]``. The detector writes the end of each exposure and the
frame's number into its file; the page notes the time at which the image view has painted a number. Both clocks are this
machine's. After it, during another scan, the floor: as many bytes sent to a bare canvas on the same page.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import h5py
import httpx

from benchmarks.cost import running
from benchmarks.floor import BARE, busy, quantiles
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


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.painted", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, help="where to write the figures as JSON")
    parser.add_argument("--busy", action="store_true", help="with another process that takes a core")
    parser.add_argument("--pages", type=int, default=1, help="how many pages look on")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="steering-") as folder, running(Path(folder)) as url:
        latencies, points, bare = measure(url, Workspace(Path(folder) / "workspace"), options)
    report = {"photon_to_painted": quantiles(latencies), "points": points, "bare_canvas": quantiles(bare)}
    for name in ("photon_to_painted", "bare_canvas"):
        entry = report[name]
        times = f"p50 {entry['p50']:.1f} ms, p99 {entry['p99']:.1f} ms over {entry['count']} frames"
        print(f"{name.replace('_', ' ')}: {times}")
    print(f"{points} frames were measured")
    if options.file:
        options.file.write_text(json.dumps(report, indent=1))


def measure(url, workspace, options):
    """Watch one rocking scan; return latencies in milliseconds, the number of frames, and the bare canvas' times."""
    address = urlsplit(url)
    server, token = f"{address.scheme}://{address.netloc}", address.query.removeprefix("token=")
    with Lab(server, token) as lab:
        for _ in range(options.pages - 1):
            lab.new_page().goto(url)
        lab.page.goto(url)
        image = lab.page.locator(".st-image")
        image.wait_for()
        image.scroll_into_view_if_needed()
        lab.page.wait_for_function("() => Number(document.querySelector('.st-image').dataset.painted) > 0")
        # The notebook's own scan.
        scan(workspace)
        lab.page.evaluate(WATCH)
        with busy(options.busy):
            scan(workspace, step=0.0025)
            lab.page.wait_for_timeout(500)
            # The file of this scan; the next one has its own.
            (path,) = [max(workspace.frames.glob("*.h5"), key=lambda found: found.stat().st_mtime)]
            bare = bare_canvas(lab, workspace)
        painted = dict(lab.page.evaluate("() => window.painted"))
        with h5py.File(path, "r") as file:
            attributes = file["entry/instrument/NDAttributes"]
            photons = dict(zip(attributes["NDArrayUniqueId"][:], attributes["NDArrayTimeStamp"][:], strict=True))
    latencies = [(painted[number] - photons[number]) * 1e3 for number in painted if number in photons]
    return latencies, len(photons), bare


def bare_canvas(lab, workspace):
    """Show a canvas that only paints what it is sent, ten times a second during a scan; return its times."""
    said = lab.execute(BARE)
    if said:
        raise SystemExit(f"the bare canvas cannot be shown: {said}")
    lab.page.wait_for_function("() => window.bare")
    lab.execute("begin_bare(1000)")
    scan(workspace, step=0.01)
    return lab.page.evaluate("() => window.bare")


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
    main()
