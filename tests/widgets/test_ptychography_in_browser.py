"""An object and a probe in a real Chromium: pictures with axes in micrometres, and why there is none yet."""

import pytest

from tests.widgets.accessibility import barriers
from tests.widgets.lab import write_notebook
from tests.widgets.test_browser import DARK, LIGHT, SHOTS, overlaps

CELL = """
import numpy as np
from steering.analyses.ptychography import Ptychography
from steering.core.result import Provenance, Result
from steering.sim.star import GEOMETRY
from tests.analyses.ptychography import block_of, grid, scanned
from tests.widgets.control_service import serve_control
from tests.widgets.fake import FakeDesk
from steering_widgets import Dashboard

positions = grid(0.13, 0.8)
block = block_of(scanned(positions), positions)
analysis = Ptychography(geometry=GEOMETRY.json(), defocus=55.0, iterations=5, modes=2)


def result(version, count):
    part = block.part(0, count)
    outcome = analysis.result(analysis.update(analysis.empty(), part, part.place.frames))
    made = Provenance("r", "ptychography", {}, "1a2b3c4d", "0.1.0", "local", count, count - 1, label="ptychography")
    return Result(version, outcome, made)


desk = FakeDesk()
token = serve_control(desk)
dashboard = Dashboard(desk)
dashboard.open()
desk.start("map")
desk.board.result.set(result(1, 2))
"""
GROWN = "desk.board.result.set(result(2, len(block)))"
CARD = ".jupyterlab-sidecar .st-panel-array"
PLOT = "An array of the result as an image"


def shoot(page, name):
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.locator(CARD).first.screenshot(path=SHOTS / f"{name}.png")


def drawn(page):
    page.wait_for_function(
        "(label) => [...document.querySelectorAll('.st-plot')].some((one) =>"
        " one.getAttribute('aria-label') === label && one.offsetParent && one.childElementCount)",
        arg=PLOT,
    )


@pytest.mark.browser
def test_object_and_probe_are_seen_in_micrometres(notebooks):
    write_notebook(notebooks.folder / "ptychography.ipynb", CELL, GROWN)
    with notebooks.lab(width=1280, height=1100, failure=SHOTS) as lab:
        page = lab.page
        lab.open("ptychography.ipynb")
        lab.collapse_sidebar()
        lab.run_all()
        show = page.locator(f"{CARD} .st-array-name select")
        show.wait_for()
        drawn(page)
        for width in (390, 1280, 1920):
            page.set_viewport_size({"width": width, "height": 1100})
            for theme in (LIGHT, DARK):
                lab.theme(theme)
                drawn(page)
                page.locator(CARD).scroll_into_view_if_needed()
                shoot(page, f"ptychography-{width}-{'light' if theme == LIGHT else 'dark'}")
                assert overlaps(page) == []
        assert barriers(page) == []
        # Only keys: from the phase to the amplitude, and to the probe with its modes.
        show.focus()
        page.keyboard.press("ArrowDown")
        drawn(page)
        assert show.input_value() == "object_amplitude"
        shoot(page, "ptychography-amplitude")
        show.select_option("probe_amplitude")
        page.locator(f"{CARD} .st-array-layer").wait_for()
        shoot(page, "ptychography-probe")
        assert lab.errors == [], lab.errors
        assert lab.external == []
