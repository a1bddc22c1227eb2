"""Spots of a pull in a real Chromium: how wide they are at each load, and the table of them."""

import pytest

from tests.widgets.accessibility import barriers
from tests.widgets.lab import write_notebook
from tests.widgets.test_browser import DARK, LIGHT, SHOTS, overlaps
from tests.widgets.test_lines_in_browser import CARD, drawn, shoot

CELL = """
import numpy as np
from steering.analyses.hedm import Hedm
from steering.core.block import FrameBlock, Inline
from steering.core.result import Provenance, Result
from steering.sim.grains import GEOMETRY, GrainSample
from tests.widgets.control_service import serve_control
from tests.widgets.fake import FakeDesk
from steering_widgets import Dashboard

sample, random = GrainSample(grains=30), np.random.default_rng(0)
analysis = Hedm(threshold=6, geometry=GEOMETRY.json(), slow="load")
state, omega = analysis.empty(), np.linspace(-15, 15, 61)
for turn, load in enumerate((0.0, 200.0, 300.0, 350.0, 400.0)):
    frames = np.stack([sample.frame({"omega": at, "load": load}, 0.2, random) for at in omega])
    columns = {"omega": omega, "load": np.full(61, load), "exposure": np.full(61, 0.2)}
    columns |= {"seq_num": np.full(61, turn + 1.0), "burst_index": np.arange(61.0)}
    units = {"omega": "deg", "load": "MPa", "exposure": "s"}
    block = FrameBlock("r", "primary", 61 * turn, 61 * turn + 61, Inline(frames), columns, units)
    state = analysis.update(state, block, frames)
outcome = analysis.result(state)

desk = FakeDesk()
token = serve_control(desk)
dashboard = Dashboard(desk)
dashboard.open()
desk.start("rocking")
made = Provenance("r", "hedm", {}, "1a2b3c4d", "0.1.0", "local", 305, 304, label="hedm")
desk.board.result.set(Result(1, outcome, made))
"""
PLOT = "The lines of a result"


@pytest.mark.browser
def test_the_widths_of_all_loads_are_seen_and_the_spots_are_a_choice_away(notebooks):
    write_notebook(notebooks.folder / "hedm.ipynb", CELL)
    with notebooks.lab(width=1280, height=1100, failure=SHOTS) as lab:
        page = lab.page
        lab.open("hedm.ipynb")
        lab.collapse_sidebar()
        lab.run_all()
        page.locator(f"{CARD} li").nth(4).wait_for()
        assert page.locator(f"{CARD} li").nth(1).inner_text() == "load = 200 MPa"
        drawn(page, PLOT)
        for width in (390, 1280, 1920):
            page.set_viewport_size({"width": width, "height": 1100})
            for theme in (LIGHT, DARK):
                lab.theme(theme)
                drawn(page, PLOT)
                page.locator(CARD).scroll_into_view_if_needed()
                shoot(page, f"hedm-{width}-{'light' if theme == LIGHT else 'dark'}")
                assert overlaps(page) == []
        assert barriers(page) == []
        # Only keys: the menu of views, to the columns, and eta against omega of each spot.
        page.locator(".jupyterlab-sidecar .st-view select").select_option("Columns")
        page.locator(".jupyterlab-sidecar .st-panel-scalars").wait_for()
        shoot(page, "hedm-columns", ".jupyterlab-sidecar .st-panel-scalars")
        page.set_viewport_size({"width": 1280, "height": 1600})
        page.screenshot(path=SHOTS / "hedm-page.png")
        assert lab.errors == [], lab.errors
        assert lab.external == []
