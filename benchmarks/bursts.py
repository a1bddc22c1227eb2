"""How fast do 5 bursts of 10,000 frames come, and does each frame have its own place?

``python -m benchmarks.bursts [FRAMES]``: a scan of five positions on the simulated beamline, each with one burst of
small frames, whose pixels say where they were taken. Printed are frames a second from the start of the scan to the last
result, and how many frames have another position, event or index than their own.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import steering
from steering.core.workspace import Workspace

FRAMES, POINTS = 10_000, 5
BEAMLINE = """
name: Bursts
simulate: {{samples: {{small: "benchmarks.bursts:Small"}}}}
motors:
  sx: {{prefix: "STEER:sx", units: um}}
detector: {{prefix: "STEER:det:", image: "STEER:det:Pva1:Image"}}
scans:
  - plan: spec
    name: bursts
    title: Bursts
    frames: {frames}
    before: {{"STEER:det:sample": small}}
    spec: {{type: Linspace, axis: sx, start: -20.0, stop: 20.0, num: {points}}}
    analyses:
      - scalars
      - {{analysis: centre_of_mass, label: spot, parameters: {{kept: 1000000}}}}
    parameters:
      exposure: {{units: s, value: 0.0005, low: 0.0001, high: 1.0}}
"""


class Small:
    """A frame whose pixels all say where it was taken."""

    shape = (32, 32)

    def frame(self, positions, exposure, random):
        """Expose one frame."""
        del exposure, random
        return np.full(self.shape, round(1000 + 10 * positions["sx"]), np.int32)


def main(arguments):
    """Measure and print."""
    frames = int(arguments[0]) if arguments else FRAMES
    os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parents[1])
    with tempfile.TemporaryDirectory(prefix="steering-") as folder:
        file = Path(folder) / "bursts.yaml"
        file.write_text(BEAMLINE.format(frames=frames, points=POINTS))
        session = steering.open(workspace=Workspace(Path(folder) / "workspace"), beamline=file)
        try:
            session.take_lease()
            began = time.perf_counter()
            session.start("bursts")
            session.wait()
            seconds = time.perf_counter() - began
            columns, spot = session.results["scalars"].outcome.data, session.results["spot"].outcome.data
        finally:
            session.shutdown()
    events, indices = np.repeat(np.arange(1, POINTS + 1), frames), np.tile(np.arange(frames), POINTS)
    positions = np.repeat(np.linspace(-20.0, 20.0, POINTS), frames)
    counts = np.round(1000 + 10 * positions) * np.prod(Small.shape)
    wrong = {
        "event": (columns["seq_num"].values != events).sum(),
        "index": (columns["burst_index"].values != indices).sum(),
        "position": (abs(columns["sx"].values - positions) > 1e-3).sum(),
        "pixels": (spot["frame_sum"].values != counts).sum(),
        "order in time": (np.diff(columns["time"].values) <= 0).sum(),
    }
    print(f"{POINTS} bursts of {frames} frames in {seconds:.1f} s: {POINTS * frames / seconds:.0f} frames a second.")
    print("Frames with a wrong " + ", ".join(f"{name} {number}" for name, number in wrong.items()))
    return int(any(wrong.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
