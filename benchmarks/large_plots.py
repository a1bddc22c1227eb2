"""How often a page draws large plots: a curve of a million points and a map of a hundred thousand, which grow.

``python -m benchmarks.large_plots``: a thread in the kernel gives a result with some more points ten times a second.
The page counts the changes that it has drawn, and the longest time in which it could do nothing else.
"""

import tempfile
from pathlib import Path

from tests.widgets.lab import Lab, jupyter, write_notebook

SECONDS = 15
CELL = """
import threading, time
from dataclasses import replace
import numpy as np
import xarray as xr
from steering.core.result import Outcome, Provenance, Result
from tests.widgets.fake import FakeDesk
from steering_widgets import Dashboard

fed, feeds = [], []
desk = FakeDesk()
dashboard = Dashboard(desk)
random = np.random.default_rng(0)

# Made once: a result that comes from workers costs the kernel nothing to make.
def curve(count):
    th = np.linspace(-0.3, 0.7, count)
    rates = 40 + 2400 * np.exp(-(((th - 0.22) / 0.03) ** 2) / 2) + random.normal(size=count)
    per_second = {"units": "counts/s"}
    values = {"intensity": ("point", rates, per_second), "frame": ("point", np.arange(count))}
    values["intensity_error"] = ("point", np.sqrt(np.abs(rates)), per_second)
    return xr.Dataset(values, {"th": ("point", th, {"units": "deg"})})

def map_of(count):
    side = 400
    rows, columns = np.divmod(np.arange(count), side)
    value = 120 + 900 * np.exp(-(((columns - 200) / 70) ** 2 + ((rows - 120) / 50) ** 2))
    step = ("point", np.full(count, 0.1), {"units": "um"})
    values = {"intensity": ("point", value, {"units": "counts/s"}), "sx_step": step, "sy_step": step,
              "frame": ("point", np.arange(count)), "grid": ("point", np.zeros(count, np.int64))}
    at = {"sx": ("point", 0.1 * columns, {"units": "um"}), "sy": ("point", 0.1 * rows, {"units": "um"})}
    return xr.Dataset(values, at)

def feed(make, count, seconds, name):
    desk.start("rocking" if name == "rocking_curve" else "map")
    run, end, version = desk.board.status.value.run, time.monotonic() + seconds, 1000
    whole = make(count + 400 * seconds)
    while time.monotonic() < end and feeds[-1] is threading.current_thread():
        version, count = version + 1, count + 40
        source = Provenance(run, name, {}, "", "0", "local", count, count - 1)
        desk.board.result.set(Result(version, Outcome({}, whole.isel(point=slice(0, count))), source))
        fed.append(time.monotonic())
        time.sleep(0.1)

def begin(make, count, seconds, name):
    # The one before it ends.
    feeds.append(threading.Thread(target=feed, args=(make, count, seconds, name), daemon=True))
    feeds[-1].start()

dashboard
"""
# Counts the changes of a plot's columns that were drawn, and the longest gap between two frames of the page.
COUNT = """(panel) => {
  const host = document.querySelector(`.st-panel-${panel} .st-plot`);
  const root = Bokeh.index.roots.find((view) => host.contains(view.el) || host.shadowRoot?.contains(view.el));
  window.drawn = 0;
  window.longest = 0;
  let changed = false;
  (root ?? [...Bokeh.index.roots][0]).model.document.on_change(() => { changed = true; }, true);
  let last = performance.now();
  const look = () => {
    const now = performance.now();
    window.longest = Math.max(window.longest, now - last);
    last = now;
    if (changed) window.drawn += 1;
    changed = false;
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""


def main():
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="steering-") as name:
        folder = Path(name)
        write_notebook(folder / "large.ipynb", CELL)
        with jupyter(folder) as (url, token):
            for panel, make, count, analysis in (
                ("curve", "curve", 1_000_000, "rocking_curve"),
                ("map", "map_of", 100_000, "map_features"),
            ):
                with Lab(url, token) as lab:
                    lab.open("large.ipynb")
                    lab.collapse_sidebar()
                    lab.run_all()
                    lab.page.locator(".st-panel-progress").wait_for()
                    lab.execute(f"begin({make}, {count}, {SECONDS + 60}, {analysis!r})")
                    plot = lab.page.locator(f".st-panel-{panel} .st-plot[data-ready]")
                    plot.wait_for()
                    # What nobody has in sight is drawn once a second.
                    plot.scroll_into_view_if_needed()
                    lab.page.locator(f".st-panel-{panel}").get_by_text("points").first.wait_for()
                    lab.page.wait_for_timeout(5000)
                    before = int(lab.value("len(fed)"))
                    lab.page.evaluate(COUNT, panel)
                    lab.page.wait_for_timeout(1000 * SECONDS)
                    drawn, longest = lab.page.evaluate("() => [window.drawn, window.longest]")
                    came = int(lab.value("len(fed)")) - before
                    print(
                        f"{panel} of {count} points: {drawn / SECONDS:.1f} updates/s of {came / SECONDS:.1f} "
                        f"results/s, longest gap {longest:.0f} ms"
                    )


if __name__ == "__main__":
    main()
