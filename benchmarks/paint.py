"""How many frames a second a page paints; run as ``python -m benchmarks.paint``.

A thread in the kernel offers sixty frames a second; flow control decides what is sent. The page counts what it has
painted. Beside it, in the same run, the floor: as many bytes a message, sixty messages a second, to a bare canvas on
the same page that paints nothing else.
"""

import tempfile
from pathlib import Path

from tests.widgets.lab import Lab, jupyter, write_notebook

CELL = """
import threading, time
import numpy as np
import anywidget, ipywidgets
from steering.core.frame import Frame
from steering_widgets import ImageView
from steering_widgets.pages.window import Window

view = ImageView()
sent, plain = [], view.send

def counted(content, buffers=None):
    size = sum(memoryview(one).nbytes for one in buffers or ())
    if size:
        sent.append(size)
    plain(content, buffers)

view.send = counted

class Bare(anywidget.AnyWidget):
    _esm = '''
    export default { render({ model, el }) {
      const canvas = document.createElement("canvas");
      canvas.className = "bare";
      canvas.width = canvas.height = 1024;
      canvas.style.height = "240px";
      el.append(canvas);
      const context = canvas.getContext("2d");
      const pixels = new ImageData(1024, 1024);
      const words = new Uint32Array(pixels.data.buffer);
      let due = false;
      model.on("msg:custom", (message, buffers) => {
        const { buffer, byteOffset, byteLength } = buffers[0];
        const levels = new Uint8Array(buffer, byteOffset, byteLength);
        for (let i = 0; i < levels.length && i < words.length; i += 1) words[i] = 0xff000000 | levels[i];
        if (due) return;
        due = true;
        requestAnimationFrame(() => {
          due = false;
          context.putImageData(pixels, 0, 0);
          canvas.dataset.painted = Number(canvas.dataset.painted ?? 0) + 1;
        });
      });
    } };
    '''

bare = Bare()

def frames(size, kind):
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32) / size
    rings = 20 + 60 * np.exp(-(((np.hypot(rows - 0.5, columns - 0.5) - 0.3) / 0.02) ** 2))
    return [
        random.poisson(rings + 900 * np.exp(-((rows - row) ** 2 + (columns - 0.6) ** 2) / 0.001)).astype(kind)
        for row in (0.40, 0.42, 0.44, 0.46)
    ]

def offer(size, kind, seconds):
    made = frames(size, kind)
    sixty(seconds, lambda number: view.show(Frame(made[number % 4], number, time.time())))

def offer_bare(size, seconds):
    levels = np.random.default_rng(0).integers(0, 255, size, dtype=np.uint8).tobytes()
    sixty(seconds, lambda number: bare.send({}, [levels]))

def sixty(seconds, act):
    # Whatever it takes.
    began, number = time.monotonic(), 0
    while number < 60 * seconds:
        act(number)
        number += 1
        time.sleep(max(0.0, began + number / 60 - time.monotonic()))

def begin(function, *arguments):
    threading.Thread(target=function, args=arguments, daemon=True).start()

both = Window(ipywidgets.VBox([view, bare]), "Paint", "split-right")
"""
PAINTED = "(hook) => [performance.now(), Number(document.querySelector(hook).dataset.painted ?? 0)]"
MOVED = "([hook, count]) => Number(document.querySelector(hook).dataset.painted ?? 0) > count"
SIZES = ((256, "u2"), (1024, "u2"), (2048, "u2"), (2048, "i4"), (2048, "f4"), (4096, "u2"))
SECONDS = 8.0


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_notebook(folder / "paint.ipynb", CELL)
        with jupyter(folder) as (url, token), Lab(url, token) as lab:
            lab.open("paint.ipynb")
            lab.collapse_sidebar()
            lab.run_all()
            lab.page.wait_for_selector(".st-image")
            lab.page.wait_for_selector("canvas.bare")
            for size, kind in SIZES:
                lab.execute("sent.clear()")
                view = _rate(lab, ".st-image", f"offer, {size}, {kind!r}")
                bytes_each = int(lab.execute("print(sum(sent) // max(len(sent), 1))"))
                bare = _rate(lab, "canvas.bare", f"offer_bare, {bytes_each}")
                print(
                    f"{size} x {size} {kind}: {view:.0f} frames/s of {bytes_each / 1024:.0f} kB; a bare canvas: "
                    f"{bare:.0f} frames/s"
                )


def _rate(lab: Lab, hook: str, work: str) -> float:
    """Have frames offered and count what is painted in the middle of that time."""
    before = lab.page.evaluate(PAINTED, hook)[1]
    said = lab.execute(f"begin({work}, {SECONDS})")
    if said:
        raise SystemExit(said)
    lab.page.wait_for_function(MOVED, arg=[hook, before + 20], timeout=120e3)
    began, first = lab.page.evaluate(PAINTED, hook)
    lab.page.wait_for_timeout(SECONDS / 2 * 1e3)
    ended, last = lab.page.evaluate(PAINTED, hook)
    # Until nothing is offered any more.
    lab.page.wait_for_timeout(SECONDS * 1e3)
    return (last - first) / (ended - began) * 1000


if __name__ == "__main__":
    main()
