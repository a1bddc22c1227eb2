"""How much of the machine a scan takes while one page looks on, process by process, and what a point costs.

``python -m benchmarks.cost [SECONDS] [FILE.json]``: ``steering lab``'s own parts, a rocking scan at about ten points a
second, one Chromium page of 1400 x 1000 pixels that shows the dashboard. A core's speed differs from hour to hour, so
each figure also stands in units of a fixed pure-Python workload of the same run: one unit is what
``sum(i * i for i in range(100_000))`` takes.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from tests.widgets.lab import Lab

SECONDS, STEP_DEG, EXPOSURE_SECONDS = 30.0, 0.0006, 0.36
DONE = "session.board.status.value.points_done"
NOTEBOOK = "01-steer-a-running-scan.ipynb"
# The first that is in a process' command line says what it is.
KINDS = (
    ("service", "steering.beamline"),
    ("record", "steering.archive"),
    ("simulated beamline", "steering.sim"),
    ("scheduler", "steering.cluster.scheduler"),
    ("workers", "steering.cluster"),
    ("compute owner", "steering.pools"),
    ("kernel", "ipykernel"),
    ("Lab", "jupyterlab"),
    ("chromium", "chromium"),
    ("driver of the browser", "playwright"),
)
# What only measures is no part of the sum.
LEFT_OUT = ("driver of the browser", "this benchmark", "other")


def main(arguments):
    """Measure and print."""
    seconds = float(arguments[0]) if arguments else SECONDS
    with tempfile.TemporaryDirectory(prefix="steering-") as folder, running(Path(folder)) as url:
        report = measure(url, seconds, folder)
    unit = report["unit_ms"]
    print(f"one unit is {unit:.2f} ms of a core; {report['points_a_second']:.1f} points a second")
    print(f"{'':24}{'% of a core':>13}{'units a point':>15}")
    for kind, percent in report["percent"].items():
        print(f"{kind:24}{percent:13.1f}{report['units'][kind]:15.2f}")
    print(f"{'in sum':24}{report['sum_percent']:13.1f}{report['sum_units']:15.2f}")
    if len(arguments) > 1:
        Path(arguments[1]).write_text(json.dumps(report, indent=1))


class running:  # noqa: N801  (a context manager, used like a function)
    """``steering lab`` in a folder; gives its address."""

    def __init__(self, folder):
        """Begin nothing yet."""
        self.folder = folder

    def __enter__(self):
        """Start it."""
        config = self.folder / "config"
        config.mkdir()
        (config / "jupyter_lab_config.py").write_text("c.LabApp.expose_app_in_browser = True\n")
        place = self.folder / "workspace"
        command = [sys.executable, "-m", "steering.cli", "lab", "--no-browser", "--workspace", str(place)]
        environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(config)}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        found = (re.search(r"http://\S+", line) for line in self.process.stdout)
        address = next((one.group(0) for one in found if one), None)
        if address is None:
            raise SystemExit("steering lab did not start")
        return address

    def __exit__(self, *_):
        """End it as a person would."""
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=120)


def measure(url, seconds, folder):
    """Look on from a page while a scan runs; count what each process has used."""
    address = urlsplit(url)
    base, token = f"{address.scheme}://{address.netloc}", address.query.removeprefix("token=")
    with Lab(base, token, width=1400, height=1000, insists=False) as lab:
        lab.open(NOTEBOOK)
        lab.collapse_sidebar()
        lab.page.locator(".st-dashboard").first.wait_for()
        lab.wait_for_value("session.board.status.value.scanning")
        # The notebook's own session: another one would analyse each frame a second time.
        lab.execute("session.finish()")
        lab.wait_for_value("not session.board.status.value.scanning")
        lab.execute(f"run = session.start('rocking', step={STEP_DEG}, exposure={EXPOSURE_SECONDS})")
        lab.wait_for_value("session.board.status.value.points_done > 20")
        lab.page.locator(".st-panel-curve .st-plot[data-ready]").first.wait_for()
        lab.page.wait_for_timeout(5000)  # what is drawn once is no part of the cost of a point
        unit, first, before, began = unit_seconds(), lab.value(DONE), used(folder), time.monotonic()
        lab.page.wait_for_timeout(1000 * seconds)
        after, took, points = used(folder), time.monotonic() - began, lab.value(DONE) - first
        unit = (unit + unit_seconds()) / 2
        lab.execute("session.finish()")
    spent = Counter()
    for key, (kind, cpu) in after.items():
        spent[kind] += cpu - before.get(key, (kind, 0.0))[1]
    shown = {kind: cpu for kind, cpu in spent.most_common() if kind not in LEFT_OUT and cpu > 0}
    percent = {kind: 100 * cpu / took for kind, cpu in shown.items()}
    units = {kind: cpu / points / unit for kind, cpu in shown.items()}
    return {
        "unit_ms": 1e3 * unit,
        "points_a_second": points / took,
        "percent": percent,
        "units": units,
        "sum_percent": sum(percent.values()),
        "sum_units": sum(units.values()),
    }


def used(folder):
    """Read how much each process of ours has used so far: its kind and seconds, by process.

    Ours are what this process has started, and what works in the folder, with what these have started.
    """
    found, ours = {}, {os.getpid()}
    for process in sorted(psutil.process_iter(["pid", "ppid", "create_time", "cmdline", "cpu_times"]), key=begun):
        words, times = " ".join(process.info["cmdline"] or []), process.info["cpu_times"]
        if process.info["ppid"] in ours or folder in words:
            ours.add(process.info["pid"])
        if times is not None and process.info["pid"] in ours:
            key = process.info["pid"], process.info["create_time"]
            found[key] = kind_of(words, process.info["pid"]), times.user + times.system
    return found


def begun(process):
    """When a process began: none is older than who started it."""
    return process.info["create_time"] or 0.0, process.info["pid"]


def kind_of(words, pid):
    """Say what a process is by its command line."""
    if pid == os.getpid():
        return "this benchmark"
    return next((kind for kind, mark in KINDS if mark in words), "other")


def unit_seconds():
    """Time the fixed workload: the fastest of many, which the least disturbed the processor's clock."""
    times = []
    for _ in range(20):
        began = time.thread_time()
        sum(number * number for number in range(100_000))
        times.append(time.thread_time() - began)
    return min(times)


if __name__ == "__main__":
    main(sys.argv[1:])
