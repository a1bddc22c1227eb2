"""What flows cost: from the end of a run to the feature back in the session, beyond the work itself.

``python -m benchmarks.flow_overhead [COUNT] [FILE.json]``: scans on the embedded beamline, each followed by a flow of
all steps. Beside it a script looks plainly each 10 s whether the run has ended; it is measured on the same runs, which
end at any moment of its 10 s. To when it has seen that, the work of the same run is added, as the flow did it.

What is work: the copies, the analysis, the entries. What is not: the order, the journal and its syncs, the wait for a
process, and the way of the result into the session. The processes of flows and of the session are watched while nothing
happens: they must not spin.
"""

import json
import random
import statistics
import sys
import tempfile
import threading
import time
from importlib.resources import files
from pathlib import Path

import psutil

import steering
from steering.core.errors import SteeringError
from steering.core.workspace import Workspace
from steering.flow_steps.recorded_run import find_run

POLL_SECONDS = 10.0
GOAL_SECONDS = 1.0
IDLE_SECONDS = 5.0
FLOW = """
flows:
  keep:
    trigger: {at: end, scans: [rocking]}
    steps:
      transfer: {to: "store/{run.uid}"}
      compute: {facility: local, analyses: [{analysis: rocking_curve, label: whole, axes: [th]}]}
      catalogue: {}
      distribute: {to: "out/{run.short}", when: whole.fwhm < 1 deg}
"""


def main(arguments):
    """Measure and print; return whether the goal is missed."""
    count = int(arguments[0]) if arguments else 20
    with tempfile.TemporaryDirectory(prefix="steering-") as folder:
        path = Path(folder) / "beamline.yaml"
        path.write_text(files("steering.beamline").joinpath("embedded.yaml").read_text().partition("flows:")[0] + FLOW)
        session = steering.open(workspace=Workspace(Path(folder) / "workspace"), beamline=path, speed=20)
        try:
            # The first one loads what the others find loaded.
            rows = [one(session) for _ in range(count + 1)][1:]
            idle = idle_load(session.workspace)
        finally:
            session.shutdown()
    report = summary(rows, idle)
    show(report)
    if len(arguments) > 1:
        Path(arguments[1]).write_text(json.dumps(report, indent=1))
    return 0 if report["overhead"]["p50"] <= GOAL_SECONDS else 1


def one(session):
    """Do a scan and its flow; return seconds."""
    returned = session.flows.returned
    uid = session.start("rocking", centre=0.21, range=0.2)
    seen = []
    # The run may end at any moment of its 10 s.
    polling = threading.Thread(target=poll, args=(session.workspace, uid, random.uniform(0.0, POLL_SECONDS), seen))
    polling.start()
    returned.wait(lambda found: "whole" in found and found["whole"].result.provenance.run == uid, 300)
    back = time.time()
    state = session.flows.wait(f"keep-{uid[:8]}", 60)
    ended = float(find_run(session.workspace, uid).stop["time"])
    steps = {step.name: step.ended - step.began for step in state.steps}
    polling.join()
    # The compute step waits for the facility, and what the facility does is the work.
    done = state.step("compute").ended
    work = steps["transfer"] + steps["compute"]
    return {
        "run end to feature back": back - ended,
        "work": work,
        "overhead": back - ended - work,
        "end to order": state.ordered - ended,
        "feature to session": back - done,
        "polling each 10 s: run seen": seen[0] - ended,
        "polling each 10 s: feature": seen[0] - ended + work,
        **{f"step {name}": seconds for name, seconds in steps.items()},
    }


def poll(workspace, uid, first, seen):
    """Look each 10 s, and nothing else, whether a run has ended; note when that was seen."""
    wait = first
    while not seen:
        time.sleep(wait)
        wait = POLL_SECONDS
        try:
            ended = find_run(workspace, uid).stop
        except SteeringError:
            # It has not ended: only runs that have are found.
            continue
        if ended:
            seen.append(time.time())


def idle_load(workspace):
    """Return how much of a core each process of flows takes while nothing happens, in percent."""
    found = [one for one in psutil.process_iter(["cmdline"]) if "steering.flow_runner" in (one.info["cmdline"] or ())]
    mine = [one for one in found if any(str(workspace.directory) in word for word in one.info["cmdline"])]
    before = [sum(one.cpu_times()[:2]) for one in mine]
    time.sleep(IDLE_SECONDS)
    after = [sum(one.cpu_times()[:2]) for one in mine]
    return [100 * (new - old) / IDLE_SECONDS for new, old in zip(after, before, strict=True)]


def summary(rows, idle):
    """Sum up: median and largest of each."""
    found = {name: quantiles([row[name] for row in rows]) for name in rows[0]}
    return {**found, "count": len(rows), "idle percent of a core": idle}


def quantiles(values):
    """Return median and largest."""
    return {"p50": statistics.median(values), "most": max(values)}


def show(report):
    """Print the report."""
    print(f"{report['count']} runs; seconds, median and largest:")
    for name, one in report.items():
        if isinstance(one, dict):
            print(f"  {name:30} {one['p50']:8.3f} {one['most']:8.3f}")
    idle = ", ".join(f"{one:.1f} %" for one in report["idle percent of a core"])
    print(f"  idle, of a core                {idle}")
    print(f"  goal: overhead of {GOAL_SECONDS:g} s at most")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
