"""Is XPCS of a detector that writes photons as fast as the detector?

``python -m benchmarks.photon_events [FRAMES] [--rate HZ] [--photons N]``: a process writes a file of events of frames
of 512 x 1024 px at that rate, and a session on this machine follows it. Printed are when how many frames were in a
result, and when the last one was, after the first event; the first run also loads what compiles, so three runs follow
one another. Beside it, in the same run on one core: what a frame takes to be taken and to be summed up, and what it
takes to be read from the file alone.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import steering
from steering.analyses.xpcs import Xpcs
from steering.core.block import FrameBlock
from steering.core.workspace import Workspace
from steering.photons.rigaku import EventRange, read_rigaku
from steering.places.events import EventFile
from steering.sources.frames import read_frames
from steering.xpcs import photon_levels

SHAPE = (512, 1024)
STEP = 2500
WRITER = """
import sys, time
from pathlib import Path
import numpy as np
from steering.photons.rigaku import write_rigaku
path, frames, rate, photons, step = Path(sys.argv[1]), *map(int, sys.argv[2:])
random = np.random.default_rng(0)
made = []
for first in range(0, frames, step):
    some = min(step, frames - first)
    pixel = random.integers(0, 512 * 1024, some * photons)
    made.append((np.repeat(np.arange(first, first + some), photons), pixel, np.ones(len(pixel), int)))
begin = time.perf_counter()
print(time.time(), flush=True)
for number, one in enumerate(made):
    # What a detector has taken until then is there then.
    time.sleep(max(begin + (number + 1) * step / rate - time.perf_counter(), 0))
    write_rigaku(path, *one)
"""


def live(session, path, frames, rate, photons):
    """Write and follow at once; print how far the results are behind."""
    command = [sys.executable, "-c", WRITER, str(path), *map(str, (frames, rate, photons, STEP))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        began = float(writer.stdout.readline())
        analysis = Xpcs(segment=1000)
        session.follow("events", analysis, path=path, period=1 / rate, frames=frames, idle_seconds=1.0)
        seen, told = 0, []
        while seen < frames:
            result = session.board.result.wait(lambda one, seen=seen: _of(one, path, seen), 300)
            seen = result.provenance.frames
            told.append(f"{time.time() - began:.2f} s {seen:,}")
        session.unfollow()
    print(f"  measured in {frames / rate:.2f} s; in a result after {told[0]}, ..., {', '.join(told[-3:])} frames")


def _of(result, path, seen):
    return result is not None and result.provenance.run.startswith(path.stem) and result.provenance.frames > seen


def alone(path, frames):
    """Say what a frame takes on one core: read, taken into a state in blocks, and summed up."""
    photon_levels.load()
    where = EventRange(0, path.stat().st_size // 8)
    begin = time.perf_counter()
    read_rigaku(path, 0, frames, SHAPE, where)
    read = time.perf_counter() - begin
    analysis = Xpcs(segment=1000)
    columns = {"exposure": np.full(frames, 2e-5)}
    whole = FrameBlock(
        "r", "primary", 0, frames, EventFile(str(path), SHAPE, where), columns, {"exposure": "s"}, first=0
    )
    analysis.update(analysis.empty(), whole.part(0, 10), read_frames(whole.part(0, 10))[0])
    begin = time.perf_counter()
    state = analysis.empty()
    for first in range(0, frames, 10 * STEP):
        part = whole.part(first, min(first + 10 * STEP, frames))
        state = analysis.merge(state, analysis.update(analysis.empty(), part, read_frames(part)[0]))
    taken = time.perf_counter() - begin
    begin = time.perf_counter()
    analysis.result(state)
    return [1e6 * one / frames for one in (read, taken, time.perf_counter() - begin)]


def main(arguments):
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.photon_events", description=__doc__)
    parser.add_argument("frames", nargs="?", type=int, default=100_000)
    parser.add_argument("--rate", type=int, default=50_000, help="frames a second")
    parser.add_argument("--photons", type=int, default=56, help="photons a frame")
    options = parser.parse_args(arguments)
    if min(options.frames, options.rate, options.photons) < 1:
        raise SystemExit("frames, --rate and --photons must be 1 or more.")
    with tempfile.TemporaryDirectory(prefix="steering-") as folder:
        paths = [Path(folder) / f"A{number:03}.bin" for number in range(3)]
        print(f"{options.frames:,} frames of {options.photons} photons at {options.rate:,} a second:")
        session = steering.open(workspace=Workspace(Path(folder) / "workspace"))
        try:
            for path in paths:
                live(session, path, options.frames, options.rate, options.photons)
        finally:
            session.shutdown()
        for _ in range(3):
            read, taken, summed = alone(paths[0], options.frames)
            print(f"  one core: {taken:.2f} us a frame to take, {summed:.2f} us to sum up; {read:.2f} us to read alone")


if __name__ == "__main__":
    main(sys.argv[1:])
