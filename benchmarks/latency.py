"""Photon to feature and proposal to applied, over a rocking scan of the embedded beamline.

``python -m benchmarks.latency [--busy] [FILE.json]``: 401 points at about ten a second, a proposal at every fourth
point. Beside it, in the same run, the floor: bare round trips to the same cluster. ``--busy`` keeps one core busy with
another process the while.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

import steering
from benchmarks.floor import busy, quantiles, round_trips
from steering.core.workspace import Workspace

STEP_DEG, SPEED = 0.0025, 5.0
EXPOSURES = (0.25, 0.2)
LOOK_SECONDS = 0.05
WORKERS = 2


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, help="where to write the figures as JSON")
    parser.add_argument("--busy", action="store_true", help="with another process that takes a core")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="steering-") as folder:
        workspace = Workspace(Path(folder))
        session = steering.open(workspace=workspace, speed=SPEED)
        try:
            session.board.compute.wait(lambda status: len(status.workers) >= WORKERS, 120)
            with busy(options.busy), round_trips(scheduler_file(workspace)) as bare:
                report = measure(session)
        finally:
            session.shutdown()
    report["bare_round_trip"] = quantiles(bare)
    report["ratio"] = report["photon_to_feature"]["p50"] / report["bare_round_trip"]["p50"]
    print(f"{'':22}{'p50 ms':>9}{'p99 ms':>9}{'samples':>9}")
    for name in ("photon_to_feature", "proposal_to_applied", "bare_round_trip"):
        entry = report[name]
        print(f"{name.replace('_', ' '):22}{entry['p50']:9.1f}{entry['p99']:9.1f}{entry['count']:9}")
    print(
        f"{report['points']} points in {report['seconds']:.1f} s: {report['points'] / report['seconds']:.1f} a second"
    )
    print("hop by hop after the photon, median ms: " + ", ".join(f"{k} {v:.1f}" for k, v in report["hops"].items()))
    print(f"photon to feature takes {report['ratio']:.2f} bare round trips")
    if options.file:
        options.file.write_text(json.dumps(report, indent=1))


def scheduler_file(workspace):
    """Find the connection file of the cluster on this machine."""
    (found,) = workspace.directory.rglob("scheduler.json")
    return found


def measure(session):
    """Run the scan; collect latencies and the hops of each result."""
    hops, proposals, version = {}, 0, 0
    run = session.start("rocking", step=STEP_DEG)
    while session.board.status.value.run == run and session.board.status.value.scanning:
        # Waited for, not spun for: a loop that asks all the time takes the interpreter from the session.
        found = session.board.result.newer(version, LOOK_SECONDS)
        if found is not None and found[1] is not None:
            version, result = found
            times = result.provenance.times
            for hop, at in times.items():
                hops.setdefault(hop, []).append((at - times["photon"]) * 1e3)
        if session.board.status.value.points_done // 4 > proposals:
            proposals += 1
            session.set("exposure", EXPOSURES[proposals % 2])
    session.wait()
    began = session.record[run].start["time"]
    latency, status = session.board.latency.value, session.board.status.value
    medians = {hop: float(np.median(values)) for hop, values in hops.items()}
    return {
        "points": status.points_done,
        "seconds": ended(session, run) - began,
        "photon_to_feature": vars(latency.photon_to_feature),
        "proposal_to_applied": vars(latency.proposal_to_applied),
        "hops": dict(sorted(medians.items(), key=lambda item: item[1])),
    }


def ended(session, run):
    """Say when a run ended, once the record knows."""
    while (stop := session.record[run].stop) is None:
        time.sleep(LOOK_SECONDS)
    return stop["time"]


if __name__ == "__main__":
    main()
