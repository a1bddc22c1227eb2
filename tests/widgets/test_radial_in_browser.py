"""I(q) in a real Chromium: on two logarithmic axes with errors and Guinier's law, and on others by keys."""

import pytest

from tests.widgets.lab import write_notebook
from tests.widgets.test_browser import SHOTS
from tests.widgets.test_lines_in_browser import drawn, seen_at_each_width, shoot

CELL = """
import numpy as np
from steering.analyses.radial import Radial
from steering.core.block import FrameBlock, Inline
from steering.core.result import Provenance, Result
from steering.sim.spheres import GEOMETRY, SpheresSample
from tests.widgets.control_service import serve_control
from tests.widgets.fake import FakeDesk
from steering_widgets import Dashboard

sample, random = SpheresSample(), np.random.default_rng(0)
frames = np.stack([sample.exposed({}, 0.1, 0.1, random) for _ in range(20)])
analysis = Radial(
    GEOMETRY.json(), low=8e-3, high=0.2, bins=60, spacing="log", guinier=(8e-3, 0.04), watched=(8e-3, 0.02)
)
block = FrameBlock("r", "primary", 0, 20, Inline(frames), {"seq_num": np.ones(20)}, {})
outcome = analysis.result(analysis.update(analysis.empty(), block, frames))

desk = FakeDesk()
token = serve_control(desk)
dashboard = Dashboard(desk)
dashboard.open()
desk.start("rocking")
made = Provenance("r", "radial", {}, "1a2b3c4d", "0.1.0", "local", 20, 19, label="radial")
desk.board.result.set(Result(1, outcome, made))
"""
CARD = ".jupyterlab-sidecar .st-panel-lines"
# Of the plot of lines: the kind of each axis.
SCALES = """() => {
  const roots = globalThis.Bokeh.documents.flatMap((one) => one.roots());
  const plots = roots.filter((one) => one.below?.some((axis) => axis.axis_label === "q (1/Å)"));
  return plots.map((one) => [one.x_scale.type, one.y_scale.type])[0];
}"""
# Ticks of its horizontal axis from one place to another, as many as there are places for them.
TICKS = """(ranges) => {
  const roots = globalThis.Bokeh.documents.flatMap((one) => one.roots());
  const plot = roots.find((one) => one.below?.some((axis) => axis.axis_label === "q (1/Å)"));
  return ranges.map(([start, end]) => plot.below[0].ticker.get_ticks(start, end, plot.x_range, 0));
}"""
RANGES = {
    (0.008, 0.25): [0.01, 0.02, 0.05, 0.1, 0.2],
    (0.25, 0.008): [0.01, 0.02, 0.05, 0.1, 0.2],
    (0.002, 5.0): [0.01, 0.1, 1],
    (1e-12, 1e12): [10.0**power for power in range(-12, 13, 3)],
    (0.031, 0.049): [0.035, 0.04, 0.045],
    (0.0, 1.0): [],
    (-1.0, 1.0): [],
}


@pytest.mark.browser
def test_a_curve_that_falls_by_decades_is_seen_whole_and_its_axes_are_chosen(notebooks):
    write_notebook(notebooks.folder / "radial.ipynb", CELL)
    with notebooks.lab(width=1280, height=1100, failure=SHOTS) as lab:
        page = lab.page
        lab.open("radial.ipynb")
        lab.collapse_sidebar()
        lab.run_all()
        page.locator(f"{CARD} li").nth(1).wait_for()
        assert page.locator(f"{CARD} li").first.inner_text() == "all frames"
        drawn(page, "The lines of a result")
        assert page.evaluate(SCALES) == ["LogScale", "LogScale"]
        found = page.evaluate(TICKS, [list(one) for one in RANGES])
        assert [one["major"] for one in found] == [pytest.approx(ticks) for ticks in RANGES.values()]
        assert found[0]["minor"][:3] == [0.008, 0.009, 0.03]
        assert all(len(one["major"]) < 10 and len(one["minor"]) < 80 for one in found)
        seen_at_each_width(lab, "saxs")
        # Only keys: to the menu of the vertical axis, and one further.
        page.locator(f"{CARD} .st-lines-y select").focus()
        page.keyboard.press("ArrowDown")
        page.wait_for_function(f"() => ({SCALES})()[1] === 'LinearScale'")
        shoot(page, "saxs-linear-y")
        page.keyboard.press("ArrowUp")
        page.wait_for_function(f"() => ({SCALES})()[1] === 'LogScale'")
        shoot(page, "saxs-log-again")
        assert lab.errors == [], lab.errors
        assert lab.external == []
