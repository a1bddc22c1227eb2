"""Correlation curves in a real Chromium: seen by q with errors, on the axis that a person wants."""

from pathlib import Path

import pytest

from tests.widgets.accessibility import barriers
from tests.widgets.lab import write_notebook
from tests.widgets.test_browser import DARK, LIGHT, SHOTS, overlaps

CELL = """
from functools import partial
import numpy as np
from steering.analyses.xpcs import Xpcs
from steering.core.block import FrameBlock, Inline
from steering.core.result import Provenance, Result
from steering.sim.speckle import GEOMETRY, SpeckleSample
from tests.widgets.control_service import serve_control
from tests.widgets.fake import FakeDesk
from steering_widgets import Dashboard

sample, random = SpeckleSample(endures=1e9), np.random.default_rng(0)
frames = np.stack([sample.frame({}, 1e-3, random) for _ in range(300)]).astype(np.uint16)
analysis = Xpcs(GEOMETRY.json(), q_low=2e-3, q_high=6e-3, bins=8, stretching=1.0)
columns = {"exposure": np.full(len(frames), 1e-3)}
block = FrameBlock("r", "primary", 0, len(frames), Inline(frames), columns, {"exposure": "s"})
outcome = analysis.result(analysis.update(analysis.empty(), block, frames))

desk = FakeDesk()
token = serve_control(desk)
dashboard = Dashboard(desk)
dashboard.open()
desk.start("rocking")
made = Provenance("r", "xpcs", {}, "1a2b3c4d", "0.1.0", "local", 300, 299, label="xpcs")
desk.board.result.set(Result(1, outcome, made))
"""
CARD = ".jupyterlab-sidecar .st-panel-lines"


def shoot(page, name, card=CARD):
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.locator(card).first.screenshot(path=SHOTS / f"{name}.png")


def drawn(page, label):
    page.wait_for_function(
        "(label) => [...document.querySelectorAll('.st-plot')].some((one) =>"
        " one.getAttribute('aria-label') === label && one.offsetParent && one.childElementCount)",
        arg=label,
    )


def seen_at_each_width(lab, name):
    """Look at the card of lines on three widths and in both themes; nothing is in the way of anything or anybody."""
    page = lab.page
    for width in (390, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 1100})
        for theme in (LIGHT, DARK):
            lab.theme(theme)
            drawn(page, "The lines of a result")
            page.locator(CARD).scroll_into_view_if_needed()
            shoot(page, f"{name}-{width}-{'light' if theme == LIGHT else 'dark'}")
            assert overlaps(page) == []
    assert barriers(page) == []


@pytest.mark.browser
def test_the_curves_of_all_q_are_seen_and_their_axis_is_chosen(notebooks):
    write_notebook(notebooks.folder / "xpcs.ipynb", CELL)
    with notebooks.lab(width=1280, height=1100, failure=SHOTS) as lab:
        page = lab.page
        lab.open("xpcs.ipynb")
        lab.collapse_sidebar()
        lab.run_all()
        page.locator(f"{CARD} li").nth(7).wait_for()
        assert page.locator(f"{CARD} li").first.inner_text().startswith("q = 0.00")
        drawn(page, "The lines of a result")
        seen_at_each_width(lab, "lines")
        # What is written is said over the plot, which stays where it is.
        before = page.locator(f"{CARD} .st-plot").bounding_box()
        page.locator(f"{CARD} .st-lines-csv").focus()
        page.keyboard.press("Enter")
        said = page.locator(f"{CARD} .st-lines-written", has_text="Written: ")
        said.wait_for()
        assert page.locator(f"{CARD} .st-plot").bounding_box() == before
        assert barriers(page) == []
        assert "delay (s),g2 [q = 0.002" in Path(said.inner_text().removeprefix("Written: ")).read_text()
        # Only keys: to the menu of the axis, and one further.
        page.locator(f"{CARD} .st-lines-x select").focus()
        page.keyboard.press("ArrowDown")
        drawn(page, "The lines of a result")
        shoot(page, "lines-linear")
        # The columns of the same result are one choice away.
        page.locator(".jupyterlab-sidecar .st-view select").select_option("Columns")
        page.locator(".jupyterlab-sidecar .st-panel-scalars").wait_for()
        assert lab.errors == [], lab.errors
        assert lab.external == []
