"""How many frames a second a page paints; run as ``python -m benchmarks.paint``.

A thread in the kernel offers frames faster than any page can paint them; flow control decides what is sent. The page
counts what it has painted.
"""

import tempfile
from pathlib import Path

from tests.widgets.lab import Lab, jupyter, write_notebook

CELL = """
import threading, time
import numpy as np
from steering.core.frame import Frame
from steering_widgets import ImageView

view = ImageView()

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
    number, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        view.show(Frame(made[number % 4], number, time.time()))
        number += 1
        time.sleep(1 / 60)

def begin(size, kind, seconds):
    threading.Thread(target=offer, args=(size, kind, seconds), daemon=True).start()

view
"""
PAINTED = "() => [performance.now(), Number(document.querySelector('.st-image').dataset.painted ?? 0)]"


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
            for size, kind in ((256, "u2"), (1024, "u2"), (2048, "u2"), (2048, "i4"), (2048, "f4")):
                before = lab.page.evaluate(PAINTED)[1]
                lab.execute(f"begin({size}, {kind!r}, 9.0)")
                lab.page.wait_for_function(
                    "(count) => Number(document.querySelector('.st-image').dataset.painted) > count", arg=before + 20
                )
                print(f"{size} x {size} {kind}: {_rate(lab, 4000):.0f} frames/s")
                lab.page.wait_for_timeout(6000)


def _rate(lab: Lab, milliseconds: int) -> float:
    began, first = lab.page.evaluate(PAINTED)
    lab.page.wait_for_timeout(milliseconds)
    ended, last = lab.page.evaluate(PAINTED)
    return (last - first) / (ended - began) * 1000


if __name__ == "__main__":
    main()
