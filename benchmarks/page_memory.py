"""Whether a page stays as large as it is while scans go by: its JavaScript memory, its nodes, and the kernel's memory.

``python -m benchmarks.page_memory [MINUTES] [FILE.json]``: a dashboard in JupyterLab and Chromium, on a pretend
beamline that measures a rocking scan of 51 points every second and suggests a change in each: an afternoon of scans in
ten minutes.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from tests.widgets.lab import Lab, jupyter, write_notebook

MINUTES, LOOKS_A_MINUTE = 10.0, 4
CELL = """
import threading, time
import psutil
from tests.widgets.fake import FakeDesk
from steering_widgets import Dashboard

desk = FakeDesk()
scans = 0

def measure():
    global scans
    while True:
        desk.start("rocking")
        for _ in range(10):
            desk.advance(5)
            time.sleep(0.1)
        desk.suggest()
        desk.advance(5)
        scans += 1

threading.Thread(target=measure, daemon=True).start()
dashboard = Dashboard(desk)
dashboard
"""
MB = 1 << 20


def main(arguments):
    """Measure and print."""
    minutes = float(arguments[0]) if arguments else MINUTES
    with tempfile.TemporaryDirectory(prefix="steering-") as name:
        folder = Path(name)
        write_notebook(folder / "memory.ipynb", CELL)
        with jupyter(folder) as (url, token), Lab(url, token) as lab:
            lab.open("memory.ipynb")
            lab.collapse_sidebar()
            lab.run_all()
            lab.page.locator(".st-panel-curve .st-plot[data-ready]").wait_for()
            rows = watch(lab, minutes)
    half = len(rows) // 2
    for name in ("heap_mb", "nodes", "kernel_mb"):
        first, last = (float(np.median([row[name] for row in part])) for part in (rows[1:half], rows[half:]))
        print(f"{name:10} {first:9.1f} in the first half, {last:9.1f} in the second, {100 * (last / first - 1):+.1f} %")
    print(f"{rows[-1]['scans']} scans in {minutes:g} minutes")
    if len(arguments) > 1:
        Path(arguments[1]).write_text(json.dumps(rows, indent=1))


def watch(lab, minutes):
    """Look now and then, after the page has collected its garbage."""
    told = lab.context.new_cdp_session(lab.page)
    told.send("HeapProfiler.enable")
    rows = []
    for _ in range(round(LOOKS_A_MINUTE * minutes)):
        lab.page.wait_for_timeout(60_000 / LOOKS_A_MINUTE)
        told.send("HeapProfiler.collectGarbage")
        used, nodes = told.send("Runtime.getHeapUsage")["usedSize"], told.send("Memory.getDOMCounters")["nodes"]
        kernel, scans = lab.value("[psutil.Process().memory_info().rss, scans]")
        rows.append({"heap_mb": used / MB, "nodes": nodes, "kernel_mb": kernel / MB, "scans": scans})
    return rows


if __name__ == "__main__":
    main(sys.argv[1:])
