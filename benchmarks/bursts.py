"""How fast do 5 bursts of 10,000 frames come, and does each frame have its own place?

``python -m benchmarks.bursts [--frames N] [--points N] [--parts N] [--xpcs]``: a scan of five positions on the
simulated beamline, each with one burst of small frames, whose pixels say where they were taken. Printed are frames a
second from the start of the scan to the last result, and how many frames have another position, event or index than
their own. With parts, each of which is an event while the burst runs: what each process takes, and how late results
are, in each quarter of the scan. With ``--xpcs`` frames of few photons are correlated, and nothing else is made of
them.
"""

import argparse
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import psutil

import steering
from steering.core.workspace import Workspace

FRAMES, POINTS = 10_000, 5
BEAMLINE = """
name: Bursts
simulate: {{samples: {{small: "benchmarks.bursts:Small", sparse: "benchmarks.bursts:Sparse"}}}}
motors:
  sx: {{prefix: "STEER:sx", units: um}}
detector: {{prefix: "STEER:det:", image: "STEER:det:Pva1:Image"}}
scans:
  - plan: spec
    name: bursts
    title: Bursts
    frames: {each}
    parts: {parts}
    before: {{"STEER:det:sample": {sample}}}
    spec: {{type: Linspace, axis: sx, start: -20.0, stop: 20.0, num: {points}}}
    analyses: {analyses}
    parameters:
      exposure: {{units: s, value: 0.0005, low: 0.0001, high: 1.0}}
"""


EACH = "[scalars, {analysis: centre_of_mass, label: spot, parameters: {kept: 1000000}}]"
XPCS = "[{analysis: xpcs, parameters: {q_low: 4.0, q_high: 60.0, bins: 8}}]"


class Sparse:
    """Frames of few photons: 20 of them on 16,384 pixels."""

    shape = (128, 128)

    def frame(self, positions, exposure, random):
        """Expose one frame."""
        del positions, exposure
        frame = np.zeros(self.shape, np.int32)
        frame.reshape(-1)[random.integers(0, frame.size, 20)] = 1
        return frame


class Small:
    """A frame whose pixels all say where it was taken."""

    shape = (32, 32)

    def frame(self, positions, exposure, random):
        """Expose one frame."""
        del exposure, random
        return np.full(self.shape, round(1000 + 10 * positions["sx"]), np.int32)


class Watch:
    """Looks now and then what the processes have taken, and how far the scan and its results are.

    Attributes:
        seen: Time in seconds, frames in the result, seconds of a core by process, and how many seconds after its newest
            frame a result was there.
    """

    def __init__(self, session):
        """Watch a session."""
        self._session, self._over, self.seen = session, threading.Event(), []
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self):
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_):
        """End."""
        self._over.set()
        self._thread.join()

    def _look(self):
        while not self._over.wait(0.5):
            taken = Counter()
            for one in psutil.process_iter(["cmdline", "cpu_times"]):
                line, times = " ".join(one.info["cmdline"] or ()), one.info["cpu_times"]
                if str(self._session.workspace.directory) in line and times:
                    taken[_name(line)] += times.user + times.system
            own = psutil.Process().cpu_times()
            taken["kernel"] = own.user + own.system
            results = self._session.results
            made = [results[label].provenance for label in results]
            done = min((one.frames for one in made), default=0)
            ages = [one.times["result"] - one.times["photon"] for one in made if "photon" in one.times]
            self.seen.append((time.perf_counter(), done, taken, max(ages, default=0.0)))


def _name(line):
    """Call a process by what it does."""
    words = ("beamline", "archive", "worker", "scheduler", "sim")
    return next((word for word in words if f"steering.{word}" in line or word in line), "other")


def quarters(seen):
    """Say what each process takes of a core, and how late results are, in each quarter of their time."""
    some = [one for one in seen if one[1]]
    for number in range(4):
        part = some[number * len(some) // 4 : (number + 1) * len(some) // 4 + 1]
        if len(part) < 2:
            continue
        begin, end = part[0], part[-1]
        seconds = end[0] - begin[0]
        took = {name: 100 * (end[2][name] - begin[2][name]) / seconds for name in end[2]}
        told = ", ".join(f"{name} {one:.0f}" for name, one in sorted(took.items()) if one > 0.5)
        pace, late = (end[1] - begin[1]) / seconds, np.median([one[3] for one in part])
        print(f"quarter {number + 1}: {pace:.0f} frames a second, results {late:.2f} s late; % of a core: {told}")


def main(arguments):
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bursts", description=__doc__)
    parser.add_argument("--frames", type=int, default=FRAMES, help="of a burst")
    parser.add_argument("--points", type=int, default=POINTS, help="bursts")
    parser.add_argument("--parts", type=int, default=1, help="of a burst")
    parser.add_argument("--xpcs", action="store_true", help="correlate frames of few photons")
    chosen = parser.parse_args(arguments)
    frames, points, parts = chosen.frames, chosen.points, chosen.parts
    each = frames // parts
    os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parents[1])
    with tempfile.TemporaryDirectory(prefix="steering-") as folder:
        file = Path(folder) / "bursts.yaml"
        what = {"sample": "sparse", "analyses": XPCS} if chosen.xpcs else {"sample": "small", "analyses": EACH}
        file.write_text(BEAMLINE.format(each=each, parts=parts, points=points, **what))
        session = steering.open(workspace=Workspace(Path(folder) / "workspace"), beamline=file)
        try:
            session.take_lease()
            began = time.perf_counter()
            with Watch(session) as watch:
                session.start("bursts")
                session.wait(3600)
            seconds = time.perf_counter() - began
            results = dict(session.results)
        finally:
            session.shutdown()
    print(f"{points} bursts of {frames} frames in {seconds:.1f} s: {points * frames / seconds:.0f} frames a second.")
    if parts > 1:
        quarters(watch.seen)
    if chosen.xpcs:
        missing = points * frames - results["xpcs"].provenance.frames
        print(f"Frames that are not in the result: {missing}")
        return int(missing != 0)
    columns, spot = results["scalars"].outcome.data, results["spot"].outcome.data
    first, indices = np.arange(points) * parts + 1, np.tile(np.arange(frames), points)
    events, positions = np.repeat(first, frames), np.repeat(np.linspace(-20.0, 20.0, points), frames)
    counts = np.round(1000 + 10 * positions) * np.prod(Small.shape)
    wrong = {
        "event": (columns["seq_num"].values != events).sum(),
        "index": (columns["burst_index"].values != indices).sum(),
        "position": (abs(columns["sx"].values - positions) > 1e-3).sum(),
        "pixels": (spot["frame_sum"].values != counts).sum(),
        "order in time": (np.diff(columns["time"].values) <= 0).sum(),
    }
    print("Frames with a wrong " + ", ".join(f"{name} {number}" for name, number in wrong.items()))
    return int(any(wrong.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
