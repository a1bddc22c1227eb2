"""The floor that a latency stands on, in the same run: what a bare round trip and a bare canvas take there.

``python -m benchmarks.floor FILE``: submits a frame's bytes to the scheduler that a connection file names, four times a
second, until its input ends; prints the times in milliseconds as JSON. Other benchmarks run it beside their own.
"""

import contextlib
import json
import select
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

INTERVAL = 0.25
SIDE = 256
# A page that does nothing but paint: of each message it takes the bytes as they are.
BARE = f"""
import threading, time
import anywidget, ipywidgets, numpy as np
from steering_widgets.pages.window import Window

class Bare(anywidget.AnyWidget):
    _esm = '''
    export default {{ render({{ model, el }}) {{
      const canvas = document.createElement("canvas");
      canvas.width = canvas.height = {SIDE};
      el.append(canvas);
      const context = canvas.getContext("2d");
      window.bare = [];
      model.on("msg:custom", (message, buffers) => {{
        const pixels = new ImageData({SIDE}, {SIDE});
        const levels = new Uint8Array(buffers[0].buffer, buffers[0].byteOffset, buffers[0].byteLength);
        const words = new Uint32Array(pixels.data.buffer);
        for (let i = 0; i < levels.length; i += 1) words[i] = 0xff000000 | levels[i];
        context.putImageData(pixels, 0, 0);
        requestAnimationFrame(() => {{
          window.bare.push(performance.timeOrigin + performance.now() - 1000 * message.at);
        }});
      }});
    }} }};
    '''

bare = Bare()
bare_tab = Window(ipywidgets.VBox([bare]), "Bare", "split-right")

def feed(seconds):
    levels = np.random.default_rng(0).integers(0, 255, {SIDE * SIDE}, dtype=np.uint8).tobytes()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        bare.send({{"at": time.time()}}, [levels])
        time.sleep(0.1)

def begin_bare(seconds):
    threading.Thread(target=feed, args=(seconds,), daemon=True).start()
"""


def main(arguments):
    """Submit until the input ends; print the times."""
    from distributed import Client

    from steering.cluster.connection import read_connection, security_of

    connection = read_connection(Path(arguments[0]))
    frame, times = np.zeros((SIDE, SIDE), np.uint16), []
    with Client(connection["address"], security=security_of(connection), set_as_default=False) as client:
        client.submit(np.sum, frame, pure=False).result()
        while not select.select([sys.stdin], [], [], INTERVAL)[0]:
            began = time.perf_counter()
            client.submit(np.sum, frame, pure=False).result()
            times.append((time.perf_counter() - began) * 1e3)
    print(json.dumps(times))


@contextlib.contextmanager
def round_trips(file):
    """Measure bare round trips for as long as the context lasts; gives a list that has the times after it."""
    command = [sys.executable, "-m", "benchmarks.floor", str(file)]
    times = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield times
        finally:
            told, _ = process.communicate("over\n", timeout=60)
            times.extend(json.loads(told or "[]"))


@contextlib.contextmanager
def busy(wanted):
    """Keep one core busy with a process of nobody's, if that is wanted."""
    if not wanted:
        yield
        return
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield
        finally:
            process.kill()


def quantiles(times):
    """Say median and 99th percentile of times in milliseconds, and how many there are."""
    if not times:
        return {"p50": float("nan"), "p99": float("nan"), "count": 0}
    return {"p50": float(np.median(times)), "p99": float(np.percentile(times, 99)), "count": len(times)}


if __name__ == "__main__":
    main(sys.argv[1:])
